"""UPDATE in RETURN, and CANCELUPDATE.  RFC 5267 §4.3; what is told is ``contexts.py``'s business."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.errors import FormatError
from courriel.imap.contexts import Context, Judge, Sorter
from courriel.imap.peer import Peer
from courriel.imap.wire import response
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.plain import Tags


def refuse_reuse(peer: Peer) -> None:
    """RFC 5267 §4.3: the tag of a context that is kept up may not be used for another.  Raises FormatError."""
    if peer.tag in peer.contexts:
        raise FormatError(WHAT, 0, "the tag is in use")


def begin(peer: Peer, by_uid: bool, judge: Judge, sort: Sorter | None, found: Sequence[int], modseq: int) -> None:
    """Keep the results up from now on; where there are too many already, say so (§4.3.1)."""
    if len(peer.contexts) >= peer.shared.settings.contexts:
        peer.write(b"* NO [NOUPDATE %b] Too many contexts\r\n" % response.quoted(peer.tag))
        return
    peer.contexts[peer.tag] = Context(peer.tag, by_uid, judge, sort, peer.selected, found, modseq)


async def cancel(peer: Peer, asked: Tags) -> bytes:
    """CANCELUPDATE: all the tags or none."""
    if any(tag not in peer.contexts for tag in asked.tags):
        return b"BAD No updates are sent for this tag"
    for tag in set(asked.tags):
        del peer.contexts[tag]
    return b"OK CANCELUPDATE completed"
