"""The licences of the packages that a worker needs. `python -m deploy.dependencies.licences` lists them all.

A licence is known by its SPDX name, from the package's metadata. Those in `PERMISSIVE` ask for a notice and nothing
else; any other must stand in `ACCEPTED` with the reason why it may stay.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
# What a worker in production is installed with.
EXTRAS = ("librdkafka", "stores")
PERMISSIVE = frozenset(
    ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "PSF-2.0", "Zlib"]
)
ACCEPTED = {
    "shtab": ("MPL-2.0", "used as it is published; the scripts that it writes are ours"),
    "crc32c": ("LGPL-2.1-or-later", "a module of its own that anybody may replace, used as it is published"),
}
# Older metadata: the words of classifiers and licence fields, and what they mean.
_SPDX = {
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "mit license": "MIT",
    "bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "python software foundation license": "PSF-2.0",
    "isc license (iscl)": "ISC",
}


@dataclass(frozen=True, order=True)
class Package:
    """An installed package and its licence expression; empty where its metadata does not tell."""

    name: str
    version: str
    licence: str

    @property
    def problem(self) -> str:
        """Why it may not be used, in a sentence; empty where it may."""
        if not self.licence:
            return f"{self.name} {self.version} does not tell its licence"
        if _allowed(self.licence) or ACCEPTED.get(self.name, ("", ""))[0] == self.licence:
            return ""
        return f"{self.name} {self.version} is under {self.licence}, which is neither permissive nor accepted for it"


def runtime_packages(extras: Iterable[str] = EXTRAS) -> list[Package]:
    """Every installed package that the project needs with these extras, directly or not, by name.

    Raises PackageNotFoundError where one is not installed.
    """
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    found: dict[str, Package] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [Requirement(line) for line in wanted]
    while queue:
        requirement = queue.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen or not _applies(requirement, [""]):
            continue
        seen.add(key)
        installed = distribution(requirement.name)
        found[key[0]] = Package(key[0], installed.version, licence_of(installed))
        needs = (Requirement(line) for line in installed.requires or ())
        queue += [_bare(need) for need in needs if _applies(need, ["", *requirement.extras])]
    return sorted(found.values())


def licence_of(installed: Distribution) -> str:
    """The licence as an SPDX expression, where the metadata tells one."""
    reported = installed.metadata
    if "License-Expression" in reported:
        return reported["License-Expression"]
    named = [
        line.rpartition(" :: ")[2] for line in reported.get_all("Classifier") or () if line.startswith("License ::")
    ]
    free_text = reported["License"].split("\n")[0] if "License" in reported else ""
    named = [name for name in named if name != "OSI Approved"] or [free_text]
    return " AND ".join(sorted({_SPDX.get(name.strip().lower(), name.strip()) for name in named}))


def _allowed(expression: str) -> bool:
    """Whether everything that is asked for together is permissive; of a choice, one is enough."""
    together = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(any(choice.strip() in PERMISSIVE for choice in re.split(r"\s+OR\s+", part)) for part in together)


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def _bare(requirement: Requirement) -> Requirement:
    requirement.marker = None
    return requirement


def _problems(packages: Iterable[Package]) -> Iterator[str]:
    return (package.problem for package in packages if package.problem)


def main() -> int:
    """List the packages; 1 when one may not be used."""
    parser = argparse.ArgumentParser(prog="python -m deploy.dependencies.licences", description=__doc__.split("\n")[0])
    parser.parse_args()
    try:
        packages = runtime_packages()
    except PackageNotFoundError as error:
        sys.stderr.write(f"error: {error.name} is not installed: make setup\n")
        return 1
    table = Table("package", "version", "licence", "accepted because it is")
    for package in packages:
        table.add_row(package.name, package.version, package.licence, ACCEPTED.get(package.name, ("", ""))[1])
    Console().print(table)
    problems = list(_problems(packages))
    sys.stderr.writelines(f"error: {problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
