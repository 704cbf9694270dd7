"""What an examination finds, and what all of it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found there, and what to do about it (empty: nothing)."""

    mark: Mark
    subject: str
    found: str
    advice: str = ""

    def to_json(self) -> Mapping[str, str]:
        return {"mark": str(self.mark), "subject": self.subject, "found": self.found, "advice": self.advice}


def ok(subject: str, found: str) -> Finding:
    """As it should be."""
    return Finding(Mark.OK, subject, found)


def skipped(subject: str, why: str, advice: str = "") -> Finding:
    """Not looked at, for a reason that is not itself a fault."""
    return Finding(Mark.SKIPPED, subject, why, advice)


def warning(subject: str, found: str, advice: str) -> Finding:
    """Workers will run, but not as well, as safely or as long as they could."""
    return Finding(Mark.WARNING, subject, found, advice)


def fails(subject: str, found: str, advice: str) -> Finding:
    """Workers will not run, or not keep what the delivery guarantee promises."""
    return Finding(Mark.FAILS, subject, found, advice)


def passed(findings: Sequence[Finding], strict: bool = False) -> bool:
    """Whether workers may start: nothing fails and, if `strict`, nothing gives a warning either."""
    bad = {Mark.FAILS, Mark.WARNING} if strict else {Mark.FAILS}
    return not any(each.mark in bad for each in findings)


def verdict(findings: Sequence[Finding], strict: bool = False) -> str:
    """The closing sentence."""
    counts = Counter(each.mark for each in findings)
    parts = [f"{counts[Mark.OK]} ok"]
    if counts[Mark.WARNING]:
        parts.append(f"{counts[Mark.WARNING]} warning{'' if counts[Mark.WARNING] == 1 else 's'}")
    if counts[Mark.FAILS]:
        parts.append(f"{counts[Mark.FAILS]} failed")
    if counts[Mark.SKIPPED]:
        parts.append(f"{counts[Mark.SKIPPED]} skipped")
    return f"{'Ready' if passed(findings, strict) else 'Not ready'}: {', '.join(parts)}."
