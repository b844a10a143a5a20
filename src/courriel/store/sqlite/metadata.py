"""Annotations in the tables: the plan that sets them, and the statements that read them.  RFC 5464.

A removed one stays as a row without a value, so that who follows the account hears of it; the oldest of those go
when there are many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import apsw

from courriel.model.ids import AccountId, MailboxId, ModSeq
from courriel.model.metadata import ANNOTATION_OCTETS, ANNOTATIONS, REMOVED_REMEMBERED, SHARED
from courriel.model.refusals import TooManyAnnotations
from courriel.store.sqlite.connection import fetch_all
from courriel.store.sqlite.transaction import KIND_METADATA, Transaction

ACCOUNT: Final = 0
"""``coll`` of what belongs to the account itself."""

EVERYBODY: Final = 0
"""``viewer`` of shared entries."""

_READ: Final = "SELECT entry, value FROM annot WHERE acct=? AND coll=? AND viewer IN (0, ?) AND value NOTNULL"
_CHANGED: Final = "SELECT entry FROM annot WHERE acct=? AND coll=? AND viewer IN (0, ?) AND modseq>? ORDER BY entry"


def read(
    connection: apsw.Connection, account: AccountId, mailbox: MailboxId | None, viewer: AccountId
) -> dict[str, bytes]:
    rows = fetch_all(connection, _READ, (account, mailbox or ACCOUNT, viewer))
    return {entry: bytes(value) for entry, value in sorted(rows)}


def changed(
    connection: apsw.Connection, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, since: ModSeq
) -> list[str]:
    return [entry for (entry,) in fetch_all(connection, _CHANGED, (account, mailbox or ACCOUNT, viewer, since))]


def change(
    transaction: Transaction,
    account: AccountId,
    mailbox: MailboxId | None,
    viewer: AccountId,
    values: Mapping[str, bytes | None],
) -> bool:
    """Set or remove entries, all or none.  Returns whether anything is another than it was.

    Raises NoSuchMailbox, TooManyAnnotations.
    """
    draft = transaction.account(account)
    coll = ACCOUNT if mailbox is None else draft.mailbox(mailbox).id
    execute = transaction.connection.execute
    new: list[tuple[int, str, bytes | None]] = []
    count = octets = 0
    for entry, value in values.items():
        who = EVERYBODY if entry.startswith(SHARED) else viewer
        row = execute(
            "SELECT value FROM annot WHERE acct=? AND coll=? AND viewer=? AND entry=?", (account, coll, who, entry)
        ).fetchone()
        old = None if row is None or row[0] is None else bytes(row[0])
        if old != value:
            new.append((who, entry, value))
            count += (value is not None) - (old is not None)
            octets += len(value or b"") - len(old or b"")
    if not new:
        return False
    _check_room(transaction, account, count, octets)
    modseq = draft.take()
    transaction.connection.executemany(
        "INSERT OR REPLACE INTO annot VALUES (?,?,?,?,?,?)",
        [(account, coll, who, entry, modseq, value) for who, entry, value in new],
    )
    execute(
        "DELETE FROM annot WHERE acct=?1 AND value ISNULL AND modseq<=(SELECT modseq FROM annot"
        " WHERE acct=?1 AND value ISNULL ORDER BY modseq DESC LIMIT 1 OFFSET ?2)",
        (account, REMOVED_REMEMBERED),
    )
    transaction.note(draft, modseq, KIND_METADATA, [] if mailbox is None else [mailbox])
    return True


def _check_room(transaction: Transaction, account: AccountId, count: int, octets: int) -> None:
    """A look at all of the account's annotations: 0.4 ms for as many as it may have."""
    if count <= 0 and octets <= 0:
        return
    row = transaction.connection.execute(
        "SELECT count(value), coalesce(sum(length(value)), 0) FROM annot WHERE acct=?", (account,)
    ).fetchone()
    if row is not None and (row[0] + max(count, 0) > ANNOTATIONS or row[1] + max(octets, 0) > ANNOTATION_OCTETS):
        raise TooManyAnnotations(f"account {account}")
