"""A word now and then while a large command is under way.  RFC 9585 §4.

    resp-text-code =/ "INPROGRESS" [SP "(" inprogress-tag SP progress SP goal ")"]

Clients that hear nothing for a while break the connection, and begin anew.  The store does COPY, STORE and their like
as one change, so there is no part of it to report: the client learns that it goes on (``told``; small commands have no
timer).  A search goes from message to message, and says how far it is (``Progress``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.wire.response import quoted

MESSAGES: Final = 500
"""Fewer messages than this are done in some milliseconds, or wait for a disk that everything waits for."""


@contextmanager
def told(peer: Peer, messages: int) -> Iterator[None]:
    """While the body runs, the client is told so every ``imap.progress_s`` seconds."""
    if messages < MESSAGES:
        yield
        return
    loop, interval_s = peer.connection.loop, peer.shared.settings.progress_s

    timer = loop.call_later(interval_s, lambda: tell())

    def tell() -> None:
        nonlocal timer
        _say(peer, b"NIL NIL", b"Still working")
        timer = loop.call_later(interval_s, tell)

    try:
        yield
    finally:
        timer.cancel()


class Progress:
    """Tells how far one command is that has so many messages to go through."""

    def __init__(self, peer: Peer, goal: int) -> None:
        self._peer = peer
        self._goal = goal
        self._interval_s = peer.shared.settings.progress_s
        self._next = peer.connection.loop.time() + self._interval_s

    def reached(self, done: int) -> None:
        """``done`` messages have been gone through; at the goal there is nothing to tell (RFC 9585 §4)."""
        now = self._peer.connection.loop.time()
        if now < self._next or done >= self._goal:
            return
        self._next = now + self._interval_s
        _say(self._peer, b"%d %d" % (done, self._goal), b"Looked through %d%%" % (100 * done // self._goal))


def _say(peer: Peer, counts: bytes, text: bytes) -> None:
    """At once; who waits with patience is not silent."""
    peer.write(b"* OK [INPROGRESS (%b %b)] %b\r\n" % (quoted(peer.tag), counts, text))
    peer.connection.flush()
    peer.connection.touch()
