import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.readers import Columns, read_labelled, read_unlabelled
from trainer.errors import BadData

TRAINING_TSV = 'id\tsentiment\treview\n"1_8"\t1\t"A \\"great\\" film"\n"2_3"\t0\t"Bad<br />film, ""so to speak"\n'
TEST_TSV = 'id\treview\n"1_8"\t"good"\n"2_4"\t"bad"\n"3_5"\t"good"\n'
TWEETS = (
    "tweet_id,airline_sentiment,name,text\n"
    '7,neutral,x,"@air what, ""when""?"\n8,positive,y,thanks\n9,negative,z,"late\nagain"\n'
)
OWN = Columns("body", "stars")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[[str, str | bytes], Path]


def test_kaggles_training_file_has_labels_in_a_column_and_backslashes_before_quotes(write: Write) -> None:
    data = read_labelled(write("train.tsv", TRAINING_TSV))
    assert data.texts == ('A "great" film', 'Bad<br />film, ""so to speak')
    assert data.labels.tolist() == [1, 0]


def test_kaggles_test_file_has_labels_in_the_ratings_of_its_ids(write: Write) -> None:
    assert read_labelled(write("test.tsv", TEST_TSV)).labels.tolist() == [1, 0, 1]


def test_kaggles_quoting_holds_also_when_the_columns_are_named(write: Write) -> None:
    data = read_labelled(write("train.tsv", TRAINING_TSV), Columns("review", "sentiment"))
    assert data.texts[0] == 'A "great" film'


@pytest.mark.parametrize("name", ["train.tsv.gz", "train.tsv", "train.txt", "train"])
def test_a_gzipped_file_reads_like_a_plain_one_whatever_its_name(write: Write, name: str) -> None:
    assert read_labelled(write(name, gzip.compress(TRAINING_TSV.encode()))).texts[0] == 'A "great" film'


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(write: Write) -> None:
    content = "\ufeff" + TRAINING_TSV.replace("\n", "\r\n")
    assert read_labelled(write("train.tsv", content)).texts[0] == 'A "great" film'


def test_neutral_tweets_are_left_out(write: Write) -> None:
    data = read_labelled(write("Tweets.csv", TWEETS))
    assert data.texts == ("thanks", "late\nagain")
    assert data.labels.tolist() == [1, 0]


def test_neutral_tweets_are_a_class_when_asked_for(write: Write) -> None:
    data = read_labelled(write("Tweets.csv", TWEETS), keep_neutral=True)
    assert data.texts[0] == '@air what, "when"?'
    assert [data.classes[label] for label in data.labels] == ["neutral", "positive", "negative"]


def test_the_folder_form_has_its_labels_in_the_names_of_folders(write: Write, tmp_path: Path) -> None:
    write("pos/0_1.txt", "good\n")
    write("neg/0_10.txt", "bad\nvery bad")
    data = read_labelled(tmp_path)
    assert data.texts == ("bad\nvery bad", "good")
    assert data.labels.tolist() == [0, 1]


def test_texts_without_labels_come_from_the_folder_unsup(write: Write, tmp_path: Path) -> None:
    write("pos/0_9.txt", "good")
    write("unsup/0_0.txt", "first")
    write("unsup/1_0.txt", "second")
    assert read_unlabelled(tmp_path) == ("first", "second")


@pytest.mark.parametrize(
    ("columns", "content"),
    [
        (Columns(), "id\treview\n1_0\ta\n2_0\tb\n3_0\ta\n"),
        (Columns("review"), "id\treview\n1_0\ta\n2_0\tb\n3_0\ta\n"),
        (OWN, "id\treview\n1_0\ta\n2_0\tb\n3_0\ta\n"),
        (OWN, "body\tnumber\na\t1\nb\t2\na\t3\n"),
    ],
)
def test_only_the_texts_are_read_without_labels_each_once(write: Write, columns: Columns, content: str) -> None:
    assert read_unlabelled(write("texts.tsv", content), columns) == ("a", "b")


def test_one_named_column_goes_with_the_other_of_the_known_form(write: Write) -> None:
    path = write("Tweets.csv", TWEETS)
    assert read_labelled(path, Columns(text="name")).texts == ("y", "z")


@pytest.mark.parametrize("spelling", ["positive", "POS", " 1 ", "true", 1, 1.0, True])
def test_a_label_may_be_spelled_in_several_ways(write: Write, spelling: object) -> None:
    lines = [json.dumps({"body": "a", "stars": spelling}), "", '{"body": "b", "stars": "Neg"}', ""]
    assert read_labelled(write("own.jsonl", "\n".join(lines)), OWN).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "content"),
    [("own.txt", "body,stars\na,1\n"), ("own", "stars\tbody\n1\ta\n"), ("own.log", '{"stars":1,"body":"a"}\n')],
)
def test_a_name_that_tells_nothing_leaves_it_to_the_content(write: Write, name: str, content: str) -> None:
    assert read_labelled(write(name, content), OWN).texts == ("a",)


def test_a_text_may_be_longer_than_the_csv_module_takes_by_itself(write: Write) -> None:
    assert len(read_labelled(write("own.csv", f"body,stars\n{'a' * 300_000},1\n"), OWN).texts[0]) == 300_000


@pytest.mark.parametrize("read", [read_labelled, read_unlabelled])
def test_a_missing_file_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(BadData, match=r"Cannot read .*nothing.tsv: No such file"):
        read(tmp_path / "nothing.tsv")


def _write_csv(path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("body", "stars"), *rows])


def _write_table(path: Path, rows: list[tuple[str, str]]) -> None:
    if path.suffix == ".jsonl":
        lines = [json.dumps({"stars": label, "body": text}, ensure_ascii=len(text) % 2 == 0) for text, label in rows]
        path.write_bytes("\n".join(lines).encode())
    elif path.suffix == ".parquet":
        texts, labels = zip(*rows, strict=True)
        pyarrow.parquet.write_table(pyarrow.table({"number": range(len(rows)), "stars": labels, "body": texts}), path)
    else:
        _write_csv(path, rows, "\t" if path.suffix == ".tsv" else ",")


TEXTS = st.text(st.characters(codec="utf-8")) | st.text('a,\t"\n\r\\ {')


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.sampled_from(["negative", "neutral", "positive"])), min_size=1),
    zipped=st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list[tuple[str, str]], zipped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"round_trip{suffix}"
    _write_table(path, rows)
    if zipped:
        path = path.rename(f"{path}.gz")
        path.write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    data = read_labelled(path, OWN, keep_neutral=True)
    assert list(zip(data.texts, (data.classes[label] for label in data.labels), strict=True)) == rows
    assert read_unlabelled(path, OWN) == tuple(dict.fromkeys(text for text, _ in rows))
