"""What a shard does at opening when it was not closed: replay flags, and jump ahead.  PERFORMANCE, "Decided".

After a power loss, flag changes of the last second may be gone although clients have seen their numbers.  So the
counters of all accounts, and the HIGHESTMODSEQ of their mailboxes, jump ahead by more than could have been given
out: no number ever has two meanings (ARCHITECTURE §2.1).  One journal row an account says that anything may have
changed, so that whoever follows the journal hears of what was replayed and of what was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from courriel.model.flags import DELETED, SEEN
from courriel.model.ids import MailboxId
from courriel.store.sqlite.flaglog import FlagRecord
from courriel.store.sqlite.transaction import KIND_MAIL, pack_ids

JUMP: Final = 1 << 20
"""More numbers than one account can give out between two syncs (``shard.py``: UNSYNCED_FLAGS)."""


def recover(connection: apsw.Connection, records: Sequence[FlagRecord]) -> None:
    """Bring a shard that was not closed into a good state, in the caller's transaction."""
    touched: set[tuple[int, int]] = set()
    highest: dict[int, int] = {}
    for record in records:
        row = connection.execute("SELECT counter FROM account WHERE acct=?", (record.account,)).fetchone()
        if row is None or record.first_modseq <= row[0]:
            continue
        modseqs = range(record.first_modseq, record.first_modseq + len(record.uids))
        connection.executemany(
            "UPDATE member SET flags=?, modseq=? WHERE acct=? AND coll=? AND uid=?",
            [
                (flags, modseq, record.account, record.mailbox, uid)
                for uid, flags, modseq in zip(record.uids, record.flags, modseqs, strict=True)
            ],
        )
        touched.add((record.account, record.mailbox))
        highest[record.account] = max(highest.get(record.account, 0), modseqs[-1])
    for account, modseq in highest.items():
        connection.execute("UPDATE account SET counter=max(counter, ?) WHERE acct=?", (modseq, account))
    for account, mailbox in touched:
        recount_flags(connection, account, mailbox)
    connection.execute("UPDATE account SET counter=counter+?", (JUMP,))
    connection.execute("UPDATE coll SET modseq=(SELECT counter FROM account a WHERE a.acct=coll.acct)")
    _tell_followers(connection)


def _tell_followers(connection: apsw.Connection) -> None:
    """A journal row for each account, at its new number, that names all its mailboxes; some 5 µs an account."""
    mailboxes: dict[tuple[int, int], list[MailboxId]] = {}
    for account, counter, mailbox in connection.execute(
        "SELECT acct, counter, coll FROM account JOIN coll USING (acct)"
    ):
        mailboxes.setdefault((account, counter), []).append(MailboxId(mailbox))
    connection.executemany(
        "INSERT INTO chg VALUES (?,?,?,?)",
        [(account, counter, KIND_MAIL, pack_ids(named)) for (account, counter), named in mailboxes.items()],
    )


def recount_flags(connection: apsw.Connection, account: int, mailbox: int) -> None:
    """Make a mailbox's counters of flags the sum of its messages."""
    connection.execute(
        f"UPDATE coll SET (unseen, deleted) = (SELECT coalesce(sum(flags & {SEEN} = 0), 0),"
        f" coalesce(sum(flags & {DELETED} <> 0), 0) FROM member m WHERE m.acct=coll.acct AND m.coll=coll.coll)"
        " WHERE acct=? AND coll=?",
        (account, mailbox),
    )
