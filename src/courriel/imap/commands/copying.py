"""COPY, MOVE, EXPUNGE.  RFC 9051 §6.4.3, §6.4.7, §6.4.8, §6.4.9; COPYUID RFC 4315 §3."""

from __future__ import annotations

from courriel.imap.commands.messages import indexes, target, writable
from courriel.imap.peer import Peer
from courriel.imap.wire import sets
from courriel.imap.wire.plain import Copy, Expunge
from courriel.model.changes import Copied
from courriel.model.flags import DELETED


async def copy(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, uid=False)


async def uid_copy(peer: Peer, asked: Copy) -> bytes:
    return await _copy(peer, asked, uid=True)


async def _copy(peer: Peer, asked: Copy, uid: bool) -> bytes:
    view = peer.selected.view
    uids = _uids(peer, asked, uid)
    mailbox = await target(peer, asked.path)
    copied = await peer.store.copy(view.account, view.mailbox, uids, mailbox.id)
    return b"OK %bCopied" % _code(copied)


async def move(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, uid=False)


async def uid_move(peer: Peer, asked: Copy) -> bytes:
    return await _move(peer, asked, uid=True)


async def _move(peer: Peer, asked: Copy, uid: bool) -> bytes:
    """RFC 6851 §4.3: COPYUID comes in an untagged OK, before the EXPUNGEs."""
    writable(peer)
    view = peer.selected.view
    uids = _uids(peer, asked, uid)
    mailbox = await target(peer, asked.path)
    moved = await peer.store.move(view.account, view.mailbox, uids, mailbox.id)
    if moved.sources:
        peer.write(b"* OK %bMoved\r\n" % _code(moved))
    peer.tell(expunges=True)
    return b"OK %bDone" % (_highest(peer) if moved.sources else b"")


async def expunge(peer: Peer, asked: Expunge) -> bytes:
    """EXPUNGE and UID EXPUNGE: what is marked \\Deleted, of the messages named."""
    writable(peer)
    numbers = peer.selected
    view = numbers.view
    named = range(numbers.count) if asked.numbers is None else indexes(peer, asked.numbers, uid=True)
    doomed = [numbers.uids[index] for index in named if numbers.flags_at(index) & DELETED]
    gone = await peer.store.expunge(view.account, view.mailbox, doomed) if doomed else ()
    peer.tell(expunges=True)
    return b"OK %bExpunged" % (_highest(peer) if gone else b"")


def _uids(peer: Peer, asked: Copy, uid: bool) -> list[int]:
    known = peer.selected.uids
    return [known[index] for index in indexes(peer, asked.numbers, uid)]


def _code(copied: Copied) -> bytes:
    if not copied.sources:
        return b""
    return b"[COPYUID %d %b %b] " % (copied.uidvalidity, sets.render(copied.sources), sets.render(copied.targets))


def _highest(peer: Peer) -> bytes:
    """RFC 7162 §3.1.4, §3.2.10: how far the client is, once it keeps mod-sequences."""
    if peer.numbers is None or not peer.session.condstore:
        return b""
    return b"[HIGHESTMODSEQ %d] " % peer.numbers.view.modseq
