"""IDLE: told of changes until DONE.  RFC 2177, RFC 9051 §6.3.13.

No task and no timer sleeps: the view's watcher writes (peer.py), and the server ends it when DONE comes.
"""

from __future__ import annotations

from courriel.imap.peer import Peer
from courriel.imap.wire.plain import Nothing


async def run(peer: Peer, asked: Nothing) -> bytes:
    peer.write(b"+ idling\r\n")
    await peer.report(expunges=True)
    peer.idle()
    return b""


async def done(peer: Peer, line: bytes) -> bytes:
    """The line that ends it; the tagged reply."""
    peer.stop_idling()
    await peer.report(expunges=True)
    return b"OK IDLE completed" if line.strip().upper() == b"DONE" else b"BAD Expected DONE"
