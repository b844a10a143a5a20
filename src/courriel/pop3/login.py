"""From a proven account to an open maildrop: the lock, then the snapshot of INBOX.  RFC 1939 §4."""

from __future__ import annotations

from typing import cast

from courriel.base.errors import CourrielError
from courriel.model.account import Account
from courriel.pop3 import replies, wire
from courriel.pop3.session import Maildrop
from courriel.pop3.talk import Talk
from courriel.ports.store import Column, MailStore


async def open_maildrop(talk: Talk, account: Account) -> None:
    """Enter the TRANSACTION state, or say why not."""
    if not talk.services.locks.acquire(account.id):
        talk.reply(replies.IN_USE)
        return
    talk.locked = account.id
    try:
        maildrop = await snapshot(talk.services.store, account)
    except CourrielError as error:
        talk.unlock()
        talk.reply(replies.reply_for(error))
        return
    if talk.connection.closing:  # it hung up meanwhile: nobody would ever let go of the lock
        talk.unlock()
        return
    talk.session.begin_transaction(account, maildrop)
    talk.connection.identify(account.id)
    talk.connection.event("pop3.opened", login=account.login, messages=maildrop.count)
    talk.reply(wire.ok(b"%d messages (%d octets)" % (maildrop.count, maildrop.octets)))


async def snapshot(store: MailStore, account: Account) -> Maildrop:
    """INBOX as it is now, whatever happens to it later."""
    inbox = await store.mailbox(account.id, "INBOX")
    view = await store.view(account.id, inbox.id)
    current, count = view.uids, len(view.uids)
    uids, ids = current[:count], view.ids[:count]
    sizes = cast("list[int]", list(await store.column(view, Column.SIZE, 0, count)))
    if view.uids is not current or len(sizes) != count:  # an expunge fell between
        sizes = [cast(int, value or 0) for value in await store.values(view, Column.SIZE, uids)]
    return Maildrop(account.id, inbox.id, view.uidvalidity, uids, sizes, ids)
