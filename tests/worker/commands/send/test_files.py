import gzip
import io
import sys
from pathlib import Path

import pytest

from worker.commands.send.files import BadRow, Columns, Row, read_rows

SAMPLE = Path(__file__).parents[4] / "deploy/local/demo/sample_reviews.tsv.gz"


def rows(path: Path, text_column: str | None = None, id_column: str | None = None) -> list[Row]:
    return list(read_rows(str(path), "auto", Columns(text_column, id_column)))


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_every_row_of_the_sample_is_read_in_its_gzipped_kaggle_form() -> None:
    found = rows(SAMPLE)
    assert len(found) == 2_000
    assert found[0].review_id == "1760_1"
    assert found[0].text.startswith("I had to write a review for this film")


def test_the_kaggle_form_keeps_quotes_inside_and_takes_a_label_column(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'id\tsentiment\treview\n"5_8"\t1\t"He said \\"no, never\\" twice"\n')
    [row] = rows(path)
    assert (row.review_id, row.text) == ("5_8", 'He said "no, never" twice')


def test_other_tab_separated_files_have_the_usual_quotes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", 'text\tstars\n"good\tand ""fine"""\t5\n')
    assert [row.text for row in rows(path)] == ['good\tand "fine"']


def test_commas_line_breaks_and_quotes_stand_in_quoted_cells(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '\ufeffid,text\r\n1,"good,\r\nreally ""good"""\r\n2,bad\r\n')
    found = rows(path)
    assert [(row.review_id, row.text) for row in found] == [("1", 'good,\r\nreally "good"'), ("2", "bad")]
    assert [row.where.rpartition(", ")[2] for row in found] == ["line 2", "line 4"]


def test_columns_are_picked_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "tweet_id,text,body\n7,no,yes\n")
    [row] = rows(path, text_column="body", id_column="tweet_id")
    assert (row.review_id, row.text) == ("7", "yes")


def test_without_an_id_column_rows_have_no_id(tmp_path: Path) -> None:
    [row] = rows(written(tmp_path / "a.csv", "text\nfine\n"))
    assert row.review_id is None


def test_json_lines_go_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"id": "1", "text": "a"}\n\n  {"text":"b"}  \n')
    assert [row.value for row in rows(path)] == [b'{"id": "1", "text": "a"}', b'{"text":"b"}']


@pytest.mark.parametrize(
    ("content", "texts", "values"),
    [
        ('{"text": "a"}\n', [""], [b'{"text": "a"}']),
        ("review\tstars\nfine\t5\n", ["fine"], [None]),
        ("fine, really\nbad\n", ["fine, really", "bad"], [None, None]),
        ("", [], []),
    ],
)
def test_the_first_line_tells_the_form_where_the_name_does_not(
    content: str, texts: list[str], values: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content.encode())))
    monkeypatch.setattr(sys, "stdin", stdin)
    found = rows(Path("-"))
    assert ([row.text for row in found], [row.value for row in found]) == (texts, values)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "id,text\n1,a\n2\n", "line 3: 1 columns where the header has 2"),
        ("a.csv", 'text\n"a"b"\n', "line 2: "),
        ("a.csv", 'text\n"never closed\n', "line 2: "),
        ("a.csv", "words\na\n", r"line 1: there is no column text in the header \(words\): see --text-column"),
        ("a.csv", "", "line 1: there is no column text"),
        ("a.txt", b"good\n\xff\n", "line 2: not UTF-8 text"),
        ("a.txt.gz", gzip.compress(b"good\n" * 99, mtime=0)[:-9], "cut off or damaged"),
        ("a.txt.gz", gzip.compress(b"good\n" * 99, mtime=0)[:20] + b"?" * 20, "cut off or damaged"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(name: str, content: str | bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadRow, match=reason) as caught:
        rows(written(tmp_path / name, content))
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadRow, match=r"cannot read .*gone\.csv: No such file or directory"):
        rows(tmp_path / "gone.csv")
