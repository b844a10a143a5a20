"""SELECT, EXAMINE, CLOSE, UNSELECT.  RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; CONDSTORE and QRESYNC RFC 7162."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.imap.commands.mailboxes import use_attribute
from courriel.imap.peer import Peer
from courriel.imap.session import Feature
from courriel.imap.view import Numbers
from courriel.imap.wire import response, sets
from courriel.imap.wire.plain import Nothing
from courriel.imap.wire.select import Resync, Select
from courriel.imap.wire.sets import NumberSet
from courriel.model.flags import DELETED, SEEN, SYSTEM_FLAGS
from courriel.model.ids import ModSeq
from courriel.model.mailbox import Mailbox

_SYSTEM: Final = sum(SYSTEM_FLAGS.values())


async def select(peer: Peer, asked: Select) -> bytes:
    return await _open(peer, asked, read_only=False)


async def examine(peer: Peer, asked: Select) -> bytes:
    return await _open(peer, asked, read_only=True)


async def close(peer: Peer, asked: Nothing) -> bytes:
    """Expunges what is deleted, without a word of it (RFC 9051 §6.4.1)."""
    numbers = peer.selected
    if not peer.session.read_only:
        view = numbers.view
        doomed = [uid for uid, flags in zip(view.uids, view.flags, strict=True) if flags & DELETED]
        if doomed:
            await peer.store.expunge(view.account, view.mailbox, doomed)
    peer.deselect()
    return b"OK Closed"


async def unselect(peer: Peer, asked: Nothing) -> bytes:
    peer.deselect()
    return b"OK Closed"


async def _open(peer: Peer, asked: Select, read_only: bool) -> bytes:
    session = peer.session
    if asked.resync is not None and not session.qresync:
        raise FormatError("IMAP command", -1, "QRESYNC was not enabled")
    if peer.numbers is not None:
        peer.deselect()  # also when the new mailbox is not there: RFC 9051 §6.3.2
        peer.write(b"* OK [CLOSED] The mailbox before is closed\r\n")
    mailbox = await peer.store.mailbox(peer.account.id, asked.path)
    view = await peer.store.view(peer.account.id, mailbox.id)
    recent: list[tuple[int, int]] = []
    if not session.rev2:
        first = view.first_recent() if read_only else view.claim_recent()
        if first < view.uidnext:
            recent.append((first, int(view.uidnext)))
    numbers = Numbers(view, recent)
    peer.select(numbers, read_only)
    if asked.condstore:
        session.enable(Feature.CONDSTORE)
    _describe(peer, mailbox, numbers)
    if asked.resync is not None and asked.resync.uidvalidity == view.uidvalidity:
        await _resync(peer, numbers, asked.resync)
    return b"OK [READ-ONLY] Opened" if read_only else b"OK [READ-WRITE] Opened"


def _describe(peer: Peer, mailbox: Mailbox, numbers: Numbers) -> None:
    view, session = numbers.view, peer.session
    keywords = peer.store.keyword_names(view.account)
    flags = response.flag_list(_SYSTEM | sum(1 << bit for bit in keywords), keywords)
    permanent = b"()" if session.read_only else flags[:-1] + b" \\*)"
    lines = [
        b"* FLAGS %b" % flags,
        b"* OK [PERMANENTFLAGS %b] What can be kept" % permanent,
        b"* %d EXISTS" % numbers.count,
    ]
    if session.rev2:
        attributes = use_attribute(mailbox.role)
        lines.append(b'* LIST (%b) "/" %b' % (attributes, response.mailbox_name(mailbox.path, session.utf8)))
    else:
        lines.append(b"* %d RECENT" % numbers.recent_count())
        unseen = _first_unseen(numbers.flags, numbers.count, mailbox.unseen)
        if unseen:
            lines.append(b"* OK [UNSEEN %d] First unseen" % unseen)
    lines += [
        b"* OK [UIDVALIDITY %d] UIDs valid" % view.uidvalidity,
        b"* OK [UIDNEXT %d] Next UID" % view.uidnext,
        b"* OK [HIGHESTMODSEQ %d] Highest" % view.modseq,
        b"* OK [MAILBOXID (F%d)] Mailbox id" % view.mailbox,
        b"",
    ]
    peer.write(b"\r\n".join(lines))


def _first_unseen(flags: array[int], count: int, unseen: int) -> int:
    """Number of the first unseen message, 0 for none; the mailbox's counter spares a look at every flag."""
    if not unseen:
        return 0
    for index in range(count):
        if not flags[index] & SEEN:
            return index + 1
    return 0


async def _resync(peer: Peer, numbers: Numbers, asked: Resync) -> None:
    """What changed since the client was here last.  RFC 7162 §3.2.5."""
    view = numbers.view
    gone = await vanished(peer, numbers, asked.modseq, asked.known, start=_matched(numbers, asked))
    if gone:
        peer.write(b"* VANISHED (EARLIER) %b\r\n" % sets.render(gone))
    known = None if asked.known is None else sets.merged(asked.known, 0)
    changed = [
        index
        for index in range(numbers.count)
        if view.modseqs[index] > asked.modseq and (known is None or sets.contains(known, numbers.uids[index]))
    ]
    if changed:
        peer.write(peer.flag_rows(changed, with_uid=True))


def _matched(numbers: Numbers, asked: Resync) -> int:
    """The UID up to which the client's own list is still right, by the pairs of numbers it sent.  RFC 7162 §3.2.5.2."""
    if asked.match_seqs is None or asked.match_uids is None:
        return 0
    matched = 0
    seqs, uids = _numbers(asked.match_seqs), _numbers(asked.match_uids)
    for seq, uid in zip(seqs, uids, strict=False):
        if not 0 < seq <= numbers.count or numbers.uids[seq - 1] != uid:
            break
        matched = uid
    return matched


def _numbers(numbers: NumberSet) -> list[int]:
    """Single numbers of a set; a range that no one writes for a match ends it."""
    most = 10_000
    found: list[int] = []
    for low, high in numbers.ranges:
        if high - low > most:
            break
        found.extend(range(low, high + 1))
    return found


async def vanished(
    peer: Peer, numbers: Numbers, since: int, known: NumberSet | None, start: int = 0
) -> Sequence[int]:
    """UIDs expunged after ``since``, of those the client knows.

    Where the store does not remember so far back, every UID that is not there counts as gone (RFC 7162 §3.2.5.1).
    """
    view = numbers.view
    gone = await peer.store.vanished(view.account, view.mailbox, ModSeq(since))
    ranges = None if known is None else sets.merged(known, view.uidnext - 1)
    if gone is not None:
        return [uid for uid in gone if ranges is None or sets.contains(ranges, uid)]
    present = set(view.uids)
    if ranges is None:
        ranges = [(1, view.uidnext - 1)]
    return [
        uid
        for low, high in ranges
        for uid in range(max(low, start + 1), min(high, view.uidnext - 1) + 1)
        if uid not in present
    ]
