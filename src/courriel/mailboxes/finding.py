"""A mailbox to put messages into, made where there is none."""

from __future__ import annotations

from courriel.model.ids import AccountId
from courriel.model.mailbox import Mailbox
from courriel.model.refusals import MailboxExists, NoSuchMailbox
from courriel.ports.store import MailStore


async def find_or_make(store: MailStore, account: AccountId, path: str) -> Mailbox:
    """The mailbox of this path.  Raises MailboxNotAllowed for a name that cannot be one."""
    try:
        return await store.mailbox(account, path)
    except NoSuchMailbox:
        pass
    try:
        return await store.create_mailbox(account, path)
    except MailboxExists:  # somebody else made it meanwhile
        return await store.mailbox(account, path)
