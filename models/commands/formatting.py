"""How labels, versions and tables are written for people."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from models.registry.labels import share_of, since_of, version_of

_NOT_A_REASON = ("number", "at", "by", "who", "before", "labels", "took_effect")
_SHOWN_APART = (*_NOT_A_REASON, "verdict")

_UNLIMITED_COLUMNS = 1_000_000


def what_changed(entry: Mapping[str, Any]) -> str:
    """An entry's change in words, one label a line."""
    before, after = entry.get("before") or {}, entry.get("labels") or {}
    lines = [
        f"{each}: {describe(before.get(each))} \u2192 {describe(after.get(each))}"
        for each in [*after, *(each for each in before if each not in after)]
        if before.get(each) != after.get(each)
    ]
    if lines and not entry["took_effect"]:
        lines.append("(did not take effect)")
    return "\n".join(lines) or "nothing"


def why(entry: Mapping[str, Any]) -> str:
    """An entry's verdict and the numbers behind it, one a line; figures and their limits have the same names."""
    verdict = entry.get("verdict", "")
    lines = [_shown(verdict)] if verdict else []
    for name, value in entry.items():
        if name in _SHOWN_APART:
            continue
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {each}: {_shown(number)}" for each, number in value.items())]
        else:
            lines.append(f"{name}: {_shown(value)}")
    return "\n".join(lines)


def why_in_short(entry: Mapping[str, Any]) -> str:
    """An entry's verdict in one sentence: the rule's decision, its versions and the figures that decided it."""
    if "decision" not in entry:
        return "; ".join(_on_one_line(name, value) for name, value in entry.items() if name not in _NOT_A_REASON)
    canary, stable = entry.get("canary"), entry.get("stable")
    decided = {
        "promote": f"promote version {canary} over {stable}",
        "roll_back": f"roll version {canary} back to {stable}",
    }.get(entry["decision"], _shown(entry["decision"]))
    reasons = entry.get("reasons")
    because = ": " + "; ".join(map(str, reasons)) if reasons and isinstance(reasons, list) else ""
    return f"{decided if entry.get('applied', True) else f'recommended: {decided}'}{because}"


def _on_one_line(name: str, value: Any) -> str:
    if name == "verdict":
        return _shown(value)
    if isinstance(value, dict):
        return f"{name} ({', '.join(_on_one_line(*each) for each in value.items())})"
    return f"{name}: {_shown(value)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def describe(value: Any) -> str:
    """What a label points at, in words."""
    return "none" if version_of(value) is None else f"version {version_of(value)}{_share(value)}"


def labels_in_words(labels: Mapping[str, Any]) -> str:
    """All labels of a model, one after the other."""
    return ", ".join(
        f"{label} {version_of(value)}{_share(value)}" + (f" since {since_of(value)}" if since_of(value) else "")
        for label, value in labels.items()
    )


def _share(value: Any) -> str:
    share = share_of(value)
    return f" for {share:.4g} of the records" if share else ""


def print_table(table: Table) -> None:
    """Prints a table as wide as the terminal is; elsewhere nothing is cut or wrapped to any width."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNLIMITED_COLUMNS)
    console.print(table, markup=False)
