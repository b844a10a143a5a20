"""How far a command is that takes long: untagged OK [INPROGRESS …].  RFC 9585 §4.

    resp-text-code =/ "INPROGRESS" [SP "(" inprogress-tag SP progress SP goal ")"]

Clients that hear nothing for a while break the connection, and the search begins anew.
"""

from __future__ import annotations

from courriel.imap.peer import Peer
from courriel.imap.wire import response


class Progress:
    """Tells now and then of one command with so many messages to go through."""

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
        peer = self._peer
        code = b"[INPROGRESS (%b %d %d)]" % (response.quoted(peer.tag), done, self._goal)
        peer.write(b"* OK %b Looked through %d%%\r\n" % (code, 100 * done // self._goal))
        peer.connection.flush()
