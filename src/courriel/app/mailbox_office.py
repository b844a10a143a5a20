"""Requests about mailboxes: which there are, who else may use them, public ones."""

from __future__ import annotations

from typing import Any

from courriel.app.installation import Installation
from courriel.base.log import log
from courriel.mailboxes.access import Access, Place
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.mailbox import canonical_path
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.refusals import NoSuchAddress, NoSuchMailbox
from courriel.model.rights import ALL, TAKE_ALL, letters, parse_change
from courriel.ports import administration as do


class MailboxOffice:
    """Acts with the owner's rights."""

    def __init__(self, home: Installation) -> None:
        self._home = home
        self._access = Access(home.store, home.directory)

    async def rows(self, login: str) -> list[dict[str, Any]]:
        """Rows for ``MailboxList``."""
        account = self._account(login)
        if account is None and not await self._has_public():
            return []
        return [
            {
                "mailbox": mailbox.path,
                "messages": mailbox.total,
                "unseen": mailbox.unseen,
                "octets": mailbox.size_octets,
                "shared": {who: letters(rights) for who, rights in sorted(mailbox.acl.items())},
            }
            for mailbox in await self._home.store.mailboxes(_id(account))
        ]

    async def rights(self, login: str, mailbox: str) -> list[dict[str, Any]]:
        """Rows for ``MailboxRights``."""
        place = await self._place(self._account(login), mailbox)
        return [{"who": who, "rights": letters(rights)} for who, rights in self._access.entries(place)]

    async def share(self, request: do.MailboxShare) -> dict[str, Any]:
        account = self._account(request.login)
        place = await self._place(account, request.mailbox)
        viewer = account.login if account is not None else ""
        who = self._access.identifier(place.account, request.who, viewer)
        acl = await self._access.grant(place, who, parse_change(request.rights), viewer)
        rights = letters(acl.get(who, 0))
        log.event("mailbox.shared", login=request.login, mailbox=place.path, who=who, rights=rights)
        return {"mailbox": place.path, "who": who, "rights": rights}

    async def unshare(self, request: do.MailboxUnshare) -> None:
        """An entry for somebody who is no more can be taken away too, by its full spelling."""
        account = self._account(request.login)
        place = await self._place(account, request.mailbox)
        viewer = account.login if account is not None else ""
        for who in [request.who] if request.who else list(place.mailbox.acl):
            await self._access.grant(place, who, TAKE_ALL, viewer)
        log.event("mailbox.unshared", login=request.login, mailbox=place.path, who=request.who)

    async def add_public(self, request: do.MailboxPublicAdd) -> dict[str, Any]:
        """It exists before anybody may see it."""
        who = self._access.identifier(PUBLIC_ACCOUNT, request.who, "")
        change, path = parse_change(request.rights), canonical_path(request.mailbox)
        await self._home.store.create_account(PUBLIC_ACCOUNT, [("INBOX", None)])  # what is restored may need it
        made = await self._home.store.create_mailbox(PUBLIC_ACCOUNT, path)
        await self._home.store.change_rights(PUBLIC_ACCOUNT, made.id, who, change)
        log.event("mailbox.public", mailbox=path, who=who)
        return {"mailbox": path}

    async def remove_public(self, mailbox: str) -> None:
        place = await self._place(None, mailbox)
        await self._home.store.delete_mailbox(PUBLIC_ACCOUNT, place.path)
        log.event("mailbox.public_removed", mailbox=place.path)

    async def _has_public(self) -> bool:
        try:
            await self._home.store.modseq(PUBLIC_ACCOUNT)
        except NoSuchMailbox:
            return False
        return True

    def _account(self, login: str) -> Account | None:
        """None for the public.  Raises NoSuchAddress."""
        if login == do.PUBLIC:
            return None
        account = self._home.directory.by_login(login)
        if account is None:
            raise NoSuchAddress(login)
        return account

    async def _place(self, account: Account | None, mailbox: str) -> Place:
        path = canonical_path(mailbox)
        return Place(_id(account), path, await self._home.store.mailbox(_id(account), path), ALL)


def _id(account: Account | None) -> AccountId:
    return PUBLIC_ACCOUNT if account is None else account.id
