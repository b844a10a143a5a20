"""Names, rights and lists over people of several domains."""

from __future__ import annotations

import pytest

from courriel.base.errors import FormatError
from courriel.mailboxes.access import Access
from courriel.model.account import Account
from courriel.model.mailbox import SPECIAL_MAILBOXES, Role
from courriel.model.namespace import PUBLIC_ACCOUNT
from courriel.model.refusals import MailboxExists, MailboxNotAllowed, NoSuchAddress, NoSuchMailbox, NotPermitted
from courriel.model.rights import ALL, Operation, RightsChange, letters, parse
from courriel.ports.credentials import CredentialRecord
from courriel.store.memory.directory import MemoryDirectory
from courriel.store.memory.store import MemoryStore

LOGINS = ("alice@a.test", "bob@a.test", "carol@b.test", "alice@b.test", "odd/name@a.test")


class Town:
    """A store and a directory with people in two domains."""

    def __init__(self) -> None:
        self.store, self.directory = MemoryStore(), MemoryDirectory()
        self.access = Access(self.store, self.directory)
        self.people: dict[str, Account] = {}

    async def fill(self) -> Town:
        for domain in ("a.test", "b.test"):
            await self.directory.add_domain(domain)
        for login in LOGINS:
            person = self.people[login] = await self.directory.add_account(login, CredentialRecord("x"))
            await self.store.create_account(person.id, SPECIAL_MAILBOXES)
        return self

    async def grant(self, owner: str, path: str, who: str, rights: str) -> None:
        account = self.people[owner].id if owner else PUBLIC_ACCOUNT
        box = await self.store.mailbox(account, path)
        await self.store.change_rights(account, box.id, who, RightsChange(0, parse(rights)))

    async def seen(self, who: str) -> dict[str, str]:
        places = await self.access.visible(self.people[who])
        return {place.mailbox.path: letters(place.rights) for place in places}


@pytest.fixture
def town(runner: object) -> Town:
    return runner.run(Town().fill())  # type: ignore[attr-defined, no-any-return]


async def test_names_depend_on_who_looks_and_lead_back(town: Town) -> None:
    await town.grant("alice@a.test", "INBOX", "@b.test", "lr")
    await town.grant("alice@a.test", "INBOX", "bob@a.test", "lrs")
    await town.grant("alice@b.test", "Sent", "authenticated", "l")
    await town.grant("odd/name@a.test", "Archive", "anyone", "lr")
    assert await town.seen("bob@a.test") == {
        "Other Users/alice/INBOX": "lrs",
        "Other Users/alice@b.test/Sent": "l",
        "Other Users/odd=2Fname/Archive": "lr",
    }
    assert await town.seen("carol@b.test") == {
        "Other Users/alice/Sent": "l",
        "Other Users/alice@a.test/INBOX": "lr",
        "Other Users/odd=2Fname@a.test/Archive": "lr",
    }
    for login in ("bob@a.test", "carol@b.test"):
        who = town.people[login]
        for place in await town.access.visible(who):
            assert await town.access.find(who, place.mailbox.path, Operation.LIST) == place
            assert place.mailbox.role is None and place.mailbox.subscribed is False
    with pytest.raises(NoSuchMailbox):
        await town.access.find(town.people["bob@a.test"], "Other Users/alice@a.test/INBOX", Operation.OPEN)


async def test_ones_own_come_first_also_below_those_names(town: Town) -> None:
    bob = town.people["bob@a.test"]
    await town.store.create_account(PUBLIC_ACCOUNT, [])
    await town.store.create_mailbox(PUBLIC_ACCOUNT, "News")
    await town.store.create_mailbox(PUBLIC_ACCOUNT, "Rest")
    for path in ("News", "Rest"):
        await town.grant("", path, "anyone", "lr")
    await town.store.create_mailbox(bob.id, "Public/News")  # it was brought along from another server
    mine = await town.access.find(bob, "Public/News", Operation.DELETE)
    assert (mine.account, mine.rights) == (bob.id, ALL)
    assert (await town.access.find(bob, "Public/Rest", Operation.OPEN)).account == PUBLIC_ACCOUNT
    assert (await town.access.create(bob, "Public/more")).account == bob.id
    await town.access.rename(bob, mine, "News")
    assert (await town.access.find(bob, "Public/News", Operation.OPEN)).account == PUBLIC_ACCOUNT


async def test_special_use_and_others_inboxes_stay_with_their_owners(town: Town) -> None:
    bob = town.people["bob@a.test"]
    await town.grant("alice@a.test", "INBOX", "bob@a.test", "lrkx")
    with pytest.raises(MailboxNotAllowed):
        await town.access.create(bob, "Other Users/alice/INBOX/x", Role.JUNK)
    inbox = await town.access.find(bob, "Other Users/alice/inbox", Operation.RENAME)
    with pytest.raises(MailboxNotAllowed):
        await town.access.rename(bob, inbox, "Other Users/alice/INBOX/all")
    with pytest.raises(MailboxNotAllowed):
        await town.access.rename(bob, inbox, "mine")
    own = await town.access.find(bob, "Sent", Operation.RENAME)
    with pytest.raises(MailboxNotAllowed):
        await town.access.rename(bob, own, "Other Users/alice/INBOX/sent")


async def test_creating_asks_the_nearest_parent_and_tells_nothing_else(town: Town) -> None:
    bob, alice = town.people["bob@a.test"], town.people["alice@a.test"]
    for path in ("hidden", "shown", "shown/hidden"):
        await town.store.create_mailbox(alice.id, path)
    await town.grant("alice@a.test", "shown", "bob@a.test", "lk")
    for path in ("hidden", "hidden/x", "nothing", "nothing/x"):
        with pytest.raises(NotPermitted):
            await town.access.create(bob, f"Other Users/alice/{path}")
    for path in ("Other Users/nobody/x", "Other Users/bob/x", "Public/x", "Other Users/alice/a//b"):
        with pytest.raises(NotPermitted):
            await town.access.create(bob, path)
    with pytest.raises(MailboxNotAllowed):
        await town.access.create(bob, "Other Users")
    with pytest.raises(MailboxExists):
        await town.access.create(bob, "Other Users/alice/shown")
    made = await town.access.create(bob, "Other Users/alice/shown/new/er")
    assert (made.path, letters(made.rights)) == ("shown/new/er", "lk")
    with pytest.raises(NotPermitted):
        await town.access.create(bob, "Other Users/alice/shown/hidden/x")


IDENTIFIERS = [
    ("bob", "bob@a.test"),
    ("BOB@A.TEST", "bob@a.test"),
    ("-bob", "-bob@a.test"),
    ("carol@b.test", "carol@b.test"),
    ("Anyone", "anyone"),
    ("-AUTHENTICATED", "-authenticated"),
    ("@B.Test", "@b.test"),
]


async def test_identifiers_have_one_spelling(town: Town) -> None:
    alice = town.people["alice@a.test"].id
    for text, kept in IDENTIFIERS:
        assert town.access.identifier(alice, text, "alice@a.test") == kept
    assert town.access.identifier(PUBLIC_ACCOUNT, "carol", "") == "carol@b.test"
    for text in ("carol", "nobody@a.test", "--bob", "x" * 1000):
        with pytest.raises(NoSuchAddress):
            town.access.identifier(alice, text, "alice@a.test")
    with pytest.raises(NoSuchAddress):
        town.access.identifier(PUBLIC_ACCOUNT, "alice", "")  # there are two
    for text in ("alice", "-alice@a.test"):
        with pytest.raises(MailboxNotAllowed):
            town.access.identifier(alice, text, "alice@a.test")
    with pytest.raises(FormatError):
        town.access.identifier(alice, "@", "alice@a.test")


async def test_people_who_are_no_more_are_in_no_list_and_list_nothing(town: Town) -> None:
    for who in ("bob@a.test", "-bob@a.test", "carol@b.test"):
        await town.grant("alice@a.test", "INBOX", who, "lr")
    await town.grant("alice@b.test", "INBOX", "bob@a.test", "lr")
    await town.access.forget("bob@a.test")
    inbox = await town.store.mailbox(town.people["alice@a.test"].id, "INBOX")
    assert dict(inbox.acl) == {"carol@b.test": parse("lr")}
    assert await town.store.shared(["bob@a.test", "-bob@a.test"]) == []
    await town.directory.remove_account("alice@a.test")
    assert await town.seen("carol@b.test") == {}
