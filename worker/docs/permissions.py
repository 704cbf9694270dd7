"""The tables of permissions.md, from what the commands need."""

from __future__ import annotations

from worker.commands.common.permissions import KAFKA, REDIS, Grant
from worker.docs.markdown import code, table
from worker.settings.settings import Settings, variable


def kafka() -> str:
    """What a principal needs in Kafka, with the default names."""
    rows = [[_resource(each), ", ".join(each.operations), _needed_by(each)] for each in KAFKA]
    return table(["resource", "operations", "for"], rows)


def redis() -> str:
    """What a user of Redis may have to send."""
    rows = [[", ".join(map(code, commands)), code(command)] for command, commands in REDIS.items()]
    return table(["commands", "for"], rows)


def _resource(each: Grant) -> str:
    kind = each.kind if len(each.names) == 1 and not each.prefixed else f"{each.kind}s"
    beginning = "that begin with " if each.prefixed else ""
    return f"{kind} {beginning}{', '.join(_name(name, each.ending) for name in each.names)}"


def _name(name: str, ending: str) -> str:
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{code(name)} (of `--to`)"
    return f"of {code(variable(name))}" if field.default is None else code(f"{field.default}{ending}")


def _needed_by(each: Grant) -> str:
    return ", ".join([*map(code, each.commands), *([each.condition] if each.condition else [])])
