"""Times as people type them: a day, a minute, or how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from courriel.base.errors import FormatError

_AGO: Final = re.compile(r"(\d{1,6})(s|min|h|d)")
_UNITS_S: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}


def moment_of(text: str, now: datetime) -> float:
    """POSIX seconds of "2026-11-24", "2026-11-24T18:00" (the machine's zone, unless it says one) or "6h" before
    ``now``.  Raises FormatError."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return (now - timedelta(seconds=int(ago[1]) * _UNITS_S[ago[2]])).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise FormatError("time", 0, "like 2026-11-24, 2026-11-24T18:00, 90min, 6h or 2d") from None
