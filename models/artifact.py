"""A version's directory: the manifest and the files it vouches for. Plain text, JSON and ONNX; never pickle."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Self

from models.errors import BrokenArtifact
from models.text import Encoder, TextSettings, Vocabulary

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
NETWORK_FILE = "model.onnx"
VOCABULARY_FILE = "vocabulary.txt"
STOP_WORDS_FILE = "stop_words.txt"
GOLDEN_FILE = "golden.jsonl"
KERAS_FILE = "model.keras"  # optional: the trained network for people who use Keras
NEEDED_FILES = frozenset({NETWORK_FILE, VOCABULARY_FILE, STOP_WORDS_FILE, GOLDEN_FILE})
# No worker needs these, so a copy of a version may lack them: TensorFlow Serving's files, Keras' and pictures.
OPTIONAL_FILES = (KERAS_FILE, "saved_model.pb", "fingerprint.pb", "variables/", "assets/", "report/")
_NOT_PUBLISHED = "{} is not the file that was published: its checksum or size differs."
SIGNATURE_FILE = f"{MANIFEST_FILE}.sig"  # optional: vouches for the manifest, as the manifest does for the others


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file must be: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> Self:
        with path.open("rb") as stream:
            return cls(hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size)

    @classmethod
    def of_bytes(cls, content: bytes) -> Self:
        return cls(hashlib.sha256(content).hexdigest(), len(content))


Records = Mapping[str, FileRecord]
UNCHECKED: Records = {}


@dataclass(frozen=True, slots=True)
class GoldenText:
    """A text, and the probabilities (one a class) and the coverage that the model gave it when it was published."""

    text: str
    probabilities: tuple[float, ...]
    coverage: float


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that is known about one version of a model; `metrics` holds one object per data set, by its name."""

    name: str
    version: int
    created: str  # ISO 8601, UTC
    classes: tuple[str, ...]  # in the order of the network's outputs
    text: TextSettings
    network: dict[str, Any]
    training: dict[str, Any]
    data_sha256: str
    metrics: dict[str, dict[str, Any]]
    parent_version: int | None = None
    frameworks: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileRecord] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return {name: values[name] for name in ("format_version", *sorted(values))}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises BrokenArtifact for another format version than this release's, and for missing or unknown fields."""
        if not isinstance(values, dict):
            raise BrokenArtifact("The manifest is not a JSON object.")
        if values.get("format_version") != FORMAT_VERSION:
            written = values.get("format_version")
            raise BrokenArtifact(f"The manifest has format version {written!r}; this release reads {FORMAT_VERSION}.")
        if set(values) != {each.name for each in fields(cls)}:
            wrong = ", ".join(sorted(set(values) ^ {each.name for each in fields(cls)}))
            raise BrokenArtifact(f"The manifest lacks fields or has unknown ones: {wrong}.")
        try:
            files = {name: FileRecord(**record) for name, record in values["files"].items()}
            text = TextSettings.from_json(values["text"])
            classes = tuple(map(str, values["classes"]))
            network = dict(values["network"])
        except (TypeError, ValueError, AttributeError) as error:
            raise BrokenArtifact(f"The manifest is malformed: {error}.") from error
        return cls(**(values | {"files": files, "text": text, "classes": classes, "network": network}))


def write_manifest(directory: Path, manifest: Manifest) -> None:
    (directory / MANIFEST_FILE).write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> Manifest:
    """Raises BrokenArtifact when the manifest is missing, malformed or of another format version."""
    return parse_manifest(read_part(directory / MANIFEST_FILE), str(directory))


def parse_manifest(content: bytes, location: str) -> Manifest:
    """The manifest in a file's content; raises BrokenArtifact, which may name the version's place."""
    try:
        return Manifest.from_json(json.loads(content))
    except ValueError as error:
        raise BrokenArtifact(f"{location}/{MANIFEST_FILE} is not JSON: {error}.") from error


def write_words(path: Path, words: Sequence[str]) -> None:
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def read_words(path: Path, records: Records = UNCHECKED) -> list[str]:
    return _read_text(path, records).split("\n")[:-1]


def write_golden(directory: Path, golden: Sequence[GoldenText]) -> None:
    lines = [json.dumps(asdict(each)) + "\n" for each in golden]
    (directory / GOLDEN_FILE).write_text("".join(lines), encoding="utf-8")


def read_golden(directory: Path, records: Records = UNCHECKED) -> list[GoldenText]:
    """Raises BrokenArtifact when the golden set is missing, empty or malformed."""
    try:
        rows = [json.loads(line) for line in _read_text(directory / GOLDEN_FILE, records).splitlines()]
        golden = [GoldenText(row["text"], tuple(row["probabilities"]), row["coverage"]) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenArtifact(f"{directory / GOLDEN_FILE} is malformed: {error!r}.") from error
    if not golden:
        raise BrokenArtifact(f"{directory / GOLDEN_FILE} is empty.")
    return golden


def read_encoder(directory: Path, settings: TextSettings, records: Records = UNCHECKED) -> Encoder:
    """The encoder of a version; raises BrokenArtifact when its words cannot be read."""
    vocabulary = Vocabulary(read_words(directory / VOCABULARY_FILE, records))
    return Encoder(settings, vocabulary, read_words(directory / STOP_WORDS_FILE, records))


def record_files(directory: Path) -> dict[str, FileRecord]:
    """A record of every file below the directory but the manifest and its signature, by its path in it."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    records = {path.relative_to(directory).as_posix(): FileRecord.of(path) for path in paths}
    return {name: record for name, record in records.items() if name not in (MANIFEST_FILE, SIGNATURE_FILE)}


def check_names(manifest: Manifest, location: str) -> None:
    """Raises BrokenArtifact unless the manifest vouches for every needed file, and for none elsewhere."""
    for name in sorted(NEEDED_FILES - set(manifest.files)):
        raise BrokenArtifact(f"The manifest in {location} does not vouch for {name}.")
    for name in manifest.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BrokenArtifact(f"The manifest in {location} names a file outside of it: {name}.")


def check_file(path: Path, expected: FileRecord, location: str) -> None:
    """Raises BrokenArtifact, which names the place that the file comes from, unless it is what was published."""
    try:
        found = FileRecord.of(path)
    except OSError as error:
        raise BrokenArtifact(f"Cannot read {location}: {error.strerror}.") from error
    if found != expected:
        raise BrokenArtifact(_NOT_PUBLISHED.format(location))


def check_files(directory: Path, manifest: Manifest) -> None:
    """Raises BrokenArtifact at the first file that is missing or is not what the manifest says.

    OPTIONAL_FILES may be missing.
    """
    check_names(manifest, str(directory))
    for name, expected in manifest.files.items():
        path = directory / name
        if not path.resolve().is_relative_to(directory.resolve()):
            raise BrokenArtifact(f"The manifest in {directory} names a file outside of it: {name}.")
        if path.exists() or not name.startswith(OPTIONAL_FILES):
            check_file(path, expected, str(path))


def read_part(path: Path, records: Records = UNCHECKED) -> bytes:
    """A file at the top of a version, checked where there is a record of it.

    What is used is then what was checked, even where somebody changes the file between two looks at it. Raises
    BrokenArtifact.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenArtifact(f"Cannot read {path}: {error.strerror}.") from error
    if path.name in records and FileRecord.of_bytes(content) != records[path.name]:
        raise BrokenArtifact(_NOT_PUBLISHED.format(path))
    return content


def _read_text(path: Path, records: Records) -> str:
    try:
        return read_part(path, records).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenArtifact(f"{path} is not UTF-8 text.") from error
