"""The test ``duplicate``: whether a message with this id was here before.  RFC 7352."""

from __future__ import annotations

import hashlib
from typing import Final

from courriel.sieve.actions import Seen
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage

DAYS: Final = 7
"""RFC 7352 §3: ids are remembered so long where a script says nothing."""
DAY_S: Final = 86_400


def _duplicate(given: Given) -> TestFunction:
    handle, header, unique = given.tag_text("handle"), given.tag_text("header"), given.tag_text("uniqueid")
    seconds, last = given.tag_number("seconds"), given.has("last")

    def test(run: Run) -> bool:
        if unique is not None:
            values = [unique(run)]
        else:
            values = run.message.fields.values(header(run).lower() if header is not None else "message-id")
        if not values or not values[0]:
            return False
        name = handle(run) if handle is not None else ""
        id = hashlib.sha256(f"{name}\0{values[0]}".encode("utf-8", "replace")).hexdigest()
        known = run.environment.seen(id)
        if not known or last:
            most = run.settings.duplicate_days_most * DAY_S
            run.seen.append(Seen(id, min(DAYS * DAY_S if seconds is None else seconds, most)))
        return known

    return test


COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {
    "duplicate": Usage(
        _duplicate,
        (),
        {
            "handle": TagUsage(Takes.STRING),
            "header": TagUsage(Takes.STRING, group="id"),
            "uniqueid": TagUsage(Takes.STRING, group="id"),
            "seconds": TagUsage(Takes.NUMBER),
            "last": TagUsage(),
        },
        ("duplicate",),
    )
}
