"""The files that a run learns from, as a person named them, and the texts in them."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from trainer.data.readers import FORM_OF_THE_FILE, Columns, read_labelled, read_unlabelled
from trainer.data.texts import LabelledTexts, require_classes
from trainer.errors import BadData


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts to learn from, duplicates included, texts without labels, and texts that are only scored in the end."""

    training: LabelledTexts
    unlabelled: tuple[str, ...] = ()
    test: LabelledTexts | None = None

    def sha256(self) -> str:
        """A hash of all texts and labels, by which a run that goes on knows that they are the same."""
        digest = hashlib.sha256(self.training.sha256().encode())
        digest.update(self.test.sha256().encode() if self.test else b"none")
        for text in self.unlabelled:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Sources:
    """Paths, and which columns of the files to take; saved with a run, so that it can go on."""

    training: Path
    test: Path | None = None
    unlabelled: Path | None = None
    columns: Columns = FORM_OF_THE_FILE
    keep_neutral: bool = False

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_json`; raises BadData for anything else."""
        try:
            test, unlabelled = (Path(values[name]) if values[name] else None for name in ("test", "unlabelled"))
            columns = Columns(**values["columns"])
            return cls(Path(values["training"]), test, unlabelled, columns, values["keep_neutral"])
        except (KeyError, TypeError) as error:
            raise BadData(f"The run's settings do not tell what it learns from: {error!r}.") from error

    def to_json(self) -> dict[str, Any]:
        paths = {name: getattr(self, name) for name in ("training", "test", "unlabelled")}
        absolute = {name: str(path.absolute()) if path else None for name, path in paths.items()}
        return {**absolute, "columns": asdict(self.columns), "keep_neutral": self.keep_neutral}

    def read(self) -> Texts:
        """Reads all files; raises BadData."""
        training = read_labelled(self.training, self.columns, self.keep_neutral)
        require_classes(training)
        unlabelled = read_unlabelled(self.unlabelled, self.columns) if self.unlabelled else ()
        return Texts(training, unlabelled, self.read_test())

    def read_test(self) -> LabelledTexts | None:
        return read_labelled(self.test, self.columns, self.keep_neutral) if self.test else None
