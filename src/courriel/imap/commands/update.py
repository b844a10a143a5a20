"""UPDATE in RETURN, and CANCELUPDATE.  RFC 5267 §4.3; what is told is ``contexts.py``'s business."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from courriel.base.errors import FormatError
from courriel.imap.commands import fetch
from courriel.imap.contexts import Context, Judge, Sorter
from courriel.imap.peer import Peer
from courriel.imap.wire import response
from courriel.imap.wire.fetch import Items
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.plain import Tags


def prepared(
    peer: Peer, by_uid: bool, items: Items | None, judge: Judge, sort: Sorter | None = None
) -> Callable[[Sequence[int]], None]:
    """Before a search whose results are to be kept up: what to call with them.

    Raises FormatError where the tag is that of a context already (§4.3).
    """
    if peer.tag in peer.contexts:
        raise FormatError(WHAT, 0, "the tag is in use")
    modseq = int(peer.selected.view.modseq)
    fetcher = None if items is None else partial(fetch.write, peer, items.attrs, items)

    def begin(found: Sequence[int]) -> None:
        """Where there are too many already, say so (§4.3.1)."""
        if len(peer.contexts) >= peer.shared.settings.contexts:
            peer.write(b"* NO [NOUPDATE %b] Too many contexts\r\n" % response.quoted(peer.tag))
        else:
            peer.contexts[peer.tag] = Context(peer.tag, by_uid, judge, sort, peer.selected, found, modseq, fetcher)

    return begin


async def cancel(peer: Peer, asked: Tags) -> bytes:
    """CANCELUPDATE: all the tags or none."""
    if any(tag not in peer.contexts for tag in asked.tags):
        return b"BAD No updates are sent for this tag"
    for tag in set(asked.tags):
        del peer.contexts[tag]
    return b"OK CANCELUPDATE completed"
