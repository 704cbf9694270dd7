"""Figures as people read them; what is not known is a dash."""

from datetime import UTC, datetime

UNKNOWN = "\u2013"


def share(value: float | None, digits: int = 4) -> str:
    """A share or a score from 0 to 1."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def count(value: float | None) -> str:
    """A whole number with commas between the thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds as the two largest of hours, minutes and seconds."""
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(size_bytes: int | None) -> str:
    """Bytes as megabytes of a million."""
    return UNKNOWN if size_bytes is None else f"{size_bytes / 1e6:.2f} MB"


def interval(ends: list[float] | None, digits: int = 4) -> str:
    """An interval's two ends."""
    return UNKNOWN if ends is None else f"{share(ends[0], digits)} to {share(ends[1], digits)}"


def moment(iso: str | None) -> str:
    """A time in ISO 8601 to the minute, in UTC."""
    return UNKNOWN if iso is None else f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
