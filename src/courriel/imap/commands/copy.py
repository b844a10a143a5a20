"""COPY, MOVE, EXPUNGE and their UID forms.  RFC 9051 §6.4.3, §6.4.7, §6.4.8; UIDPLUS RFC 4315; MOVE RFC 6851."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.imap.commands import limits, numbers, progress
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.plain import Copy, Expunge
from courriel.mailboxes import transfer
from courriel.mailboxes.access import Place
from courriel.model.changes import Copied
from courriel.model.flags import DELETED
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import NEEDED, READ, Operation


async def copy(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, by_uid=False)


async def copy_uid(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, by_uid=True)


async def move(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, by_uid=False)


async def move_uid(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, by_uid=True)


async def target(peer: Peer, path: str) -> Place:
    """The mailbox to put messages in; a missing one is [TRYCREATE] (RFC 9051 §6.3.12, §6.4.7)."""
    try:
        return await peer.find(path, Operation.INSERT)
    except NoSuchMailbox:
        raise No(codes.TRYCREATE + b"No such mailbox") from None


def _copyuid(goal: Place, copied: Copied) -> bytes:
    """Nothing of a mailbox that the client cannot open: RFC 9051 §6.4.7."""
    if not goal.rights & READ:
        return b""
    return b"[COPYUID %d %b %b] " % (copied.uidvalidity, sets.render(copied.sources), sets.render(copied.targets))


async def _copy(peer: Peer, asked: Copy, by_uid: bool) -> bytes:
    view = peer.selected.view
    found = numbers.indexes(peer, asked.numbers, by_uid)
    goal = await target(peer, asked.path)
    if not found:
        return b"OK Nothing to copy"
    limits.refuse_copy(peer, found)
    with progress.told(peer, len(found)):
        copied = await transfer.copy(peer.store, view, numbers.uids_at(peer, found), goal, peer.lessons)
    peer.own_messages(goal, copied.targets)
    if not copied.sources:
        raise No(codes.EXPUNGEISSUED + b"The messages were expunged")
    return b"OK %bCOPY completed" % _copyuid(goal, copied)


async def _move(peer: Peer, asked: Copy, by_uid: bool) -> bytes:
    """COPYUID comes before the EXPUNGEs that make the numbers void.  RFC 6851 §4.3."""
    numbers.require_writable(peer, NEEDED[Operation.MOVE_OUT])
    view = peer.selected.view
    found = numbers.indexes(peer, asked.numbers, by_uid)
    goal = await target(peer, asked.path)
    if not found:
        return b"OK Nothing to move"
    found, limited = limits.cut(peer, found)
    with progress.told(peer, len(found)):
        copied = await transfer.move(peer.store, view, numbers.uids_at(peer, found), goal, peer.lessons)
    peer.own_messages(goal, copied.targets)
    if not copied.sources:
        raise No(codes.EXPUNGEISSUED + b"The messages were expunged")
    peer.write(b"* OK %bMoved\r\n" % _copyuid(goal, copied))
    await peer.report(expunges=True, with_uid=by_uid, asked=True)
    return b"OK %bMOVE completed" % _code(peer, limited)


async def expunge(peer: Peer, asked: Expunge) -> bytes:
    """Removes what is \\Deleted; UID EXPUNGE only of those UIDs."""
    numbers.require_writable(peer, NEEDED[Operation.EXPUNGE])
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
        with progress.told(peer, len(doomed)):
            await peer.store.expunge(view.account, view.mailbox, doomed)
    await peer.report(expunges=True, with_uid=asked.numbers is not None, asked=True)
    return b"OK %bEXPUNGE completed" % (_code(peer, limited) if doomed else b"")


def _code(peer: Peer, limited: bytes) -> bytes:
    """A reply has room for one code: the limit's, which a client has to know; the number comes by itself then."""
    changed = highest(peer)
    if limited and changed:
        peer.write(b"* OK %bChanged\r\n" % changed)
    return limited or changed


def highest(peer: Peer) -> bytes:
    """RFC 7162 §3.2.7: HIGHESTMODSEQ behind an expunge, for clients that resynchronise."""
    if not peer.session.qresync or peer.numbers is None:
        return b""
    return b"[HIGHESTMODSEQ %d] " % peer.numbers.view.modseq
