"""Migration, cut off at every point there is: between two stores, over our own IMAP service as the old server."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import Damaged, FormatError, Unavailable
from courriel.imap.client import ImapClient
from courriel.imap.wire.client_values import Listed
from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES, Role
from courriel.model.message import NewMessage, Stored
from courriel.model.refusals import AuthenticationFailed
from courriel.mua import migrate, place
from courriel.mua.folder_map import routes
from courriel.mua.ledger import Begun, Brought, Ledger
from courriel.mua.migrate import Migration, MigrationTally
from courriel.store.memory.store import MemoryStore
from tests.imap.house import House, listening, make_house

NEW = AccountId(9)


class PowerCut(Exception):
    """Everything stops here."""


class Fuse:
    """Blows at the n-th of the points it is asked at."""

    def __init__(self, after: int) -> None:
        self.left = after

    def point(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCut


class FusedStore(MemoryStore):
    """May stop before a batch is stored, and after."""

    fuse = Fuse(0)

    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        self.fuse.point()
        stored = await super().append(messages)
        self.fuse.point()
        return stored


class FusedLedger(Ledger):
    """May stop before lines are written, after, and in the middle of the last."""

    fuse = Fuse(0)

    def write(self, entries: Iterable[Brought | Begun]) -> None:
        self.fuse.point()
        super().write(entries)
        try:
            self.fuse.point()
        except PowerCut:
            self._file.truncate(self._file.tell() - 3)
            raise


Facts = Counter[tuple[str, str, float, int]]


async def _facts(store: MemoryStore, account: AccountId) -> Facts:
    found: Facts = Counter()
    for box in await store.mailboxes(account):
        view = await store.view(account, box.id)
        for record in await store.records(account, box.id, view.uids):
            digest = hashlib.sha256(await store.read(account, record.id)).hexdigest()
            found[box.path, digest, record.received_at, view.flags[view.index(record.uid)]] += 1
    return found


async def _old() -> House:
    house = await make_house(("alice",))
    alice = house.gate.accounts["alice"].id
    await house.store.create_mailbox(alice, "Plans/Old")
    for path, count in (("INBOX", 9), ("Sent", 4), ("Plans/Old", 5)):
        for number in range(count):
            house.clock.advance(60)
            await house.deliver("alice", b"Subject: n%d\r\n\r\n%b" % (number // 2, b"x\r\n" * (number // 2)), path)
    return house


async def _new(fuse: Fuse) -> FusedStore:
    store = FusedStore(ManualClock())
    store.fuse = fuse
    await store.create_account(NEW, SPECIAL_MAILBOXES)
    return store


async def _run(store: MemoryStore, port: int, file: Path, fuse: Fuse) -> MigrationTally:
    async def enter() -> ImapClient:
        client = await ImapClient.connect("127.0.0.1", port)
        await client.login("alice", "secret")
        return client

    async def no_wait(seconds: float) -> None:
        return None

    ledger = FusedLedger(file)
    ledger.fuse = fuse
    try:
        steps = [step async for step in Migration(store, NEW, enter, ledger, 0.0, no_wait).run()]
    finally:
        ledger.close()
    assert isinstance(steps[-1], MigrationTally)
    return steps[-1]


async def test_cut_off_at_each_point_it_ends_the_same(
    runner: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each batch, each line, and within a line; then run again to the end."""
    monkeypatch.setattr(migrate, "BATCH_MESSAGES", 3)
    old = await _old()
    alice = old.gate.accounts["alice"].id
    async with listening(old) as port:
        for cut in itertools.count(1):
            fuse = Fuse(cut)
            store, file = await _new(fuse), tmp_path / f"{cut}.log"
            try:
                await _run(store, port, file, fuse)
                break
            except PowerCut:
                pass
            tally = await _run(store, port, file, Fuse(0))
            assert tally.is_whole and tally.brought + tally.known == tally.verified == 18
            assert await _facts(store, NEW) == await _facts(old.store, alice), cut
    assert cut > 30


async def test_new_uids_over_there_bring_nothing_twice(runner: object, tmp_path: Path) -> None:
    old = await _old()
    alice, store = old.gate.accounts["alice"].id, await _new(Fuse(0))
    async with listening(old) as port:
        await _run(store, port, tmp_path / "log", Fuse(0))
        await old.store.rename_mailbox(alice, "Plans/Old", "Plans/Older")
        await old.store.create_mailbox(alice, "Plans/Old")
        older, again = [await old.store.mailbox(alice, path) for path in ("Plans/Older", "Plans/Old")]
        await old.store.copy(alice, older.id, [1, 2, 3, 4, 5], again.id)
        await old.store.expunge(alice, older.id, [1, 2, 3, 4, 5])
        await old.store.delete_mailbox(alice, "Plans/Older")
        tally = await _run(store, port, tmp_path / "log", Fuse(0))
    assert tally.is_whole
    assert await _facts(store, NEW) == await _facts(old.store, alice)


async def test_what_was_damaged_or_deleted_here_is_told(runner: object, tmp_path: Path) -> None:
    old, store = await _old(), await _new(Fuse(0))
    async with listening(old) as port:
        await _run(store, port, tmp_path / "log", Fuse(0))
        inbox = await store.mailbox(NEW, "INBOX")
        await store.expunge(NEW, inbox.id, [1, 2])

        async def read(account: AccountId, message: int) -> bytes:
            raise Damaged("the disk")

        store.read = read  # type: ignore[assignment, method-assign]
        tally = await _run(store, port, tmp_path / "log", Fuse(0))
    assert (tally.gone, tally.damaged, tally.is_whole, tally.brought) == (2, 16, False, 0)


async def test_one_run_at_a_time(runner: object, tmp_path: Path) -> None:
    first = Ledger.at(tmp_path, 1, "x")
    with pytest.raises(Unavailable):
        Ledger.at(tmp_path, 1, "x")
    Ledger.at(tmp_path, 1, "y").close()
    first.close()
    Ledger.at(tmp_path, 1, "x").close()


def test_a_damaged_ledger_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'["b","INBOX",3]\nnonsense\n["b","INBOX",0]\n')
    with pytest.raises(Damaged):
        Ledger(tmp_path / "log")


PLACES = [
    ("imaps://alice@mail.example.org", place.Place("mail.example.org", 993, "alice", True)),
    ("imap://alice@example.org@Mail.example.org/", place.Place("mail.example.org", 143, "alice@example.org", False)),
    ("imap://a%40b.test@[::1]:1143", place.Place("::1", 1143, "a@b.test", False)),
    ("imaps://alice:secret@mail.example.org", None),
    ("imaps://mail.example.org", None),
    ("pop3://alice@mail.example.org", None),
    ("imaps://alice@mail.example.org:0", None),
    ("imaps://alice@mail.example.org:99999", None),
    ("imaps://alice@mail.example.org/INBOX", None),
]


@pytest.mark.parametrize(("url", "expected"), PLACES)
def test_an_address_of_an_account(url: str, expected: place.Place | None) -> None:
    if expected is None:
        with pytest.raises(FormatError):
            place.parse(url)
    else:
        assert place.parse(url) == expected


async def test_a_wrong_password(runner: object) -> None:
    house = await make_house(("alice",))
    async with listening(house) as port:
        with pytest.raises(AuthenticationFailed):
            await place.enter(place.Place("127.0.0.1", port, "alice", False), "wrong")


def _one(name: str, *attributes: str, delimiter: str = "/") -> Listed:
    return Listed(name.encode(), name, delimiter, frozenset(attributes))


MINE = {Role.SENT: "Sent", Role.DRAFTS: "Drafts", Role.TRASH: "Trash", Role.JUNK: "Junk", Role.ARCHIVE: "Archive"}

MAPS = [
    ((_one("inbox"), _one("Work", "\\noselect"), _one("Work/Old")), (), (), ["INBOX", "Work/Old"]),
    ((_one("INBOX"), _one("Sent Items"), _one("Spam"), _one("A/Spam")), (), (), ["INBOX", "A/Spam", "Junk", "Sent"]),
    ((_one("Sent Items", "\\sent"), _one("Spam")), (), (), ["Sent", "Spam"]),
    (
        (_one("INBOX", delimiter="."), _one("INBOX.Sent", delimiter="."), _one("INBOX.a/b.c", delimiter=".")),
        (b"INBOX.",),
        (),
        ["INBOX", "Sent", "a_b/c"],
    ),
    ((_one("mine"), _one("user/bob/INBOX"), _one("shared/x")), (b"",), (b"user/", b"shared/"), ["mine"]),
    ((_one("[Gmail]/Alle", "\\all"), _one("[Gmail]/Stern", "\\flagged"), _one("x")), (), (), ["x", "Archive"]),
    ((_one("a%b*"), _one("..", delimiter=""), _one("a\x01b")), (), (), ["_", "a_b", "a_b_"]),
    ((_one("/".join("x" * 40)),), (), (), ["_".join("x" * 40)]),
]


@pytest.mark.parametrize(("folders", "own", "others", "paths"), MAPS)
def test_which_mailbox_goes_where(
    folders: Sequence[Listed], own: Sequence[bytes], others: Sequence[bytes], paths: list[str]
) -> None:
    assert [route.path for route in routes(folders, own, others, MINE)] == paths
