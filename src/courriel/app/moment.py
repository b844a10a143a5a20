"""How administration writes a time."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float) -> str:
    """POSIX seconds as ISO 8601 in UTC; "" for 0, which means never."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
