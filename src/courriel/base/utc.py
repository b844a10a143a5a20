"""Days as the mail world counts them: in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_day(seconds: float) -> str:
    """The day of a time in POSIX seconds: "2026-11-24"."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def utc_span(day: str) -> tuple[int, int]:
    """The first and the last second of a day, in POSIX seconds."""
    begin = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
    return begin, begin + 86_399
