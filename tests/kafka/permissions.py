"""The tables of permissions.md, read as data: what is proven is what people are told."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.kafka.secure_kafka import Permission

PAGE = Path(__file__).parents[2] / "worker" / "docs" / "permissions.md"
_KINDS = {"topic": "topic", "group": "group", "transactional id": "transactional id"}


def needed(command: str, names: Mapping[str, str], *conditions: str) -> list[Permission]:
    """What `command` needs, also under `conditions` ("exactly once"), with other names in place of the default ones."""
    found = []
    for resource, operations, commands in _rows():
        if command in _quoted(commands) and _condition(commands) in ("", *conditions):
            for permission in _permissions(resource, operations):
                assert permission.name in names, f"permissions.md names {permission.name}"
                found.append(permission._replace(name=names[permission.name]))
    assert found, f"permissions.md lists no permissions for {command}"
    return found


def redis_commands(command: str) -> list[str]:
    """The commands that `command` needs in Redis."""
    [commands] = [commands for commands, *wanted_by in _rows("In Redis") if command in _quoted(wanted_by[0])]
    return _quoted(commands)


def _rows(heading: str = "In Kafka") -> Iterator[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n#")[0]
    [rows] = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    rows = rows.splitlines()[2:]
    return ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)


def _permissions(resource: str, operations: str) -> Iterator[Permission]:
    kind = next(name for name in _KINDS if resource.startswith(name))
    for name in _quoted(resource):
        for operation in () if name.startswith("--") else operations.split(", "):
            yield Permission(kind, name, operation, "that begin with" in resource)


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _condition(cell: str) -> str:
    """What a row says after its commands: `run`, exactly once."""
    return re.sub(r"`[^`]+`", "", cell).strip(", ")
