"""Events: one name and some fields, one line in the log, one count in the metrics.

``event("smtp.rcpt.refused", reason="no-such-address")`` writes a line and adds one to the metric of that name;
``count`` adds without a line, for what happens thousands of times a second.  Values are escaped, so that nobody
who talks to us writes lines of their own into the log (AUTH attack row 42).  Bodies and secrets never come here.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

Value = str | int | float | bool | None

VALUE_CHARACTERS: Final = 500
"""Longest value written; the rest is cut and marked.  A log line is for people."""


class Level(IntEnum):
    """How loud an event is."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Counters:
    """Counts by event name; what ``/metrics`` shows."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str, by: int = 1) -> None:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + by

    def snapshot(self) -> dict[str, int]:
        """A copy of all counts."""
        with self._lock:
            return dict(self._counts)


def _shorten(value: Value) -> Value:
    if isinstance(value, str) and len(value) > VALUE_CHARACTERS:
        return value[:VALUE_CHARACTERS] + "…"
    return value


def render_json(moment: datetime, level: Level, name: str, fields: dict[str, Value]) -> str:
    """One event as a line of JSON."""
    head: dict[str, Value] = {
        "at": moment.isoformat(timespec="milliseconds"),
        "level": level.name.lower(),
        "event": name,
    }
    return json.dumps(head | {key: _shorten(value) for key, value in fields.items()}, ensure_ascii=True)


def _logfmt_value(value: Value) -> str:
    if not isinstance(value, str):
        return str(value)
    text = json.dumps(_shorten(value), ensure_ascii=True)
    return text[1:-1] if text.isascii() and text[1:-1].replace("-", "").replace(".", "").isalnum() else text


def render_logfmt(moment: datetime, level: Level, name: str, fields: dict[str, Value]) -> str:
    """One event as ``key=value`` words."""
    words = [moment.isoformat(timespec="milliseconds"), level.name, name]
    words += [f"{key}={_logfmt_value(value)}" for key, value in fields.items()]
    return " ".join(words)


Renderer = Callable[[datetime, Level, str, dict[str, Value]], str]


Watcher = Callable[[str, str, dict[str, Value]], None]
"""Message, event, fields (the message among them)."""


class EventLog:
    """Where events go.  One per process, made by ``app``; a quiet one stands ready before that."""

    def __init__(
        self,
        write: Callable[[str], None] | None = None,
        render: Renderer = render_logfmt,
        threshold: Level = Level.INFO,
    ) -> None:
        self.counters = Counters()
        self._write = write
        self._render = render
        self._threshold = threshold
        self._watch: Watcher | None = None

    def watch(self, watcher: Watcher | None) -> None:
        """Have every event about a message (a field ``msg``) told to ``watcher``, however quiet the log is."""
        self._watch = watcher

    def configure(self, write: Callable[[str], None] | None, render: Renderer, threshold: Level) -> None:
        """Change where lines go; the counts stay."""
        self._write, self._render, self._threshold = write, render, threshold

    def event(self, name: str, level: Level = Level.INFO, **fields: Value) -> None:
        """Record that ``name`` happened."""
        self.counters.add(name)
        if self._watch is not None and "msg" in fields:
            self._watch(str(fields["msg"]), name, fields)
        if self._write is not None and level >= self._threshold:
            self._write(self._render(datetime.now(UTC), level, name, fields))

    def count(self, name: str, by: int = 1) -> None:
        """Add to the metric ``name`` without a line."""
        self.counters.add(name, by)


log: Final = EventLog()


def to_stderr(line: str) -> None:
    """The usual destination: the service manager keeps what a server writes there."""
    sys.stderr.write(line + "\n")
