"""FETCH and UID FETCH.  RFC 9051 §6.4.5, §6.4.9; CHANGEDSINCE, VANISHED RFC 7162 §3.1.4, §3.2.6; PARTIAL RFC 9394.

Three ways, by what is asked: values that stand ready in columns, for many messages, go out as joined rows made in C
(PERFORMANCE §3, "FETCH answers"); messages' octets go out one message after the other; and what the mailbox has
not changed since is answered from the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from courriel.base.errors import FormatError
from courriel.imap.answers import ANSWER_OCTETS, changed_since
from courriel.imap.commands import contents, limits, numbers
from courriel.imap.commands.rows import Rows
from courriel.imap.peer import Peer
from courriel.imap.wire import codes, sets
from courriel.imap.wire.fetch import Attr, Fetch, Items
from courriel.imap.wire.grammar import WHAT
from courriel.model.ids import ModSeq

_WIDE: Final = frozenset({Attr.ENVELOPE, Attr.BODYSTRUCTURE, Attr.BODY, Attr.PREVIEW})

FLAGS_ALONE: Final = ((Attr.FLAGS,), (Attr.UID, Attr.FLAGS), (Attr.FLAGS, Attr.UID))
"""What is asked of single messages by clients that look for news."""

WIDE_ROWS: Final = 1_000
"""Rows of a chunk when they hold envelopes or structures: about 0.7 KB each, so below 1 MB together."""
NARROW_ROWS: Final = 16_384
"""Rows of a chunk when they hold flags and numbers only."""
CACHED_FROM: Final = 256
"""Fewer rows than this are made faster than looked up."""


async def _fetch(peer: Peer, asked: Fetch, by_uid: bool) -> bytes:
    items = asked.items
    attrs: tuple[Attr, ...] = items.attrs
    found = numbers.indexes(peer, asked.numbers, by_uid)
    if asked.partial is not None:
        if not by_uid:
            raise FormatError(WHAT, -1, "PARTIAL needs UID FETCH")  # RFC 9394 §3.3
        limits.refuse_page(peer, min(len(found), asked.partial.high - asked.partial.low + 1))
        found = asked.partial.of(found)
    if by_uid and Attr.UID not in attrs and not peer.session.uidonly:
        attrs = (Attr.UID, *attrs)
    if asked.changed_since is not None or Attr.MODSEQ in attrs:
        peer.enable_condstore()
    if asked.changed_since is not None:
        if asked.vanished:
            await _vanished(peer, asked, by_uid)
        found = _changed(peer, found, asked.changed_since)
        if Attr.MODSEQ not in attrs:
            attrs = (*attrs, Attr.MODSEQ)
    if not found:
        return b"OK FETCH completed"
    found, limited = limits.cut(peer, found)
    if limited:
        found = list(reversed(found))  # RFC 9738 §3.1: from the highest UID on
    if await write(peer, attrs, items, found):
        if limited:
            peer.write(b"* NO %bNot all messages were fetched\r\n" % limited)
        return b"NO " + codes.EXPUNGEISSUED + b"Some of the messages are gone"
    return b"OK %bFETCH completed" % limited


run = partial(_fetch, by_uid=False)
run_uid = partial(_fetch, by_uid=True)


async def _vanished(peer: Peer, asked: Fetch, by_uid: bool) -> None:
    """VANISHED (EARLIER) for what was expunged since.  RFC 7162 §3.2.6."""
    if not by_uid or not peer.session.qresync:
        raise FormatError(WHAT, -1, "VANISHED needs UID FETCH and QRESYNC")  # RFC 7162 §3.2.6: BAD
    view = peer.selected.view
    assert asked.changed_since is not None
    ranges = sets.merged(asked.numbers, int(view.uidnext) - 1)
    gone = await peer.store.vanished(view.account, view.mailbox, ModSeq(asked.changed_since))
    if gone is None:
        present = set(view.uids)
        top = int(view.uidnext)
        gone = [uid for low, high in ranges for uid in range(low, min(high + 1, top)) if uid not in present]
    else:
        gone = [uid for uid in gone if sets.contains(ranges, uid)]
    if gone:
        peer.write(b"* VANISHED (EARLIER) %b\r\n" % sets.render(gone))


def _changed(peer: Peer, found: Sequence[int], since: int) -> Sequence[int]:
    known = peer.selected
    modseqs = known.view.modseqs
    if not known.behind:
        if len(found) == len(modseqs):
            return changed_since(modseqs, since)
        return [index for index in found if modseqs[index] > since]
    places = ((index, known.view.index(known.uids[index])) for index in found)
    return [index for index, now in places if now >= 0 and modseqs[now] > since]


async def write(peer: Peer, attrs: tuple[Attr, ...], items: Items, found: Sequence[int]) -> int:
    """Write what was asked of messages; returns how many were not there any more."""
    if items.contents:
        return await contents.write(peer, attrs, items, found)
    return await _attributes(peer, attrs, found)


# --- attributes only ------------------------------------------------------------------------------------------------
async def _attributes(peer: Peer, attrs: tuple[Attr, ...], found: Sequence[int]) -> int:
    """Write rows of attributes; returns how many messages were not there any more."""
    if len(found) == 1 and attrs in FLAGS_ALONE:
        peer.write(peer.flag_row(found[0], with_uid=len(attrs) == 2))
        return 0
    known = peer.selected
    rows = Rows(peer, attrs, known.uids, known.view)
    cache_key = None
    if len(found) >= CACHED_FROM and isinstance(found, range) and not known.behind:
        view, answers = known.view, peer.shared.answers
        recent = tuple(known.recent) if Attr.FLAGS in attrs and peer.has_recent() else ()
        session = peer.session
        cache_key = (
            view.account, view.mailbox, session.owner, attrs, found.start, found.stop, recent, session.uidonly,
        )  # fmt: skip
        answer = answers.get(cache_key, known.uids, view.position)
        if answer is not None:
            peer.write(answer)
            await peer.connection.drain()
            return 0
    return await _many(peer, rows, found, cache_key)


async def _many(peer: Peer, rows: Rows, found: Sequence[int], cache_key: object) -> int:
    known = peer.selected
    position = known.view.position
    size = WIDE_ROWS if any(attr in _WIDE for attr in rows.attrs) else NARROW_ROWS
    pieces: list[bytes] = []
    octets = missing = 0
    if isinstance(found, range) and len(found) > size and not known.behind:
        await rows.load(found)
    for start in range(0, len(found), size):
        chunk = found[start : start + size]
        answer, gone = await rows.render(chunk)
        missing += gone
        peer.write(answer)
        if len(found) > size:
            await peer.connection.drain()
        octets += len(answer)
        if octets > ANSWER_OCTETS:
            cache_key = None
            pieces.clear()
        if cache_key is not None:
            pieces.append(answer)
    if cache_key is not None and not missing and known.view.position == position and not known.behind:
        answer = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        peer.shared.answers.put(cache_key, known.uids, position, answer)
    return missing
