"""A word now and then while a large command is under way.  RFC 9585.

The store does such a command as one change, so there is no part of it to report: the client learns that it goes on,
and does not hang up.  Small commands have no timer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.wire.response import quoted

MESSAGES: Final = 500
"""Fewer messages than this are done in some milliseconds, or wait for a disk that everything waits for."""

PERIOD_S: Final = 10.0
"""Between two words; RFC 9585 §4 asks for 10 to 15 seconds, below every client's patience."""


@contextmanager
def told(peer: Peer, messages: int) -> Iterator[None]:
    """While the body runs, the client is told so every PERIOD_S seconds."""
    if messages < MESSAGES:
        yield
        return
    loop, connection = peer.connection.loop, peer.connection

    timer = loop.call_later(PERIOD_S, lambda: tell())

    def tell() -> None:
        nonlocal timer
        connection.write(b"* OK [INPROGRESS (%b NIL NIL)] Still working\r\n" % quoted(peer.tag))
        connection.flush()
        connection.touch()
        timer = loop.call_later(PERIOD_S, tell)

    try:
        yield
    finally:
        timer.cancel()
