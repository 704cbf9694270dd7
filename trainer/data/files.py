"""The bytes and lines of a file, plain or gzipped; whatever is wrong with them is BadData with the file's name."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast

from trainer.errors import BadData

GZIP_START = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@contextmanager
def open_bytes(path: Path) -> Iterator[BufferedReader]:
    """The file's bytes, unzipped where they start as gzip does; also turns what goes wrong while they are read."""
    try:
        with path.open("rb") as file:
            if file.peek(1)[: len(GZIP_START)] == GZIP_START:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield BufferedReader(cast(BufferedReader, unzipped))
            elif path.suffix.lower() == ".gz":
                raise BadData(f"{path} is not gzipped, although its name ends in .gz.")
            else:
                yield file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadData(f"Cannot read {path}: its gzip data is cut off or damaged.") from error
    except OSError as error:
        raise BadData(f"Cannot read {path}: {error.strerror or error}.") from error


def read_lines(path: Path, file: Iterable[bytes]) -> Iterator[str]:
    """The lines with their ends, which are line feeds alone; a byte order mark at the start is left out."""
    for number, line in enumerate(file, start=1):
        try:
            yield line.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").decode()
        except UnicodeDecodeError as error:
            wrong = line[error.start]
            raise BadData(f"{path}, line {number}: the byte 0x{wrong:02x} is not UTF-8; save it as UTF-8.") from error
