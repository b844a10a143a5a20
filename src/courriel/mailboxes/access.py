"""The one way to mail that may be another's: names, rights, and what is done to mailboxes.  RFC 4314 §4; RFC 2342.

Whatever a person asks for by a name is looked up here, and is given only with the right it needs.  Who may not know
of a mailbox (no right to look it up) hears the same of it as of one that does not exist.  A person's own mailboxes
come first and cost one question to the store; names of others are tried where there is no own one.

Messages on their way from one account to another are ``transfer.py``'s business.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.domain import normalise
from courriel.model import namespace
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.mailbox import Mailbox, Role, canonical_path, parent_path
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.refusals import MailboxExists, MailboxNotAllowed, NoSuchAddress, NoSuchMailbox, NotPermitted
from courriel.model.rights import (
    ALL,
    IDENTIFIER_CHARACTERS,
    LOOKUP,
    TAKE_ALL,
    Acl,
    Operation,
    Rights,
    RightsChange,
    allows,
    effective,
    means_many,
    names_of,
)
from courriel.ports.store import MailStore, View


class People(Protocol):
    """What is asked of a directory here."""

    def account(self, account: AccountId) -> Account | None: ...

    def by_login(self, login: str) -> Account | None: ...


class Hermit:
    """A directory of nobody else."""

    def account(self, account: AccountId) -> Account | None:
        return None

    def by_login(self, login: str) -> Account | None:
        return None


class Place(msgspec.Struct, frozen=True):
    """A mailbox as one person sees it.

    It is ``path`` in ``account``; ``mailbox.path`` is what the person calls it, and ``rights`` what he may do.
    """

    account: AccountId
    path: str
    mailbox: Mailbox
    rights: Rights


class Access:
    """Looks mailboxes up for people.  Every call raises what the store raises, and NotPermitted."""

    def __init__(self, store: MailStore, people: People) -> None:
        self._store = store
        self._people = people

    # --- finding ----------------------------------------------------------------------------------------------
    async def find(self, who: Account, path: str, operation: Operation) -> Place:
        """The mailbox of this name, for this.  Raises NoSuchMailbox, also for one that ``who`` may not know of."""
        try:
            return Place(who.id, path, await self._store.mailbox(who.id, path), ALL)
        except NoSuchMailbox:
            if not namespace.is_elsewhere(path):
                raise
        place = await self._elsewhere(who, path)
        if place is None:
            raise NoSuchMailbox(path)
        if not allows(place.rights, operation):
            raise NotPermitted(path) if place.rights & LOOKUP else NoSuchMailbox(path)
        return place

    def rights(self, who: Account, view: View) -> Rights:
        """What ``who`` may do with the mailbox of a view now."""
        return ALL if view.account == who.id else effective(view.acl, names_of(who.login))

    async def visible(self, who: Account) -> list[Place]:
        """The mailboxes of others and of the public that may be listed, by name."""
        names = names_of(who.login)
        places = []
        for account, mailbox in await self._store.shared(names):
            rights = effective(mailbox.acl, names)
            owner = None if account == PUBLIC_ACCOUNT else self._people.account(account)
            if account == who.id or not rights & LOOKUP or (owner is None and account != PUBLIC_ACCOUNT):
                continue
            called = namespace.name(owner.login if owner else None, who.login, mailbox.path)
            places.append(_seen(account, mailbox, called, rights))
        return sorted(places, key=lambda place: place.mailbox.path)

    async def opened(self, who: Account, view: View) -> Place | None:
        """The mailbox of a view that ``who`` has: it may be read, and need not be listed.  None: it has gone."""
        boxes = await self._store.mailboxes(view.account)
        mailbox = next((box for box in boxes if box.id == view.mailbox), None)
        if mailbox is None:
            return None
        if view.account == who.id:
            return Place(who.id, mailbox.path, mailbox, ALL)
        login = None if view.account == PUBLIC_ACCOUNT else self._login(view.account)
        called = namespace.name(login, who.login, mailbox.path)
        return _seen(view.account, mailbox, called, self.rights(who, view))

    async def _elsewhere(self, who: Account, path: str) -> Place | None:
        there = self._owner(who, path)
        if there is None:
            return None
        owner, path = there
        try:
            mailbox = await self._store.mailbox(owner, path)
        except NoSuchMailbox:
            return None
        login = None if owner == PUBLIC_ACCOUNT else self._login(owner)
        called = namespace.name(login, who.login, path)
        return _seen(owner, mailbox, called, effective(mailbox.acl, names_of(who.login)))

    def _owner(self, who: Account, path: str) -> tuple[AccountId, str] | None:
        """Whose mailbox a name would be, and its path there; one's own is never found by this way."""
        there = namespace.read(path, who.login)
        if there is None or not there.path:
            return None
        owner = self._people.by_login(there.login) if there.login else None
        if there.login and (owner is None or owner.login != there.login or owner.id == who.id):
            return None
        try:
            inner = canonical_path(there.path)
        except FormatError:
            return None
        return (owner.id if owner else PUBLIC_ACCOUNT), inner

    def _login(self, account: AccountId) -> str | None:
        owner = self._people.account(account)
        return owner.login if owner else None

    # --- mailboxes --------------------------------------------------------------------------------------------
    async def create(self, who: Account, path: str, role: Role | None = None) -> Place:
        """Make a mailbox and its missing parents, with the right to, on the nearest parent that is there."""
        owner, inner = await self._new_place(who, path)
        if owner == who.id:
            return Place(owner, inner, await self._store.create_mailbox(owner, inner, role), ALL)
        if role is not None:
            raise MailboxNotAllowed("special use is for one's own mailboxes")
        made = await self._store.create_mailbox(owner, inner)
        return _seen(owner, made, path, effective(made.acl, names_of(who.login)))

    async def delete(self, who: Account, place: Place) -> None:
        """``place`` was found for this."""
        await self._store.delete_mailbox(place.account, place.path)

    async def rename(self, who: Account, place: Place, new_path: str) -> None:
        """``place`` was found for this; it stays in its account."""
        owner, inner = await self._new_place(who, new_path)
        if owner != place.account:
            raise MailboxNotAllowed("a mailbox stays in its account")
        if owner != who.id and place.path == "INBOX":
            raise MailboxNotAllowed("another's INBOX keeps its messages")
        await self._store.rename_mailbox(owner, place.path, inner)

    async def _new_place(self, who: Account, path: str) -> tuple[AccountId, str]:
        """Where a new mailbox of this name goes.  Refusals say nothing of what may not be known."""
        if not namespace.is_elsewhere(path) or await self._acl_of(who.id, namespace.root(path)) is not None:
            return who.id, path
        there = self._owner(who, path)
        if there is None:
            raise NotPermitted(path) if namespace.read(path, who.login) else MailboxNotAllowed(path)
        owner, inner = there
        known = await self._acl_of(owner, inner)
        if known is not None and effective(known, names_of(who.login)) & LOOKUP:
            raise MailboxExists(path)
        parent = parent_path(inner)
        acl = None
        while parent is not None and (acl := await self._acl_of(owner, parent)) is None:
            parent = parent_path(parent)
        if acl is None or not allows(effective(acl, names_of(who.login)), Operation.CREATE_BELOW):
            raise NotPermitted(path)
        return owner, inner

    async def _acl_of(self, owner: AccountId, path: str) -> Acl | None:
        try:
            return (await self._store.mailbox(owner, path)).acl
        except NoSuchMailbox:
            return None

    # --- access lists -----------------------------------------------------------------------------------------
    def entries(self, place: Place) -> list[tuple[str, Rights]]:
        """The list of a mailbox, its owner (who keeps all rights) first."""
        owner = self._login(place.account)
        rest = sorted(place.mailbox.acl.items())
        return [(owner, ALL), *rest] if owner else rest

    def identifier(self, owner: AccountId, text: str, viewer: str) -> str:
        """The one spelling of an identifier that may get an entry: a person's login name, or one of many people.

        A bare local part is in the viewer's domain ("": as people log in).  Raises NoSuchAddress, FormatError, and
        MailboxNotAllowed for the owner.
        """
        dash, name = ("-", text[1:]) if text.startswith("-") else ("", text)
        if len(name) > IDENTIFIER_CHARACTERS:
            raise NoSuchAddress(name[:IDENTIFIER_CHARACTERS])
        if name.startswith("@"):
            return f"{dash}@{normalise(name[1:])}"
        if means_many(name):
            return dash + name.lower()
        person = self._person(name, viewer)
        if person is None:
            raise NoSuchAddress(name)
        if person.id == owner:
            raise MailboxNotAllowed("the owner keeps all rights")
        return dash + person.login

    async def grant(self, place: Place, identifier: str, change: RightsChange, viewer: str) -> Acl:
        """Change an entry.  ``place`` was found for this.  Taking an entry away needs nobody of that name."""
        known = identifier if identifier in place.mailbox.acl else self.identifier(place.account, identifier, viewer)
        return await self._store.change_rights(place.account, place.mailbox.id, known, change)

    async def forget(self, login: str) -> None:
        """Take an account out of all lists: whoever gets its address later is somebody else."""
        for identifier in (login, "-" + login):
            for account, mailbox in await self._store.shared([identifier]):
                await self._store.change_rights(account, mailbox.id, identifier, TAKE_ALL)

    def is_owner(self, place: Place, text: str, viewer: str) -> bool:
        """Whether an identifier means the account that the mailbox is in."""
        person = self._person(text, viewer)
        return person is not None and person.id == place.account

    def _person(self, name: str, viewer: str) -> Account | None:
        domain = viewer.rpartition("@")[2]
        if "@" not in name and domain:
            name += "@" + domain
        return self._people.by_login(name)


def _seen(account: AccountId, mailbox: Mailbox, called: str, rights: Rights) -> Place:
    """Another's mailbox: what its owner uses it for is no use of this person's."""
    seen = msgspec.structs.replace(mailbox, path=called, role=None, subscribed=False)
    return Place(account, mailbox.path, seen, rights)
