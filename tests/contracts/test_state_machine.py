"""Random lives, led on the SQLite store and the memory store side by side: whatever can be seen must be the same.

Object ids, change numbers and UIDVALIDITY are each store's own choice, so ids are compared by what they name and
numbers by their order; UIDs, flags, octets, counters, quota and results are compared as they are.  Closing and
opening the SQLite store is one of the rules.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from courriel.base.errors import Refusal
from courriel.model.changes import Arrived, Copied, Dropped, Flagged, FlagResult, Gone
from courriel.model.flags import DELETED, FLAGGED, SEEN, FlagAction, FlagChange
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq
from courriel.model.mailbox import Role
from courriel.model.message import NewMessage, Stored
from courriel.model.rights import Acl, parse_change
from courriel.ports.store import Column, MailStore, View
from courriel.store.sqlite.settings import StoreSettings
from tests.contracts.place import ALICE, BOB, DAY_S, MemoryPlace, Place, letter
from tests.contracts.sqlite_place import SqlitePlace

ACCOUNTS = st.sampled_from([ALICE, BOB])
PATHS = st.sampled_from(["INBOX", "Trash", "a", "a/b", "a/b/c", "b", "INBOX/x"])
UIDS = st.lists(st.integers(1, 12), max_size=6)
FLAGS = st.sampled_from([0, SEEN, DELETED, SEEN | FLAGGED, 1 << 5])
WHO = st.sampled_from(["anyone", "fred@courriel.test", "-fred@courriel.test"])
RIGHTS = st.sampled_from(["lr", "+s", "-r", "", "-lrs", "c"])
ENTRIES = st.sampled_from(["/private/comment", "/private/a/b", "/shared/comment"])
KEYWORDS = st.lists(st.sampled_from(["$Work", "$work", "later", "x1", "x2"]), max_size=2)

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "60"))

SMALL = StoreSettings(shards=1, view_changes=16, idle_views=2, idle_accounts=1, column_cache_octets=2_000)
"""So small that views, accounts and columns are let go of and read again all the time."""

Call = Callable[[MailStore, "Side"], Awaitable[Any]]


class Side:
    """One of the two stores, and its names for what both have."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.shown: dict[tuple[AccountId, str], tuple[View, int, list[int]]] = {}
        """What a session on a mailbox has told its client: view, position, UIDs."""

    async def box(self, account: AccountId, path: str) -> MailboxId:
        """A mailbox by path; one that does not exist has an id nobody has."""
        for box in await self.place.store.mailboxes(account):
            if box.path == path:
                return box.id
        return MailboxId(10**12)


class TwoStores(RuleBasedStateMachine):
    """Each rule does the same to both and compares what comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(
            tempfile.mkdtemp(prefix="courriel-machine-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        )
        self.runner = asyncio.Runner()
        self.sides = [Side(MemoryPlace()), Side(SqlitePlace(self.directory, SMALL))]
        self.letters = 0
        self.turns = 0

    def teardown(self) -> None:
        for side in self.sides:
            self.runner.run(side.place.store.close())
        self.runner.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def both(self, call: Call, plain: Callable[[Any], Any] = lambda result: result) -> Any:
        """The result on both sides, which must be equal once it is ``plain``; refusals compare by their class."""
        results = []
        for side in self.sides:
            before = self.runner.run(numbers(side))
            try:
                result = plain(self.runner.run(call(side.place.store, side)))
            except Refusal as refusal:
                result = type(refusal)
                assert self.runner.run(numbers(side)) == before, "a refused call has changed nothing"
            results.append(result)
        assert results[0] == results[1], f"memory {results[0]}, SQLite {results[1]}"
        return results[0]

    @initialize()
    def begin(self) -> None:
        for side in self.sides:
            self.runner.run(side.place.open())
        for account in (ALICE, BOB):
            self.both(lambda s, _, a=account: s.create_account(a, [("INBOX", Role.INBOX), ("Trash", Role.TRASH)]))

    # --- changes ----------------------------------------------------------------------------------------------
    @rule(wanted=st.lists(st.tuples(ACCOUNTS, PATHS, FLAGS, KEYWORDS, st.integers(0, 3)), min_size=1, max_size=4))
    def append(self, wanted: list[tuple[AccountId, str, int, list[str], int]]) -> None:
        first = self.letters
        self.letters += len(wanted)

        async def call(store: MailStore, side: Side) -> Sequence[Stored]:
            news: list[NewMessage] = []
            for n, (account, path, flags, keywords, talk) in enumerate(wanted, first):
                news.append(
                    letter(
                        await side.box(account, path),
                        f"m{n}",
                        account=account,
                        flags=flags & ~(1 << 5),
                        keywords=tuple(keywords),
                        prefix=b"P: %d\r\n" % n if n % 3 == 0 else b"",
                        pad_octets=(0, 10, 5_000)[n % 3],
                        message_id=b"<%d@x>" % n,
                        references=(b"<talk%d@x>" % talk,) if talk else (),
                        received_at=1_790_000_000.0 + n,
                    )
                )
            return await store.append(news)

        self.both(call, lambda stored: [(one.account, one.uid) for one in stored])

    @rule(
        account=ACCOUNTS, path=PATHS, uids=UIDS, action=st.sampled_from(FlagAction), flags=FLAGS, back=st.integers(0, 4)
    )
    def change_flags(
        self, account: AccountId, path: str, uids: list[int], action: FlagAction, flags: int, back: int
    ) -> None:
        """``back``: UNCHANGEDSINCE is the number of the message with the so-and-so-many-th highest number."""

        async def call(store: MailStore, side: Side) -> FlagResult:
            box = await side.box(account, path)
            since = None
            if back and box != 10**12:
                modseqs = sorted((await store.view(account, box)).modseqs, reverse=True)
                since = ModSeq(modseqs[back - 1]) if back <= len(modseqs) else None
            return await store.change_flags(account, box, uids, FlagChange(action, flags), since)

        self.both(call, lambda result: (list(result.changed), list(result.conflicts)))

    @rule(account=ACCOUNTS, path=PATHS, uids=UIDS, to=PATHS, moving=st.booleans())
    def copy_or_move(self, account: AccountId, path: str, uids: list[int], to: str, moving: bool) -> None:
        async def call(store: MailStore, side: Side) -> Copied:
            source, target = await side.box(account, path), await side.box(account, to)
            return await (store.move if moving else store.copy)(account, source, uids, target)

        self.both(call, lambda copied: (list(copied.sources), list(copied.targets)))

    @rule(account=ACCOUNTS, path=PATHS, uids=UIDS)
    def expunge(self, account: AccountId, path: str, uids: list[int]) -> None:
        async def call(store: MailStore, side: Side) -> Sequence[int]:
            return await store.expunge(account, await side.box(account, path), uids)

        self.both(call, list)

    @rule(account=ACCOUNTS, picks=st.lists(st.integers(0, 5), max_size=3))
    def restore(self, account: AccountId, picks: list[int]) -> None:
        async def call(store: MailStore, side: Side) -> list[tuple[str, int]]:
            gone = sorted(await store.expunged(account), key=lambda one: one.envelope + b"%d" % one.uid)
            ids = [gone[pick].id for pick in picks if pick < len(gone)]
            paths = {box.id: box.path for box in await store.mailboxes(account)}
            return [(paths[one.mailbox], one.uid) for one in await store.restore(account, ids)]

        self.both(call)

    @rule(account=ACCOUNTS, path=PATHS)
    def create_mailbox(self, account: AccountId, path: str) -> None:
        self.both(lambda store, _: store.create_mailbox(account, path), lambda box: (box.path, box.total, box.uidnext))

    @rule(account=ACCOUNTS, path=PATHS, new_path=PATHS)
    def rename_mailbox(self, account: AccountId, path: str, new_path: str) -> None:
        self.both(lambda store, _: store.rename_mailbox(account, path, new_path))

    @rule(account=ACCOUNTS, path=PATHS)
    def delete_mailbox(self, account: AccountId, path: str) -> None:
        self.both(lambda store, _: store.delete_mailbox(account, path))

    @rule(account=ACCOUNTS, path=PATHS, who=WHO, change=RIGHTS)
    def change_rights(self, account: AccountId, path: str, who: str, change: str) -> None:
        async def call(store: MailStore, side: Side) -> Acl:
            return await store.change_rights(account, await side.box(account, path), who, parse_change(change))

        self.both(call, dict)

    @rule(who=st.lists(WHO, max_size=3))
    def shared(self, who: list[str]) -> None:
        self.both(
            lambda store, _: store.shared(who),
            lambda found: sorted((account, box.path, sorted(box.acl.items())) for account, box in found),
        )

    @rule(account=ACCOUNTS, path=PATHS, on=st.booleans())
    def subscribe(self, account: AccountId, path: str, on: bool) -> None:
        self.both(lambda store, _: store.subscribe(account, path, on))

    @rule(account=ACCOUNTS, names=KEYWORDS, create=st.booleans())
    def keyword_bits(self, account: AccountId, names: list[str], create: bool) -> None:
        self.both(lambda store, _: store.keyword_bits(account, names, create))

    @rule(
        account=ACCOUNTS,
        path=st.one_of(st.none(), PATHS),
        viewer=ACCOUNTS,
        values=st.dictionaries(ENTRIES, st.sampled_from([None, b"", b"x", b"\0\xff"]), min_size=1, max_size=3),
    )
    def annotate(
        self, account: AccountId, path: str | None, viewer: AccountId, values: dict[str, bytes | None]
    ) -> None:
        async def call(store: MailStore, side: Side) -> bool:
            box = None if path is None else await side.box(account, path)
            return await store.set_metadata(account, box, viewer, values)

        self.both(call)

    @rule(account=ACCOUNTS, path=PATHS, goal=PATHS, uid=st.integers(1, 12), flags=FLAGS)
    def replace(self, account: AccountId, path: str, goal: str, uid: int, flags: int) -> None:
        self.letters += 1
        text = f"m{self.letters}"

        async def call(store: MailStore, side: Side) -> Stored | None:
            new = letter(await side.box(account, goal), text, account=account, flags=flags & ~(1 << 5))
            return await store.replace(account, await side.box(account, path), uid, new)

        self.both(call, lambda stored: stored and stored.uid)

    @rule(account=ACCOUNTS, octets=st.sampled_from([0, 0, 200, 6_000]), messages=st.sampled_from([0, 0, 4]))
    def set_quota(self, account: AccountId, octets: int, messages: int) -> None:
        self.both(lambda store, _: store.set_quota(account, octets, messages))

    @rule(days=st.sampled_from([1, 29, 31]))
    def wait(self, days: int) -> None:
        for side in self.sides:
            side.place.clock.advance(days * DAY_S)
            self.runner.run(side.place.maintain())

    @rule(account=ACCOUNTS, path=PATHS, claim=st.booleans())
    def recent(self, account: AccountId, path: str, claim: bool) -> None:
        async def call(store: MailStore, side: Side) -> int:
            view = await store.view(account, await side.box(account, path))
            return view.claim_recent() if claim else view.first_recent()

        self.both(call)

    @rule()
    def reopen(self) -> None:
        for side in self.sides:
            side.shown.clear()
        before = self.runner.run(numbers(self.sides[1]))
        self.runner.run(self.sides[1].place.reopen())
        assert self.runner.run(numbers(self.sides[1])) == before

    # --- what a session sees ------------------------------------------------------------------------------------
    @rule(account=ACCOUNTS, path=PATHS)
    def select(self, account: AccountId, path: str) -> None:
        async def call(store: MailStore, side: Side) -> list[int]:
            view = await store.view(account, await side.box(account, path))
            side.shown[account, path] = view, view.position, list(view.uids)
            return list(view.uids)

        self.both(call)

    @precondition(lambda self: any(side.shown for side in self.sides))
    @rule(account=ACCOUNTS, path=PATHS)
    def catch_up(self, account: AccountId, path: str) -> None:
        """Following the changes leads to what the view has now, and they are the same on both sides."""

        async def call(_: MailStore, side: Side) -> Any:
            if (account, path) not in side.shown:
                return None
            view, position, uids = side.shown[account, path]
            changes = view.changes(position)
            side.shown[account, path] = view, view.position, list(view.uids)
            if changes is None:
                return None
            told: set[int] = set()
            for change in changes:
                if isinstance(change, Arrived):
                    uids = [*uids, *range(change.first_uid, change.first_uid + change.count)]
                elif isinstance(change, Gone):
                    uids = [uid for uid in uids if uid not in set(change.uids)]
                elif isinstance(change, Flagged):
                    told |= set(change.uids)
                    assert [uids[place] for place in change.places] == list(change.uids)
                elif isinstance(change, Dropped):
                    uids = []
            assert uids == list(view.uids)
            assert [change.modseq for change in changes] == sorted({change.modseq for change in changes})
            return uids, sorted(told & set(uids))

        results = [self.runner.run(call(side.place.store, side)) for side in self.sides]
        if None not in results:  # each side keeps as many changes as it likes
            assert results[0] == results[1]

    @invariant()
    def the_same_can_be_seen(self) -> None:
        self.turns += 1
        for account in (ALICE, BOB):
            if self.turns > 1:
                self.both(lambda store, side, a=account: picture(store, side, a))

    @invariant()
    def the_journal_names_what_changed(self) -> None:
        if self.turns <= 1:
            return
        for side in self.sides:
            self.runner.run(check_journal(side))


async def numbers(side: Side) -> list[Any]:
    """All numbers of a store, for comparing it with itself."""
    store, seen = side.place.store, []
    for account in (ALICE, BOB):
        try:
            boxes = await store.mailboxes(account)
        except Refusal:
            continue
        for box in boxes:
            view = await store.view(account, box.id)
            seen.append((account, box, list(view.uids), list(view.flags), list(view.modseqs), view.modseq))
        seen.append((account, await store.modseq(account)))
    return seen


async def picture(store: MailStore, side: Side, account: AccountId) -> Any:
    """What can be seen of an account, without numbers that are the store's own choice."""
    seen: dict[str, Any] = {"threads": {}}
    for viewer in (ALICE, BOB):
        seen["annotations", viewer] = [
            await store.metadata(account, box, viewer)
            for box in (None, *[one.id for one in await store.mailboxes(account)])
        ]
    threads: dict[int, list[tuple[str, int]]] = {}
    copies: dict[int, list[tuple[str, int]]] = {}
    ids: set[MessageId] = set()
    for box in await store.mailboxes(account):
        view = await store.view(account, box.id)
        count = len(view.uids)
        columns = {column: list(await store.column(view, column, 0, count)) for column in Column}
        assert (view.uidvalidity, view.uidnext, view.modseq) == (box.uidvalidity, box.uidnext, box.modseq)
        assert len(set(view.modseqs)) == count and max(view.modseqs, default=0) <= view.modseq
        for uid, thread in zip(view.uids, columns[Column.THREAD], strict=True):
            threads.setdefault(thread, []).append((box.path, uid))  # type: ignore[arg-type]
        for uid, origin in zip(view.uids, columns[Column.ORIGIN], strict=True):
            copies.setdefault(origin, []).append((box.path, uid))  # type: ignore[arg-type]
        assert list(await store.values(view, Column.ORIGIN, view.uids)) == columns[Column.ORIGIN]
        assert not ids & set(columns[Column.ID])  # type: ignore[arg-type]
        ids |= set(columns[Column.ID])  # type: ignore[arg-type]
        order = sorted(range(count), key=lambda n, view=view: view.modseqs[n])
        records = await store.records(account, box.id, view.uids)
        assert [record.id for record in records] == columns[Column.ID] == list(view.ids)
        seen[box.path] = {
            "counters": (box.role, box.uidnext, box.total, box.unseen, box.deleted, box.size_octets, box.subscribed),
            "uids": list(view.uids),
            "flags": list(view.flags),
            "order of numbers": order,
            "columns": [columns[c] for c in Column if c not in (Column.ID, Column.ORIGIN, Column.THREAD)],
            "records": [(r.uid, r.size_octets, r.prefix_octets, r.received_at, r.parts, r.preview) for r in records],
            "octets": [await store.read(account, number) for number in columns[Column.ID]],  # type: ignore[arg-type]
            "values": list(await store.values(view, Column.SIZE, range(1, 15))),
            "saved": list(await store.values(view, Column.SAVED, range(1, 15))),
            "vanished": list(await store.vanished(account, box.id, ModSeq(0)) or ()),
            "recent": view.first_recent(),
            "rights": (dict(view.acl), dict(box.acl)),
        }
    seen["threads"] = sorted(sorted(members) for members in threads.values())
    seen["copies"] = sorted(sorted(members) for members in copies.values())
    seen["subscriptions"] = list(await store.subscriptions(account))
    seen["quota"] = await store.quota(account)
    seen["keywords"] = store.keyword_names(account)
    gone = await store.expunged(account)
    seen["expunged"] = sorted((g.path, g.uid, g.size_octets, g.expunged_at, g.forget_at, g.envelope) for g in gone)
    assert not ids & {one.id for one in gone}
    return seen


async def check_journal(side: Side) -> None:
    """Following the journal one hears of every mailbox that changed."""
    store = side.place.store
    for account in (ALICE, BOB):
        last = await store.modseq(account)
        entries = await store.journal(account, ModSeq(0))
        if entries is None:
            continue
        named: dict[int, int] = {}
        for entry in entries:
            for box in entry.mailboxes:
                named[box] = max(named.get(box, 0), entry.modseq)
        assert [entry.modseq for entry in entries] == sorted({entry.modseq for entry in entries})
        for mailbox in await store.mailboxes(account):
            assert named[mailbox.id] >= mailbox.modseq <= last


TwoStores.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)


@pytest.mark.slow
class TestTwoStores(TwoStores.TestCase):  # type: ignore[name-defined, misc]
    """Hypothesis runs it."""
