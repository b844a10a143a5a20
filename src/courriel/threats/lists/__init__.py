"""Names and places that signals know: lists of one entry a line, read when first asked for.  Their sources and
licences are in README.md beside them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

LABELS: Final = 5
"""Of the longest entry that is a host."""
_HERE: Final = Path(__file__).resolve().parent


def lines(name: str) -> tuple[str, ...]:
    """The entries of a list, in order."""
    text = (_HERE / f"{name}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def words(name: str) -> frozenset[str]:
    """The entries of a list, for asking whether something is among them."""
    return frozenset(lines(name))


def within(host: str, name: str) -> str:
    """The entry that is this host (lower case) or stands above it; "" for none."""
    known = words(name)
    labels = host.rsplit(".", LABELS)[-LABELS:]
    for i in range(len(labels)):
        if (rest := ".".join(labels[i:])) in known:
            return rest
    return ""
