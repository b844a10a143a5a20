"""From a proven account to an open maildrop: the lock, then the snapshot of INBOX.  RFC 1939 §4."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from typing import cast

from courriel.base.errors import CourrielError
from courriel.model.account import Account
from courriel.model.maildrop import DAY_S, RECENT_DAYS, PopView
from courriel.pop3 import replies, wire
from courriel.pop3.session import Maildrop
from courriel.pop3.talk import Services, Talk
from courriel.ports.store import Column


async def open_maildrop(talk: Talk, account: Account) -> None:
    """Enter the TRANSACTION state, or say why not."""
    services = talk.services
    delay_s, now = services.settings.login_delay_s, services.clock.monotonic()
    if delay_s and not services.locks.may_open(account.id, now):
        talk.reply(replies.TOO_SOON)
        return
    if not services.locks.acquire(account.id):
        talk.reply(replies.IN_USE)
        return
    talk.locked = account.id
    try:
        maildrop = await snapshot(services, account)
    except CourrielError as error:
        talk.unlock()
        talk.reply(replies.reply_for(error))
        return
    if talk.connection.closing:  # it hung up meanwhile: nobody would ever let go of the lock
        talk.unlock()
        return
    if delay_s:
        services.locks.opened(account.id, now + delay_s)
    talk.session.begin_transaction(account, maildrop)
    talk.connection.identify(account.id)
    talk.connection.event("pop3.opened", login=account.login, messages=maildrop.count)
    talk.reply(wire.ok(b"%d messages (%d octets)" % (maildrop.count, maildrop.octets)))


async def snapshot(services: Services, account: Account) -> Maildrop:
    """INBOX as it is now, or what the account's view shows of it, whatever happens to it later."""
    store, now = services.store, services.clock.now()
    first_login = await services.maildrops.first_login(account.id, now) if account.pop_view is PopView.NEW else 0.0
    carried = await services.maildrops.carried(account.id)
    inbox = await store.mailbox(account.id, "INBOX")
    view = await store.view(account.id, inbox.id)
    current, count = view.uids, len(view.uids)
    uids, ids = current[:count], view.ids[:count]
    sizes = cast("list[int]", list(await store.column(view, Column.SIZE, 0, count)))
    if view.uids is not current or len(sizes) != count:  # an expunge fell between
        sizes = [cast(int, value or 0) for value in await store.values(view, Column.SIZE, uids)]
    shown: Sequence[bool] | None = None
    if account.pop_view is PopView.RECENT:
        received = await store.values(view, Column.RECEIVED, uids)
        shown = _not_before(received, now - RECENT_DAYS * DAY_S)
    elif account.pop_view is PopView.NEW:
        shown = _not_before(await store.values(view, Column.SAVED, uids), int(first_login))
    if shown is not None:
        uids, ids = array("I", compress(uids, shown)), array("Q", compress(ids, shown))
        sizes = list(compress(sizes, shown))
    return Maildrop(account.id, inbox.id, view.uidvalidity, uids, sizes, ids, carried)


def _not_before(times: Sequence[bytes | int | None], first: float) -> list[bool]:
    return [cast(int, at or 0) >= first for at in times]
