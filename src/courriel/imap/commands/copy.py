"""COPY, MOVE, EXPUNGE and their UID forms.  RFC 9051 §6.4.3, §6.4.7, §6.4.8; UIDPLUS RFC 4315; MOVE RFC 6851."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.imap.commands import limits, numbers
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.plain import Copy, Expunge
from courriel.model.changes import Copied
from courriel.model.flags import DELETED
from courriel.model.mailbox import Mailbox
from courriel.model.refusals import NoSuchMailbox


async def copy(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, by_uid=False)


async def copy_uid(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, by_uid=True)


async def move(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, by_uid=False)


async def move_uid(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, by_uid=True)


async def target(peer: Peer, path: str) -> Mailbox:
    """The mailbox to put messages in; a missing one is [TRYCREATE] (RFC 9051 §6.3.12, §6.4.7)."""
    try:
        return await peer.store.mailbox(peer.account.id, path)
    except NoSuchMailbox:
        raise No(codes.TRYCREATE + b"No such mailbox") from None


def _copyuid(copied: Copied) -> bytes:
    return b"[COPYUID %d %b %b] " % (copied.uidvalidity, sets.render(copied.sources), sets.render(copied.targets))


async def _copy(peer: Peer, asked: Copy, by_uid: bool) -> bytes:
    view = peer.selected.view
    found = numbers.indexes(peer, asked.numbers, by_uid)
    goal = await target(peer, asked.path)
    if not found:
        return b"OK Nothing to copy"
    limits.refuse_copy(peer, found)
    copied = await peer.store.copy(view.account, view.mailbox, numbers.uids_at(peer, found), goal.id)
    if not copied.sources:
        raise No(codes.EXPUNGEISSUED + b"The messages were expunged")
    return b"OK %bCOPY completed" % _copyuid(copied)


async def _move(peer: Peer, asked: Copy, by_uid: bool) -> bytes:
    """COPYUID comes before the EXPUNGEs that make the numbers void.  RFC 6851 §4.3."""
    numbers.require_writable(peer)
    view = peer.selected.view
    found = numbers.indexes(peer, asked.numbers, by_uid)
    goal = await target(peer, asked.path)
    if not found:
        return b"OK Nothing to move"
    found, limited = limits.cut(peer, found)
    copied = await peer.store.move(view.account, view.mailbox, numbers.uids_at(peer, found), goal.id)
    if not copied.sources:
        raise No(codes.EXPUNGEISSUED + b"The messages were expunged")
    peer.write(b"* OK %bMoved\r\n" % _copyuid(copied))
    await peer.report(expunges=True, with_uid=by_uid)
    return b"OK %bMOVE completed" % _code(peer, limited)


async def expunge(peer: Peer, asked: Expunge) -> bytes:
    """Removes what is \\Deleted; UID EXPUNGE only of those UIDs."""
    numbers.require_writable(peer)
    known = peer.selected
    view = known.view
    limited = b""
    if asked.numbers is None:
        doomed: Sequence[int] = [uid for uid, flags in zip(view.uids, view.flags, strict=True) if flags & DELETED]
    else:
        named = numbers.uids_at(peer, numbers.indexes(peer, asked.numbers, by_uid=True))
        doomed = [uid for uid in named if (at := view.index(uid)) >= 0 and view.flags[at] & DELETED]
        doomed, limited = limits.cut_uids(peer, doomed)
    if doomed:
        await peer.store.expunge(view.account, view.mailbox, doomed)
    await peer.report(expunges=True, with_uid=asked.numbers is not None)
    return b"OK %bEXPUNGE completed" % (_code(peer, limited) if doomed else b"")


def _code(peer: Peer, limited: bytes) -> bytes:
    """A reply has room for one code: the limit's, which a client has to know; the number comes by itself then."""
    highest = _highest(peer)
    if limited and highest:
        peer.write(b"* OK %bChanged\r\n" % highest)
    return limited or highest


def _highest(peer: Peer) -> bytes:
    """RFC 7162 §3.2.7: HIGHESTMODSEQ behind an expunge, for clients that resynchronise."""
    if not peer.session.qresync or peer.numbers is None:
        return b""
    return b"[HIGHESTMODSEQ %d] " % peer.numbers.view.modseq
