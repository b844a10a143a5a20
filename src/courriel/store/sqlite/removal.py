"""Taking messages out of a mailbox, and putting stored ones in: expunge, copy, move, restore.  RFC 9051 §6.4.

All read what exists from the shared view, which shows the committed state, less what this group removed already.
Long runs of neighbours are one statement each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from courriel.model.changes import Copied
from courriel.model.flags import DELETED, SEEN
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq, Uid
from courriel.model.message import Stored
from courriel.model.refusals import NoSuchMailbox
from courriel.store.sqlite.state import MailboxState
from courriel.store.sqlite.transaction import KIND_MAIL, AccountDraft, Appeared, Removed, Transaction
from courriel.store.sqlite.view import SqliteView


class Chosen:
    """Messages of one mailbox, ascending: the columns of its view at these places."""

    def __init__(self, view: SqliteView, indexes: Sequence[int]) -> None:
        self.uids = [view.uids[place] for place in indexes]
        self.flags = [view.flags[place] for place in indexes]
        self.ids = [view.ids[place] for place in indexes]
        self.sizes = [view.sizes[place] for place in indexes]
        self.indexes = indexes

    def __len__(self) -> int:
        return len(self.uids)

    def runs(self) -> Iterator[tuple[int, int]]:
        """(first uid, last uid) of runs that are neighbours in the view."""
        return runs(self.indexes, self.uids)


def runs(indexes: Sequence[int], uids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, last) uid of each stretch whose indexes follow one another."""
    if isinstance(indexes, range):
        if uids:
            yield uids[0], uids[-1]
        return
    start = 0
    for place in range(1, len(indexes) + 1):
        if place == len(indexes) or indexes[place] != indexes[place - 1] + 1:
            yield uids[start], uids[place - 1]
            start = place


def pack_ranges(uids: Sequence[int]) -> bytes:
    """UIDs as pairs (first, last) of 32-bit little-endian numbers, ``gone.uids``."""
    pairs = array("I")
    first = last = uids[0]
    for uid in uids[1:]:
        if uid != last + 1:
            pairs.extend((first, last))
            first = uid
        last = uid
    pairs.extend((first, last))
    return pairs.tobytes()


def unpack_ranges(data: bytes) -> Iterator[int]:
    pairs = array("I", data)
    for place in range(0, len(pairs), 2):
        yield from range(pairs[place], pairs[place + 1] + 1)


def choose(transaction: Transaction, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Chosen:
    """Those of ``uids`` that exist."""
    view = transaction.view(account, mailbox)
    if view is None:
        raise NoSuchMailbox(f"mailbox {mailbox}")
    removed = transaction.removed.get((account, mailbox))
    run = None if removed else view.run(uids)
    if run is not None:
        return Chosen(view, run)
    wanted: Sequence[int] = sorted(set(uids))
    if removed:
        wanted = [uid for uid in wanted if uid not in removed]
    return Chosen(view, view.indexes(wanted))


def take_out(transaction: Transaction, draft: AccountDraft, box: MailboxState, chosen: Chosen) -> int:
    """Remove members (at least one); each takes a number.  Returns the highest.  Space is the caller's business."""
    account = draft.base.id
    modseq = draft.take(len(chosen)) + len(chosen) - 1
    for first, last in chosen.runs():
        transaction.connection.execute(
            "DELETE FROM member WHERE acct=? AND coll=? AND uid BETWEEN ? AND ?", (account, box.id, first, last)
        )
    transaction.connection.execute(
        "INSERT INTO gone VALUES (?,?,?,?)", (account, box.id, modseq, pack_ranges(chosen.uids))
    )
    box.modseq = modseq
    box.total -= len(chosen)
    box.octets -= sum(chosen.sizes)
    box.unseen -= sum(1 for flags in chosen.flags if not flags & SEEN)
    box.deleted -= sum(1 for flags in chosen.flags if flags & DELETED)
    transaction.removed.setdefault((account, box.id), set()).update(chosen.uids)
    transaction.effects.append(Removed(account, box.id, chosen.uids, modseq))
    return modseq


def put_in(
    transaction: Transaction,
    draft: AccountDraft,
    box: MailboxState,
    ids: Sequence[int],
    flags: Sequence[int],
    sizes: Sequence[int],
) -> list[int]:
    """Add members for objects that exist; each takes a number.  Returns their UIDs."""
    account = draft.base.id
    first = draft.take(len(ids))
    modseqs = range(first, first + len(ids))
    uids = list(range(box.uidnext, box.uidnext + len(ids)))
    now = int(transaction.now)
    for row in zip(uids, ids, modseqs, flags, sizes, strict=True):
        transaction.add_member((account, box.id, *row, now))
    box.uidnext += len(ids)
    box.modseq = modseqs[-1]
    box.total += len(ids)
    box.octets += sum(sizes)
    box.unseen += sum(1 for one in flags if not one & SEEN)
    box.deleted += sum(1 for one in flags if one & DELETED)
    transaction.effects.append(Appeared(account, box.id, uids, flags, modseqs, ids, sizes))
    return uids


def keep_restorable(transaction: Transaction, draft: AccountDraft, box: MailboxState, chosen: Chosen) -> None:
    """Note what is about to go, so that it can be restored; it no longer counts against the quota."""
    now = transaction.now
    for first, last in chosen.runs():
        transaction.connection.execute(
            "INSERT INTO expunged SELECT acct, coll, uid, id, modseq, flags, ?, ?, ? FROM member"
            " WHERE acct=? AND coll=? AND uid BETWEEN ? AND ?",
            (box.path, now, now + transaction.retention_s, draft.base.id, box.id, first, last),
        )
    draft.octets -= sum(chosen.sizes)
    draft.messages -= len(chosen)


def expunge(transaction: Transaction, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> array[int]:
    draft = transaction.account(account)
    box = draft.mailbox(mailbox)
    chosen = choose(transaction, account, mailbox, uids)
    if chosen:
        transaction.flush()
        keep_restorable(transaction, draft, box, chosen)
        modseq = take_out(transaction, draft, box, chosen)
        transaction.note(draft, modseq, KIND_MAIL, [mailbox])
    return array("I", chosen.uids)


def copy(
    transaction: Transaction, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId
) -> Copied:
    draft = transaction.account(account)
    draft.mailbox(source)
    goal = draft.mailbox(target)
    chosen = choose(transaction, account, source, uids)
    octets = sum(chosen.sizes)
    targets: list[int] = []
    if chosen:
        draft.check_room(octets, len(chosen))
        transaction.flush()
        first = draft.take(len(chosen))
        ids = range(first, first + len(chosen))
        transaction.connection.executemany(
            "INSERT INTO obj SELECT acct, ?, thread, blob, size, received, sent, envelope, bodystructure, prefix"
            " FROM obj WHERE acct=? AND id=?",
            [(new, account, old) for new, old in zip(ids, chosen.ids, strict=True)],
        )
        transaction.add_origins(draft, zip(ids, chosen.ids, strict=True))
        targets = put_in(transaction, draft, goal, ids, chosen.flags, chosen.sizes)
        draft.octets += octets
        draft.messages += len(chosen)
        transaction.note(draft, draft.counter, KIND_MAIL, [target])
    return Copied(goal.uidvalidity, array("I", chosen.uids), array("I", targets))


def refile(
    transaction: Transaction, draft: AccountDraft, origin: MailboxState, chosen: Chosen, goal: MailboxState
) -> list[int]:
    """Move messages (at least one) from ``origin`` to ``goal``; returns the new UIDs."""
    transaction.flush()
    take_out(transaction, draft, origin, chosen)
    return put_in(transaction, draft, goal, chosen.ids, chosen.flags, chosen.sizes)


def move(
    transaction: Transaction, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId
) -> Copied:
    draft = transaction.account(account)
    origin, goal = draft.mailbox(source), draft.mailbox(target)
    chosen = choose(transaction, account, source, uids)
    targets: list[int] = []
    if chosen:
        targets = refile(transaction, draft, origin, chosen, goal)
        transaction.note(draft, draft.counter, KIND_MAIL, [source, target])
    return Copied(goal.uidvalidity, array("I", chosen.uids), array("I", targets))


def restore(transaction: Transaction, account: AccountId, messages: Sequence[MessageId]) -> list[Stored]:
    draft = transaction.account(account)
    transaction.flush()
    wanted = dict.fromkeys(messages)
    rows = {
        id: (coll, uid, flags, size)
        for id, coll, uid, flags, size in transaction.connection.execute(
            "SELECT e.id, e.coll, e.uid, e.flags, o.size FROM expunged e JOIN obj o ON o.acct=e.acct AND o.id=e.id"
            " WHERE e.acct=? AND e.forget_at>?",
            (account, transaction.now),
        )
        if id in wanted
    }
    found = [(id, *rows[id]) for id in wanted if id in rows]
    octets = sum(size for *_, size in found)
    homes = [_home(draft, MailboxId(coll)) for _, coll, *_ in found]
    draft.check_room(octets, len(found))
    stored = []
    for (id, coll, uid, flags, size), box in zip(found, homes, strict=True):
        transaction.connection.execute("DELETE FROM expunged WHERE acct=? AND coll=? AND uid=?", (account, coll, uid))
        # Without \Deleted: the next EXPUNGE would take it away again.
        [new_uid] = put_in(transaction, draft, box, [id], [flags & ~DELETED], [size])
        stored.append(Stored(account, box.id, Uid(new_uid), id, ModSeq(box.modseq), box.uidvalidity))
    draft.octets += octets
    draft.messages += len(found)
    if stored:
        transaction.note(draft, draft.counter, KIND_MAIL, [one.mailbox for one in stored])
    return stored


def _home(draft: AccountDraft, mailbox: MailboxId) -> MailboxState:
    try:
        return draft.mailbox(mailbox)
    except NoSuchMailbox:
        return draft.named("INBOX")
