"""COMPRESS: what is said from here on is compressed, both ways.  RFC 4978.

Offered to those who are logged in: before that nothing long is said, and a stranger's bytes need no inflating.
"""

from __future__ import annotations

from courriel.base.errors import FormatError
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.plain import Compress


async def run(peer: Peer, asked: Compress) -> bytes:
    """The layer itself is the server's: it begins behind the tagged reply."""
    if asked.algorithm != b"DEFLATE":
        raise FormatError(WHAT, -1, "unknown compression")
    if peer.connection.compressed:
        raise No(codes.COMPRESSIONACTIVE + b"All is compressed already")  # RFC 4978 §3: NO
    peer.starting_deflate = True
    return b"OK Compressed from here on"
