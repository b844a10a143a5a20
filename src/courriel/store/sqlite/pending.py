"""Flag changes that are logged and shown, and not yet in the tables.  PERFORMANCE, "Decided".

``add`` is called on the loop while no group is under way; ``fold`` puts everything into the next group's
transaction; ``done`` forgets it and empties the log once that is durable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from courriel.model.changes import JournalEntry
from courriel.model.ids import AccountId, MailboxId, ModSeq
from courriel.store.sqlite import flags as flag_changes
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.flaglog import FlagLog, FlagRecord, render
from courriel.store.sqlite.state import AccountState
from courriel.store.sqlite.transaction import KIND_MAIL, KINDS, Transaction, pack_ids
from courriel.store.sqlite.view import SqliteView


class PendingFlags:
    """See above.  ``count``: messages whose flags wait."""

    def __init__(self, log: FlagLog) -> None:
        self._log = log
        self._records: list[FlagRecord] = []
        self._owners: dict[AccountId, AccountState] = {}
        """Accounts whose newest numbers are nowhere else: held, for the view through which they changed may go."""
        self.count = 0

    def __bool__(self) -> bool:
        return bool(self._records)

    def add(self, view: SqliteView, judged: flag_changes.Judged) -> None:
        """Log and show one change of at least one message.  Raises OSError, and has then changed nothing."""
        owner, count = view.owner, len(judged.places)
        first = owner.counter + 1
        self._log.append(render(owner.id, view.mailbox, first, judged.uids, judged.flags))
        self._owners[owner.id] = owner
        owner.counter += count
        self._records.append(FlagRecord(owner.id, view.mailbox, first, judged.uids, judged.flags))
        self.count += count
        flag_changes.apply(view, judged, first)
        owner.journal.append(JournalEntry(ModSeq(owner.counter), KINDS[KIND_MAIL], (view.mailbox,)))

    def show_in(self, view: SqliteView) -> None:
        """Bring a view that was just read from the tables up to date."""
        for record in self._records:
            if record.account == view.account and record.mailbox == view.mailbox:
                for place, (flags, modseq) in zip(view.indexes(record.uids), values(record), strict=True):
                    view.flags[place], view.modseqs[place] = flags, modseq

    def fold(self, transaction: Transaction) -> None:
        """Write it all; of several changes of one message the last."""
        if not self._records:
            return
        latest: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
        for record in _without_overwritten(self._records):
            box = latest.setdefault((record.account, record.mailbox), {})
            box.update(zip(record.uids, values(record), strict=True))
        rows: list[Row] = []
        changes: list[Row] = []
        for (account, mailbox), box in latest.items():
            transaction.account(AccountId(account)).mailbox(MailboxId(mailbox))
            rows += [(flags, modseq, account, mailbox, uid) for uid, (flags, modseq) in sorted(box.items())]
            # Who follows the account learns from the last change that the mailbox is another than it was; the many
            # before it say no more (16,000 rows a second less while eight clients set flags).
            highest = max(modseq for _, modseq in box.values())
            changes.append((account, highest, KIND_MAIL, pack_ids((MailboxId(mailbox),))))
        sql = "UPDATE member SET flags=?, modseq=? WHERE acct=? AND coll=? AND uid=?"
        transaction.connection.executemany(sql, rows)
        transaction.connection.executemany("INSERT INTO chg VALUES (?,?,?,?)", changes)

    def done(self) -> None:
        if self._records:
            self._records.clear()
            self._owners.clear()
            self.count = 0
            self._log.clear()


BULK: Final = 64
"""Messages from which on a record is compared with later ones: a client that marks a whole mailbox again and again
(``STORE 1:*``) leaves one record to write, not twenty (30 ms less per fold of 200,000 changes)."""


def _without_overwritten(records: list[FlagRecord]) -> list[FlagRecord]:
    """The records in order, less those whose very messages a later one changes again."""
    kept: list[FlagRecord] = []
    later: dict[tuple[int, int, int, int, int], FlagRecord] = {}
    for record in reversed(records):
        uids = record.uids
        if len(uids) >= BULK:
            key = (record.account, record.mailbox, len(uids), uids[0], uids[-1])
            if key in later and later[key].uids == uids:
                continue
            later[key] = record
        kept.append(record)
    kept.reverse()
    return kept


def values(record: FlagRecord) -> Iterator[tuple[int, int]]:
    """(flags, number) of each message of a record."""
    return zip(record.flags, range(record.first_modseq, record.first_modseq + len(record.uids)), strict=True)
