"""How a moment is written in results, labels and histories."""

from datetime import UTC, datetime


def utc_timestamp(seconds: float | None = None) -> str:
    """Seconds since 1970, or now, as ISO 8601 in UTC to the millisecond."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
