"""What a registry asks of the place where a store's files are; one implementation for each kind of place."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Write = Callable[[Path, int], None]


class StoreFiles(Protocol):
    """A store's files, by their paths below the store, such as `imdb/labels.json`.

    Every method raises StoreError, with one sentence, when the place does not answer or refuses.
    """

    location: str  # the directory or URL, for people

    @property
    def away(self) -> str | None:
        """Why the last call got no answer, in one sentence; None when it got one, and for a directory."""

    def names(self) -> list[str]:
        """The folders of the store, which are its models."""

    def versions(self, name: str) -> list[int]:
        """The whole versions of a model, oldest first; empty when there is no such model.

        Where the place does not answer, those of which there is a copy on this machine.
        """

    def directory(self, name: str, version: int) -> Path | None:
        """A version as a local directory; None when there is no such version.

        Raises BrokenArtifact for a version that cannot be brought here whole.
        """

    def publish(self, name: str, write: Write) -> tuple[int, Path]:
        """Adds the next version, whole or not at all, and tells its number and its local directory.

        `write(directory, version)` writes every file into an empty local directory.
        """

    def names_below(self, folder: str) -> list[str]:
        """The names of the files in a folder, in order; empty when there is no such folder."""

    def read_below(self, folder: str) -> dict[str, bytes]:
        """The contents of the files in a folder, by name."""

    def read(self, path: str) -> bytes | None:
        """A file's content; None when there is no such file."""

    def create(self, path: str, content: bytes) -> bool:
        """Writes a new file; False, and nothing is written, when it is there already, also when two do so at once."""

    def replace(self, path: str, expected: bytes | None, content: bytes) -> bool:
        """Replaces a file if its content is what is expected (None: not there yet); False when it is not.

        Readers see the old content or the new one, and of several writers at once one at most succeeds.
        """

    def overwrite(self, path: str, content: bytes) -> None:
        """Writes a file, whatever it held."""

    def remove(self, path: str) -> None:
        """Removes a file."""

    def remember(self, path: str, content: bytes) -> None:
        """Keeps a file's content for times when the place does not answer, if it can be away at all."""

    def remembered(self, path: str) -> bytes | None:
        """What was kept last; None without."""
