"""The seeded faults: each a patch in this folder with a header that says what it breaks and what must notice it."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
_HEADINGS = ("What", "Harm", "Tests")
_FIELD = re.compile(rf"^({'|'.join(_HEADINGS)}):(.*(?:\n[ \t].*)*)", re.MULTILINE)
_CHANGED = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)


class BadFault(Exception):
    """A patch without a proper header, or a fault that is not there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake that somebody could make: what it does, whom it harms, and the tests of which one must fail."""

    name: str
    patch: Path
    what: str
    harm: str
    tests: tuple[str, ...]

    @classmethod
    def read(cls, patch: Path) -> "Fault":
        """The fault in a patch file. Raises BadFault where a line of its header is missing."""
        header = patch.read_text(encoding="utf-8").partition("\n--- ")[0]
        fields = {name: " ".join(text.split()) for name, text in _FIELD.findall(header)}
        if missing := [f"{name}:" for name in _HEADINGS if not fields.get(name)]:
            raise BadFault(f"{patch.name} has no line {' and no line '.join(missing)} before its patch.")
        return cls(patch.stem, patch, fields["What"], fields["Harm"], tuple(fields["Tests"].split()))

    @property
    def files(self) -> list[str]:
        """What the patch changes."""
        return _CHANGED.findall(self.patch.read_text(encoding="utf-8"))

    def missing_tests(self, root: Path = ROOT) -> list[str]:
        """The named tests that are not in the tree; the values of a parameter are left to pytest."""
        return [test for test in self.tests if not _exists(root, test)]


def read_faults(folder: Path = FOLDER, names: Sequence[str] = ()) -> list[Fault]:
    """The faults with these names in this order, or all of them by name. Raises BadFault."""
    patches = {path.stem: path for path in sorted(folder.glob("*.patch"))}
    if unknown := [name for name in names if name not in patches]:
        raise BadFault(f"There is no fault {unknown[0]!r}; --list shows all.")
    return [Fault.read(patches[name]) for name in dict.fromkeys(names or patches)]


def _exists(root: Path, test: str) -> bool:
    path, _, name = test.partition("::")
    if not (root / path).is_file():
        return False
    module = ast.parse((root / path).read_text(encoding="utf-8"))
    functions = {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
    return not name or name.partition("[")[0] in functions
