"""The directory's contract, over each directory there is.  Where addresses lead is ``model/roster.py``'s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from courriel.base.errors import FormatError
from courriel.model.account import Account, Domain, TargetKind
from courriel.model.device import Device, DeviceExists, DeviceHasNoLogin, NoSuchDevice
from courriel.model.directory_refusals import (
    AddressTaken,
    DomainExists,
    DomainInUse,
    NoSuchAccount,
    NoSuchAlias,
    NoSuchDomain,
)
from courriel.model.envelope import Address
from courriel.model.ids import AccountId
from courriel.model.mailing_list import Call, ListExists, MailingList, NoSuchList, Posting, Role
from courriel.ports.credentials import CredentialRecord, ScramKeys
from courriel.ports.directory import DirectoryAdmin

SECRET = CredentialRecord("$argon2id$one", ScramKeys(b"salt", 4096, b"stored\x00", b"server\xff"), None)
OTHER = CredentialRecord("$argon2id$two")

Open = Callable[[], AbstractContextManager[DirectoryAdmin]]


class Closable(DirectoryAdmin, Protocol):
    def close(self) -> None: ...


@pytest.fixture(params=["memory", "sqlite"])
def open_directory(request: pytest.FixtureRequest, ram_path: Path) -> Open:
    @contextmanager
    def opened() -> Iterator[DirectoryAdmin]:
        directory: Closable
        if request.param == "memory":
            from courriel.store.memory.directory import MemoryDirectory

            directory = MemoryDirectory()
        else:
            from courriel.store.sqlite.directory import SqliteDirectory

            directory = SqliteDirectory(ram_path / "directory.db")
        try:
            yield directory
        finally:
            directory.close()

    return opened


@pytest.fixture
def directory(open_directory: Open) -> Iterator[DirectoryAdmin]:
    with open_directory() as directory:
        yield directory


async def test_what_an_account_may_send_is_kept(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    await people(directory)
    await directory.set_send_as("alice@courriel.test", ["info@courriel.test", "me@old.example"])
    await directory.set_sending_limits("alice@courriel.test", 5, 70)
    await directory.set_held("alice@courriel.test", "too fast")
    alice = directory.by_login("alice@courriel.test")
    assert alice is not None
    assert (alice.messages_per_hour, alice.recipients_per_day, alice.held) == (5, 70, "too fast")
    assert alice.send_as == ("info@courriel.test", "me@old.example")
    with pytest.raises(NoSuchAccount):
        await directory.set_held("nobody@courriel.test", "")


MAY = [
    ("info@courriel.test", True),
    ("INFO+x@courriel.test", True),
    ("me@OLD.example", True),
    ("me+x@old.example", True),
    ("you@old.example", False),
    ("me@old..example", False),
    ("sales@courriel.test", False),
    ("bob@courriel.test", False),
    ("alice+x@courriel.test", True),
]


@pytest.mark.parametrize(("address", "may"), MAY)
async def test_send_as_what_was_granted(
    runner: asyncio.Runner, directory: DirectoryAdmin, address: str, may: bool
) -> None:
    """An address that is nobody's, or elsewhere, with detail and in any spelling; and no other."""
    alice, bob = await people(directory)
    await directory.set_send_as("alice@courriel.test", ["info@courriel.test", "me@old.example"])
    local, _, domain = address.partition("@")
    assert directory.may_send_as(alice.id, Address(local, domain)) is may
    assert directory.may_send_as(bob.id, Address(local, domain)) is (address == "bob@courriel.test")
    await directory.set_send_as("alice@courriel.test", [])
    assert directory.may_send_as(alice.id, Address(local, domain)) is address.startswith("alice")


async def people(directory: DirectoryAdmin) -> tuple[Account, Account]:
    await directory.add_domain("courriel.test")
    alice = await directory.add_account("Alice@Courriel.Test", SECRET, "Alice Liddell")
    bob = await directory.add_account("bob@courriel.test", OTHER)
    return alice, bob


async def test_domains(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    assert list(directory.domains()) == []
    assert await directory.add_domain("Bücher.Example") == Domain("xn--bcher-kva.example")
    await directory.add_domain("a.test")
    assert [domain.name for domain in directory.domains()] == ["a.test", "xn--bcher-kva.example"]
    for spelling in ("bücher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example"):
        assert directory.domain(spelling) == Domain("xn--bcher-kva.example")
        with pytest.raises(DomainExists):
            await directory.add_domain(spelling)
    assert directory.domain("other.test") is None and directory.domain("not a domain..") is None
    with pytest.raises(FormatError):
        await directory.add_domain("not a domain..")
    await directory.remove_domain("A.TEST")
    assert directory.domain("a.test") is None
    with pytest.raises(NoSuchDomain):
        await directory.remove_domain("a.test")


async def test_accounts(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, bob = await people(directory)
    assert alice == Account(alice.id, "alice@courriel.test", True, ("alice@courriel.test",), "Alice Liddell", 0)
    assert alice.id != bob.id
    assert [account.login for account in directory.accounts()] == ["alice@courriel.test", "bob@courriel.test"]
    assert directory.account(alice.id) == alice and directory.account(AccountId(999)) is None
    for login in ("alice@courriel.test", "ALICE@COURRIEL.TEST", "alice", "Alice"):
        assert directory.by_login(login) == alice
    assert directory.by_login("carol") is None and directory.by_login("alice@other.test") is None
    assert directory.by_login("") is None and directory.by_login("@") is None
    for login, error in (
        ("alice@courriel.test", AddressTaken),
        ("carol@other.test", NoSuchDomain),
        ("carol", FormatError),
        ("a b@courriel.test", FormatError),
    ):
        with pytest.raises(error):
            await directory.add_account(login, SECRET)
    assert len(directory.accounts()) == 2


async def test_a_local_part_alone_logs_in_only_where_it_is_one_s_own(
    runner: asyncio.Runner, directory: DirectoryAdmin
) -> None:
    alice, _ = await people(directory)
    await directory.add_domain("other.test")
    assert directory.by_login("alice") == alice
    await directory.add_account("alice@other.test", SECRET)
    assert directory.by_login("alice") is None and directory.by_login("alice@courriel.test") == alice


async def test_secrets(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, bob = await people(directory)
    assert directory.secret(alice.id) == SECRET and directory.secret(bob.id) == OTHER
    await directory.set_secret("alice@courriel.test", OTHER)
    assert directory.secret(alice.id) == OTHER
    with pytest.raises(NoSuchAccount):
        await directory.set_secret("carol@courriel.test", SECRET)
    assert directory.secret(AccountId(999)) is None


async def test_changing_an_account(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, _ = await people(directory)
    await directory.set_enabled("alice@courriel.test", False)
    await directory.set_quota("alice@courriel.test", 1000)
    changed = directory.account(alice.id)
    assert changed is not None and (changed.enabled, changed.quota_octets) == (False, 1000)
    assert (changed.addresses, changed.display_name) == (alice.addresses, alice.display_name)
    target = directory.resolve(Address("alice", "courriel.test"))
    assert target is not None and target.accounts == (changed,), "whoever delivers sees that it is disabled"
    for call in (directory.set_enabled("carol@courriel.test", True), directory.set_quota("carol@courriel.test", 1)):
        with pytest.raises(NoSuchAccount):
            await call


async def test_a_removed_account_leaves_nothing_and_its_id_is_not_used_again(
    runner: asyncio.Runner, directory: DirectoryAdmin
) -> None:
    _, bob = await people(directory)
    await directory.remove_account("BOB@courriel.test")
    assert directory.account(bob.id) is None and directory.secret(bob.id) is None
    assert directory.by_login("bob") is None and directory.resolve(Address("bob", "courriel.test")) is None
    with pytest.raises(NoSuchAccount):
        await directory.remove_account("bob@courriel.test")
    again = await directory.add_account("bob@courriel.test", SECRET)
    assert again.id != bob.id and directory.resolve(Address("bob", "courriel.test")) is not None


async def test_aliases(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, bob = await people(directory)
    await directory.add_alias(
        "Sales@courriel.test", ["ALICE@courriel.test", "bob@courriel.test", "x@elsewhere.example"]
    )
    await directory.add_alias("liddell@courriel.test", ["alice@courriel.test"])
    assert list(directory.aliases()) == [
        ("liddell@courriel.test", ("alice@courriel.test",)),
        ("sales@courriel.test", ("alice@courriel.test", "bob@courriel.test", "x@elsewhere.example")),
    ]
    target = directory.resolve(Address("SALES", "courriel.test"))
    assert target is not None
    assert {account.id for account in target.accounts} == {alice.id, bob.id}
    assert (target.kind, target.forward_to) == (TargetKind.ALIAS, ("x@elsewhere.example",))
    assert directory.may_send_as(alice.id, Address("liddell", "courriel.test"))
    assert not directory.may_send_as(alice.id, Address("sales", "courriel.test"))
    for alias, targets, error in (
        ("sales@courriel.test", ["bob@courriel.test"], AddressTaken),
        ("alice@courriel.test", ["bob@courriel.test"], AddressTaken),
        ("a@other.test", ["bob@courriel.test"], NoSuchDomain),
        ("a@courriel.test", [], FormatError),
        ("a@courriel.test", ["not an address"], FormatError),
    ):
        with pytest.raises(error):
            await directory.add_alias(alias, targets)
    with pytest.raises(AddressTaken):
        await directory.add_account("sales@courriel.test", SECRET)
    await directory.remove_alias("SALES@courriel.test")
    assert directory.resolve(Address("sales", "courriel.test")) is None
    with pytest.raises(NoSuchAlias):
        await directory.remove_alias("sales@courriel.test")


async def test_where_addresses_lead(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, bob = await people(directory)
    await directory.add_alias("liddell@courriel.test", ["alice@courriel.test"])

    def leads(local: str, domain: str = "courriel.test") -> tuple[list[AccountId], TargetKind, str | None] | None:
        target = directory.resolve(Address(local, domain))
        return target and ([account.id for account in target.accounts], target.kind, target.detail)

    assert leads("alice") == ([alice.id], TargetKind.PRIMARY, None)
    assert leads("ALICE", "COURRIEL.TEST") == ([alice.id], TargetKind.PRIMARY, None)
    assert leads("alice+Lists") == ([alice.id], TargetKind.DETAIL, "Lists")
    assert leads("liddell+x") == ([alice.id], TargetKind.DETAIL, "x")
    assert leads("nobody") is None and leads("alice", "other.test") is None
    await directory.set_catch_all("courriel.test", "bob@courriel.test")
    assert leads("nobody") == ([bob.id], TargetKind.CATCH_ALL, None)
    await directory.set_catch_all("courriel.test", None)
    assert leads("nobody") is None
    with pytest.raises(NoSuchDomain):
        await directory.set_catch_all("other.test", None)
    assert leads("Postmaster", "") and leads("postmaster"), "RFC 5321 §4.5.1"


async def test_a_domain_in_use_stays(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    await people(directory)
    await directory.add_domain("alias.test")
    await directory.add_alias("a@alias.test", ["alice@courriel.test"])
    for name in ("courriel.test", "alias.test"):
        with pytest.raises(DomainInUse):
            await directory.remove_domain(name)
    await directory.remove_alias("a@alias.test")
    await directory.remove_domain("alias.test")
    assert [domain.name for domain in directory.domains()] == ["courriel.test"]


async def test_everything_is_there_after_opening_again(
    runner: asyncio.Runner, open_directory: Open, request: pytest.FixtureRequest
) -> None:
    if "memory" in request.node.name:
        pytest.skip("this directory is not meant to survive")

    def seen(directory: DirectoryAdmin) -> object:
        accounts = directory.accounts()
        return directory.domains(), accounts, directory.aliases(), [directory.secret(one.id) for one in accounts]

    with open_directory() as directory:
        alice, bob = await people(directory)
        await directory.add_alias("sales@courriel.test", ["alice@courriel.test", "x@elsewhere.example"])
        await directory.set_catch_all("courriel.test", "alice@courriel.test")
        await directory.set_quota("alice@courriel.test", 5)
        await directory.set_enabled("alice@courriel.test", False)
        await directory.remove_account("bob@courriel.test")
        before = seen(directory)
    with open_directory() as directory:
        assert seen(directory) == before
        assert (await directory.add_account("carol@courriel.test", SECRET)).id not in (alice.id, bob.id)


async def test_devices(runner: asyncio.Runner, open_directory: Open, request: pytest.FixtureRequest) -> None:
    printer = Device("printer-2", ("192.168.1.0/24", "fd00::/64"), "printer-2@x.org", 7)
    with open_directory() as directory:
        assert directory.devices() == [] and directory.device_at("192.168.1.4") is None
        await directory.add_device(printer)
        with pytest.raises(DeviceExists):
            await directory.add_device(Device("printer-2", ("10.0.0.0/8",), "p@x.org"))
        assert directory.devices() == [printer] and directory.device_at("fd00::4") == printer
        with pytest.raises(NoSuchDevice):
            await directory.remove_device("nas")
    if "memory" in request.node.name:
        return
    with open_directory() as directory:
        assert directory.device_at("192.168.1.4") == printer
        await directory.remove_device("printer-2")
        assert directory.devices() == []


async def test_devices_that_log_in(
    runner: asyncio.Runner, open_directory: Open, request: pytest.FixtureRequest
) -> None:
    scanner = Device("scanner", (), "scanner@x.org", 7, has_login=True)
    near = Device("nas", ("192.168.1.0/24",), "nas@x.org", has_login=True)
    with open_directory() as directory:
        await directory.add_device(Device("printer", ("10.0.0.0/8",), "printer@x.org"))
        await directory.add_device(scanner, SECRET)
        await directory.add_device(near, SECRET)
        assert directory.device("scanner") == scanner and directory.device_secret("scanner") == SECRET
        assert directory.device_at("192.168.1.4") is None and directory.devices_near("192.168.1.4") == [near]
        await directory.set_device_secret("scanner", OTHER)
        assert directory.device_secret("scanner") == OTHER and directory.device_secret("printer") is None
        for name, error in (("fax", NoSuchDevice), ("printer", DeviceHasNoLogin)):
            with pytest.raises(error):
                await directory.set_device_secret(name, OTHER)
        await directory.remove_device("nas")
        assert directory.device_secret("nas") is None and directory.devices_near("192.168.1.4") == []
    if "memory" in request.node.name:
        return
    with open_directory() as directory:
        assert directory.device("scanner") == scanner and directory.device_secret("scanner") == OTHER
        assert directory.device_secret("printer") is None


# --- forwarding and lists -------------------------------------------------------------------------------------------
DEV = MailingList("Dev@courriel.test", "Developers", ("alice@courriel.test",), ("Mod@Far.test",), Posting.ANYONE)


async def test_forwarding(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    alice, _ = await people(directory)
    assert (alice.forward_to, alice.keep_copy) == ("", True)
    await directory.set_forward("alice@courriel.test", "Alice@Far.test", False)
    changed = directory.account(alice.id)
    assert changed is not None and (changed.forward_to, changed.keep_copy) == ("alice@far.test", False)
    await directory.set_forward("alice@courriel.test", "", True)
    assert directory.account(alice.id) == alice
    for login, to, error in (
        ("alice@courriel.test", "ALICE@courriel.test", AddressTaken),
        ("alice@courriel.test", "nobody", FormatError),
        ("carol@courriel.test", "x@far.test", NoSuchAccount),
    ):
        with pytest.raises(error):
            await directory.set_forward(login, to, True)


async def test_lists(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    await people(directory)
    kept = await directory.add_list(DEV)
    assert (kept.address, kept.moderators) == ("dev@courriel.test", ("mod@far.test",))
    assert list(directory.lists()) == [kept] and directory.list("dev@courriel.test") == kept
    for local, role, detail in (
        ("dev", Role.POST, ""), ("DEV-Unsubscribe+Key", Role.UNSUBSCRIBE, "Key"), ("dev-bounces", Role.BOUNCES, ""),
    ):  # fmt: skip
        target = directory.resolve(Address(local, "courriel.test"))
        assert target is not None and target.kind is TargetKind.LIST
        assert target.lists == (Call(kept, role, detail),) and not target.accounts
    owner = directory.resolve(Address("dev-owner", "courriel.test"))
    assert owner is not None and [one.login for one in owner.accounts] == ["alice@courriel.test"]
    assert directory.resolve(Address("dev-other", "courriel.test")) is None
    await directory.add_alias("coders@courriel.test", ["dev@courriel.test", "bob@courriel.test"])
    both = directory.resolve(Address("coders", "courriel.test"))
    assert both is not None and both.lists == (Call(kept, Role.POST),) and len(both.accounts) == 1
    changed = await directory.change_list(msgspec.structs.replace(kept, posting=Posting.MEMBERS))
    assert directory.list("dev@courriel.test") == changed != kept
    with pytest.raises(DomainInUse):
        await directory.remove_domain("courriel.test")
    await directory.remove_list("DEV@courriel.test")
    assert not directory.lists() and directory.resolve(Address("dev", "courriel.test")) is None
    for call in (directory.remove_list("dev@courriel.test"), directory.change_list(kept)):
        with pytest.raises(NoSuchList):
            await call


async def test_nobody_takes_an_address_beside_a_list(runner: asyncio.Runner, directory: DirectoryAdmin) -> None:
    await people(directory)
    await directory.add_alias("ops-owner@courriel.test", ["bob@courriel.test"])
    await directory.add_list(DEV)
    for call, error in (
        (directory.add_account("dev-bounces@courriel.test", SECRET), AddressTaken),
        (directory.add_account("dev@courriel.test", SECRET), AddressTaken),
        (directory.add_alias("dev-request@courriel.test", ["bob@courriel.test"]), AddressTaken),
        (directory.add_list(DEV), ListExists),
        (directory.add_list(msgspec.structs.replace(DEV, address="bob@courriel.test")), AddressTaken),
        (directory.add_list(msgspec.structs.replace(DEV, address="ops@courriel.test")), AddressTaken),
        (directory.add_list(msgspec.structs.replace(DEV, address="x@far.test")), NoSuchDomain),
        (directory.add_list(msgspec.structs.replace(DEV, address="a+b@courriel.test")), FormatError),
        (directory.add_list(msgspec.structs.replace(DEV, address=f"{'l' * 33}@courriel.test")), FormatError),
        (directory.add_list(msgspec.structs.replace(DEV, address="x@courriel.test", owners=())), FormatError),
        (directory.add_list(msgspec.structs.replace(DEV, address="x@courriel.test", name="a\nb")), FormatError),
        (directory.add_list(msgspec.structs.replace(DEV, address="x@courriel.test", archive="a> b")), FormatError),
    ):
        with pytest.raises(error):
            await call  # type: ignore[misc]


async def test_lists_and_forwarding_are_there_after_a_restart(runner: asyncio.Runner, open_directory: Open) -> None:
    with open_directory() as directory:
        if type(directory).__name__ == "MemoryDirectory":
            pytest.skip("this directory is not meant to survive")
        await people(directory)
        await directory.set_forward("alice@courriel.test", "alice@far.test", False)
        kept = await directory.add_list(DEV)
    with open_directory() as directory:
        alice = directory.by_login("alice@courriel.test")
        assert alice is not None and (alice.forward_to, alice.keep_copy) == ("alice@far.test", False)
        assert list(directory.lists()) == [kept]
