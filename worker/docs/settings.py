"""The tables of settings.md, from the fields of the settings."""

from __future__ import annotations

from collections.abc import Iterable

from worker.docs.markdown import code, table
from worker.settings.settings import Settings, default_text, description, variable

# What most people set first, in the order in which they come to it.
FIRST = (
    "kafka_bootstrap_servers",
    "kafka_security_protocol",
    "kafka_group_id",
    "input_topic",
    "output_topic",
    "text_field",
    "redis_url",
    "model_store",
)
# What begins like one of these stands in that group, everything else before them.
GROUPS = {
    "Kafka": ("kafka_",),
    "Redis": ("redis_",),
    "Models and their versions": ("model_", "shadow_", "canary_", "trial_"),
    "HTTP, traces and logs": ("http_", "tracing", "log_"),
}
REST = "Topics, messages and delivery"


def first() -> str:
    """The settings that most people set first."""
    return _table(FIRST)


def every() -> str:
    """All settings, by group."""
    members: dict[str, list[str]] = {group: [] for group in (REST, *GROUPS)}
    for name in Settings.model_fields:
        members[_group_of(name)].append(name)
    return "".join(f"### {group}\n\n{_table(names)}\n" for group, names in members.items())


def _group_of(name: str) -> str:
    return next((group for group, start_offset_check in GROUPS.items() if name.startswith(start_offset_check)), REST)


def _table(names: Iterable[str]) -> str:
    rows = []
    for name in names:
        field = Settings.model_fields[name]
        default = default_text(field)
        rows.append([code(variable(name)), default if default == "none" else code(default), description(field)])
    return table(["setting", "default", "meaning"], rows)
