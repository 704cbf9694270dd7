"""The folder form of the IMDB reviews (aclImdb): one text a file, in folders named by their labels."""

from collections.abc import Iterator
from pathlib import Path

from trainer.errors import BadData
from trainer.files import open_bytes, read_lines

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
