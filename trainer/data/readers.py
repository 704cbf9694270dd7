"""Labelled and unlabelled texts from the files and folders that people have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data.files import open_bytes, read_lines
from trainer.data.tables import Table, listed, read_table, shown
from trainer.data.texts import CLASSES, LabelledTexts
from trainer.errors import BadData

PARTS = ("train", "test")


def read_folder(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(name, text) of every .txt file in each of the named folders in `path`, in the order of names and file names.

    Line ends at the end of a text are left out. Raises BadData unless all these folders are there, each with a file.
    """
    missing = [f"{name}/" for name in names if not (path / name).is_dir()]
    parts = [part for part in PARTS if all((path / part / name).is_dir() for name in names)]
    if missing and parts:
        raise BadData(f"{path} has its texts one folder deeper; name its {' or '.join(parts)} instead.")
    if missing:
        raise BadData(f"{path} is a folder without {' and '.join(missing)}; expected a file, or a folder of aclImdb.")
    for name in names:
        files = sorted((path / name).glob("*.txt"))
        if not files:
            raise BadData(f"{path / name} has no .txt files.")
        for file in files:
            with open_bytes(file) as content:
                yield name, "".join(read_lines(file, content)).rstrip("\r\n")


CLASSES_WITH_NEUTRAL = ("negative", "neutral", "positive")
LABEL_SPELLINGS = {
    **dict.fromkeys(("negative", "neg", "0", "false"), "negative"),
    **dict.fromkeys(("neutral", "neu"), "neutral"),
    **dict.fromkeys(("positive", "pos", "1", "true"), "positive"),
}
RATINGS = [
    str(rating) for rating in range(1, 11)
]  # in the ids of Kaggle's IMDB reviews, as "123_8"; its unlabelled file has 0 instead
FIRST_POSITIVE_RATING = 5


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns with the texts and the labels; None: those of the known form that the file has."""

    text: str | None = None
    label: str | None = None


KNOWN_FORMS = (
    Columns("text", "airline_sentiment"),  # the airline tweets
    Columns("review", "sentiment"),  # Kaggle's IMDB reviews; the next is its test file, the label in the id's rating
    Columns("review", "id"),
)
FORM_OF_THE_FILE = Columns()


def read_labelled(path: Path, columns: Columns = FORM_OF_THE_FILE, keep_neutral: bool = False) -> LabelledTexts:
    """Reads texts and their labels, duplicates included, in the order of the file.

    `path`, plain or gzipped, is Kaggle's IMDB TSV (labels in `sentiment` or in the id's rating), the airline tweets'
    CSV, or any CSV, TSV, JSON lines or Parquet of which `columns` names two columns; or a folder of aclImdb with neg/
    and pos/. Neutral texts are left out, or make a third class with `keep_neutral`. Raises BadData with file, line
    (row in Parquet) and what was expected for anything else.
    """
    classes = CLASSES_WITH_NEUTRAL if keep_neutral else CLASSES
    texts: list[str] = []
    labels: list[int] = []
    left_out = 0
    for text, label in _labelled_rows(path, columns):
        if label in classes:
            texts.append(text)
            labels.append(classes.index(label))
        else:
            left_out += 1
    if not texts:
        raise BadData(f"{path} has {'only neutral texts' if left_out else 'no rows'}.")
    return LabelledTexts(tuple(texts), np.array(labels, np.int32), classes)


def read_unlabelled(path: Path, columns: Columns = FORM_OF_THE_FILE) -> tuple[str, ...]:
    """Reads the texts alone, each once, in the order of the file; labels and ids are not looked at.

    As `read_labelled`, but only a text column is needed: the one that `columns` names or, where the file lacks that,
    the one of its known form. A folder of aclImdb needs unsup/ only. Raises BadData.
    """
    texts = tuple(dict.fromkeys(_texts(path, columns)))
    if not texts:
        raise BadData(f"{path} has no rows.")
    return texts


def _texts(path: Path, columns: Columns) -> Iterator[str]:
    if path.is_dir():
        yield from (text for _, text in read_folder(path, ("unsup",)))
        return
    with open_bytes(path) as file:
        table = read_table(path, file)
        form = _form_of(table)
        name = columns.text if columns.text in table.columns or form.text is None else form.text
        for location, (text,) in table.rows(_settings(path, table, (("--text", name),))):
            yield _text(location, text)


def _labelled_rows(path: Path, columns: Columns) -> Iterator[tuple[str, str]]:
    """(text, one of CLASSES_WITH_NEUTRAL) of each row."""
    if path.is_dir():
        yield from ((text, LABEL_SPELLINGS[name]) for name, text in read_folder(path, ("neg", "pos")))
        return
    with open_bytes(path) as file:
        table = read_table(path, file)
        form = _form_of(table)
        text_name, label_name = columns.text or form.text, columns.label or form.label
        read_label = _rated if columns.label is None and label_name == "id" else _spelled
        settings = _settings(path, table, (("--text", text_name), ("--label", label_name)))
        for location, (text, label) in table.rows(settings):
            yield _text(location, text), read_label(location, label)


def _form_of(table: Table) -> Columns:
    return next((form for form in KNOWN_FORMS if {form.text, form.label} <= set(table.columns)), FORM_OF_THE_FILE)


def _settings(path: Path, table: Table, names: Iterable[tuple[str, str | None]]) -> list[str]:
    """The names, when each is the name of one column; `names` come with the options that name them."""
    unnamed = [option for option, name in names if name is None]
    if unnamed:
        raise BadData(
            f"{path} has the columns {listed(table.columns)}; name one with {' and one with '.join(unnamed)}."
        )
    settings = [name for _, name in names if name is not None]
    for name in settings:
        if table.columns.count(name) != 1:
            count = "no" if name not in table.columns else "more than one"
            raise BadData(f"{path} has {count} column {shown(name)}; its columns are {listed(table.columns)}.")
    return settings


def _text(location: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadData(f"{location}: the text is {shown(value)}; expected a string.")
    return value


def _spelled(location: str, value: object) -> str:
    """The class that a label of any type spells."""
    plain = int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value
    label = LABEL_SPELLINGS.get(str(plain).strip().lower())
    if label is None:
        raise BadData(f"{location}: the label is {shown(value)}; expected negative, positive, neutral, 0 or 1.")
    return label


def _rated(location: str, value: object) -> str:
    """The class of the rating after the underscore of an id."""
    _, underscore, rating = str(value).rpartition("_")
    if not underscore or rating not in RATINGS:
        raise BadData(
            f"{location}: the id is {shown(value)}; expected one with a rating of 1 to 10, as 123_8, "
            "or a column of labels that --label names."
        )
    return "positive" if int(rating) >= FIRST_POSITIVE_RATING else "negative"
