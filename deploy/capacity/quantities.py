"""What is planned for, what comes of it, and how sizes are written."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Need:
    """What is to be planned for; sizes in bytes, times in the unit of their name."""

    rate: float
    model: str = "reviews"
    client: str = "kafka-python"
    compression: str = "none"
    replication: int = 3
    retention_hours: float = 24.0
    readers: int = 1
    redis_expiry_seconds: float = 86_400.0
    price: float = 0.05


@dataclass(frozen=True)
class Step:
    """One quantity; `value` in the unit of its text, which is how people read it."""

    value: float
    text: str
    arithmetic: str


@dataclass
class Plan:
    """Quantities by name, in the order in which they follow from each other."""

    need: Need
    steps: dict[str, Step] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.steps[name].value

    def add(self, name: str, value: float, text: str, arithmetic: str) -> float:
        """Note a quantity; returns its value."""
        self.steps[name] = Step(value, text, arithmetic)
        return value


def size(count: float) -> str:
    """Bytes as people read them, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1_000:
            return f"{count:,.0f} {unit}" if unit == "B" or count >= 100 else f"{count:,.1f} {unit}"
        count /= 1_000
    return f"{count:,.1f} PB"
