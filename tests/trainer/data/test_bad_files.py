"""Every bad file is told in one sentence, with the file, the line and what was expected."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.readers import Columns, read_labelled, read_unlabelled
from trainer.errors import BadData

OWN = Columns("body", "stars")
KNOWN_FORM = Columns()
GZIPPED = gzip.compress(b"id\treview\n1_8\tgood\n" * 100, mtime=0)


def load_failure(path: Path, columns: Columns = OWN) -> str:
    with pytest.raises(BadData) as raised:
        read_labelled(path, columns)
    sentence = str(raised.value)
    assert sentence.count(str(path)) == 1
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "", "FILE is empty."),
        ("a.jsonl", "\n \n", "FILE is empty."),
        ("a.csv", "\ufeff\n", "FILE is empty."),
        ("a.csv", "body,stars\n\n", "FILE has no rows."),
        ("a.csv", "body,stars\na,neutral\n", "FILE has only neutral texts."),
        ("a.csv", "body;stars\na;1\n", "FILE, line 1: expected columns separated by commas, not semicolons."),
        ("a.tsv", "body,stars\na,1\n", "FILE, line 1: expected columns separated by tabs, not commas."),
        ("a.csv", "body,score\na,1\n", 'FILE has no column "stars"; its columns are "body", "score".'),
        ("a.csv", "body,stars,body\na,1,b\n", 'FILE has more than one column "body"; '),
        ("a.csv", 'body,stars\n"a\nb",1\nc\n', "FILE, line 4: 1 cells where the header has 2."),
        ("a.csv", 'body,stars\n"a\nb",1\n\nc,5\n', 'FILE, line 5: the label is "5"; expected negative, positive,'),
        ("a.csv", 'body,stars\n"a" b,1\n', "FILE, line 2: the row that starts here has a quote out of place"),
        ("a.csv", 'body,stars\na,1\n"b,1\nc,0\n', "FILE, line 3: the row that starts here has a quote out of place"),
        ("a.csv", "body,stars\ra,1\r", "FILE, line 1: a carriage return stands alone; expected line feeds"),
        ("a.jsonl", '{"body":"a","stars":1}\n{"body":', "FILE, line 2: expected one JSON object on each line; this is"),
        ("a.jsonl", '\n["a", 1]\n', 'FILE, line 2: expected one JSON object on each line; this is ["a", 1].'),
        ("a.jsonl", "[" * 100_000, "FILE, line 1: expected one JSON object on each line"),
        ("a.jsonl", '{"body":"a","stars":1}\n{"x":2}\n', 'FILE, line 2: the object has no "body"; it has "x".'),
        ("a.jsonl", '{"body":null,"stars":1}\n', "FILE, line 1: the text is null; expected a string."),
        ("a.jsonl", '{"body":"a","stars":[1]}\n', "FILE, line 1: the label is [1]; expected negative"),
        ("a.jsonl", '{"body":"a","stars":0.5}\n', "FILE, line 1: the label is 0.5; expected negative"),
        ("a.parquet", "body,stars\na,1\n", "FILE is not a Parquet file"),
    ],
)
def test_a_table_with_named_columns(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    assert sentence in load_failure(path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"a,b\n1,2\n", 'FILE has the columns "a", "b"; name one with --text and one with --label.'),
        ("a.jsonl", b'{"text":"a","stars":1}', 'FILE has the columns "text", "stars"; name one with --text and one'),
        ("a.tsv", b"id\treview\n", "FILE has no rows."),
        ("a.tsv", b"id\treview\n1_8\n", "FILE, line 2: 1 cells where the header has 2."),
        (
            "a.tsv",
            b"id\treview\n1_8\ta\n\n9\ta\n",
            'FILE, line 4: the id is "9"; expected one with a rating of 1 to 10',
        ),
        ("a.tsv", b"id\treview\n9_0\ta\n", 'FILE, line 2: the id is "9_0"; expected one with a rating of 1 to 10'),
        ("a.tsv", b"id\tsentiment\treview\n1_8\t2\ta\n", 'FILE, line 2: the label is "2"; expected negative'),
        ("a.csv", b"text,airline_sentiment\na,mixed\n", 'FILE, line 2: the label is "mixed"; expected negative'),
        ("a.tsv", b"id\treview\n1_8\ta\n1_8\tna\xefve\n", "FILE, line 3: the byte 0xef is not UTF-8"),
        ("a.tsv", "id\treview\n".encode("utf-16"), "FILE, line 1: the byte 0xff is not UTF-8"),
        ("a.tsv", GZIPPED[:-12], "Cannot read FILE: its gzip data is cut off or damaged."),
        ("a.tsv", GZIPPED[:-8] + bytes(8), "Cannot read FILE: its gzip data is cut off or damaged."),
        ("a.tsv", b"\x1f\x8bnot gzip", "Cannot read FILE: its gzip data is cut off or damaged."),
        ("a.tsv", GZIPPED[:10] + b"\xff" * 20, "Cannot read FILE: its gzip data is cut off or damaged."),
        ("a.tsv.gz", b"id\treview\n1_8\ta\n", "FILE is not gzipped, although its name ends in .gz."),
    ],
)
def test_a_table_of_a_known_form(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert sentence in load_failure(path, KNOWN_FORM)


def test_a_header_of_hundreds_of_columns_does_not_make_the_sentence_long(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"{'column' * 100}{number}" for number in range(500)))
    assert len(load_failure(path)) < 2_000
    assert "and 480 more" in load_failure(path)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"body": ["a", None], "stars": [1, 0]}, "FILE, row 2: the text is null; expected a string."),
        ({"body": ["a", "b"], "stars": [1.0, 0.25]}, "FILE, row 2: the label is 0.25; expected negative"),
        ({"body": [b"a"], "stars": [1]}, "FILE, row 1: the text is \"b'a'\"; expected a string."),
        ({"text": ["a"], "stars": [1]}, 'FILE has no column "body"; its columns are "text", "stars".'),
        ({"body": pyarrow.array([], "string"), "stars": pyarrow.array([], "int8")}, "FILE has no rows."),
    ],
)
def test_a_parquet_file_with_a_bad_value_or_column(tmp_path: Path, columns: dict[str, list], sentence: str) -> None:
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    assert sentence in load_failure(path)


@pytest.mark.parametrize(
    ("first", "count", "sentence"),
    [(-8, 8, "is not a Parquet file, or is cut off"), (4, 40, "its Parquet data is damaged after row 0")],
)
def test_a_parquet_file_with_damage(tmp_path: Path, first: int, count: int, sentence: str) -> None:
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"body": ["a"] * 99, "stars": [1] * 99}), path)
    content = bytearray(path.read_bytes())
    index = first % len(content)
    content[index : index + count] = b"\xff" * count
    path.write_bytes(content)
    assert sentence in load_failure(path)


def _parquet_bytes() -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"body": ["a", "b"], "stars": [0, 1]}), sink)
    return sink.getvalue().to_pybytes()


CSV = b'body,stars\n"a ""b""\n",1\nc,0\n'
SOUND = {
    ".csv": CSV,
    ".jsonl": b'{"body":"\xc3\xa9","stars":"pos"}\n{"body":"b","stars":0}\n',
    ".parquet": _parquet_bytes(),
    ".csv.gz": gzip.compress(CSV, mtime=0),
}


@pytest.mark.parametrize("suffix", SOUND)
@settings(max_examples=100, deadline=None)
@given(index=st.integers(0, 2_000), left_out=st.integers(0, 5), put_in=st.binary(max_size=5))
def test_a_file_with_any_damage_is_read_or_refused_but_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, index: int, left_out: int, put_in: bytes
) -> None:
    path, content = tmp_path_factory.getbasetemp() / f"damaged{suffix}", SOUND[suffix]
    index %= len(content)
    path.write_bytes(content[:index] + put_in + content[index + left_out :])
    try:
        texts, sentence = read_labelled(path, OWN).texts, f"{path} is sound."
    except BadData as error:
        texts, sentence = ("none",), str(error)
    assert texts
    assert re.fullmatch(rf"[^\n]*{re.escape(str(path))}[^\n]*\.", sentence)


@pytest.mark.parametrize(("read", "parts"), [(read_labelled, "train or test"), (read_unlabelled, "train")])
def test_the_root_of_aclimdb_has_parts_of_which_to_name_one(
    tmp_path: Path, read: Callable[[Path], object], parts: str
) -> None:
    for name in ("train/pos", "train/neg", "train/unsup", "test/pos", "test/neg"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(BadData, match=f"has its texts one folder deeper; name its {parts} instead"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ((), "FILE is a folder without neg/ and pos/; expected a file, or a folder of aclImdb."),
        (("pos",), "FILE is a folder without neg/; expected"),
        (("pos", "neg"), "FILE/neg has no .txt files."),
    ],
)
def test_a_folder_that_is_none_of_aclimdb(tmp_path: Path, folders: tuple[str, ...], sentence: str) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    assert sentence in load_failure(tmp_path)


def test_a_text_in_a_folder_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0_1.txt").write_bytes(b"fine\nna\xefve")
    assert "FILE/neg/0_1.txt, line 2: the byte 0xef" in load_failure(tmp_path)


def test_texts_alone_need_a_column_that_is_known_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title,content\na,b\n")
    with pytest.raises(BadData, match=r'has the columns "title", "content"; name one with --text\.'):
        read_unlabelled(path)
    with pytest.raises(BadData, match='has no column "body"'):
        read_unlabelled(path, Columns("body"))


def test_texts_alone_need_the_folder_unsup(tmp_path: Path) -> None:
    (tmp_path / "pos").mkdir()
    with pytest.raises(BadData, match="is a folder without unsup/"):
        read_unlabelled(tmp_path)
