"""One message in the place of another, as one change.  RFC 8508 §3.1: both happen, or neither."""

from __future__ import annotations

from courriel.model.ids import AccountId, MailboxId
from courriel.model.message import NewMessage, Stored
from courriel.store.sqlite.append import append, judge
from courriel.store.sqlite.removal import choose, expunge
from courriel.store.sqlite.transaction import Transaction


def replace(
    transaction: Transaction, account: AccountId, mailbox: MailboxId, uid: int, message: NewMessage
) -> Stored | None:
    """None when ``uid`` is not there.  Raises as ``append``; what goes makes room for what comes."""
    draft = transaction.account(account)
    draft.mailbox(mailbox)
    chosen = choose(transaction, account, mailbox, [uid])
    if not chosen:
        return None
    freed = sum(chosen.sizes)
    draft.octets -= freed
    draft.messages -= 1
    try:
        judge(transaction, [message])
    finally:
        draft.octets += freed
        draft.messages += 1
    expunge(transaction, account, mailbox, [uid])
    [stored] = append(transaction, [message])
    return stored
