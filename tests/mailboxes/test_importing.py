"""Import over the memory store: order, flags, dates, and taking up after a crash at the worst moment."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import Sequence
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import FormatError
from courriel.mailboxes import importing
from courriel.mailboxes.exporting import export_mail
from courriel.mailboxes.importing import Ledger, Tally, import_mail
from courriel.model.flags import SEEN
from courriel.model.ids import AccountId, MessageId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.maildrop import unique_id
from courriel.model.message import NewMessage, Stored
from courriel.store.memory.maildrops import MemoryMaildrops
from courriel.store.memory.store import MemoryStore

ACCOUNT = AccountId(1)


async def _store() -> MemoryStore:
    store = MemoryStore(ManualClock())
    await store.create_account(ACCOUNT, SPECIAL_MAILBOXES)
    return store


async def _import(
    store: MemoryStore,
    source: Path,
    ledger: Path,
    mailbox_path: str = "INBOX",
    maildrops: MemoryMaildrops | None = None,
) -> Tally:
    book = maildrops or MemoryMaildrops()
    steps = [step async for step in import_mail(store, book, ACCOUNT, source, mailbox_path, Ledger(ledger), 0.0)]
    assert isinstance(steps[-1], Tally)
    return steps[-1]


def _maildir(path: Path, count: int) -> Path:
    box = mailbox.Maildir(path)
    for number in range(count):
        message = mailbox.MaildirMessage(f"Subject: n{number}\n\nx\n")
        message.set_subdir("cur")
        message.set_flags("S")
        message.set_date(1_000_000 + number)
        box.add(message)
    box.add_folder("Work").add(mailbox.MaildirMessage("Subject: at work\n\nx\n"))
    return path


def test_a_maildir_with_folders_flags_and_dates(tmp_path: Path) -> None:
    async def run() -> None:
        store = await _store()
        tally = await _import(store, _maildir(tmp_path / "md", 5), tmp_path / "ledger.json")
        assert tally == Tally(imported=6)
        paths = {box.path: box.total for box in await store.mailboxes(ACCOUNT) if box.total}
        assert paths == {"INBOX": 5, "INBOX/Work": 1}
        inbox = await store.mailbox(ACCOUNT, "INBOX")
        view = await store.view(ACCOUNT, inbox.id)
        assert all(flags & SEEN for flags in view.flags)
        records = await store.records(ACCOUNT, inbox.id, view.uids)
        assert sorted(record.received_at for record in records) == [1_000_000 + n for n in range(5)]

    asyncio.run(run())


class _Dies(MemoryStore):
    """Stores a batch and dies before it can say so."""

    armed = False

    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        stored = await super().append(messages)
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt
        return stored


@pytest.mark.parametrize("batch_messages", [1, 3, 100])
def test_a_run_that_died_between_commit_and_note_leaves_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_messages: int
) -> None:
    monkeypatch.setattr(importing, "BATCH_MESSAGES", batch_messages)

    async def run() -> None:
        store = _Dies(ManualClock())
        await store.create_account(ACCOUNT, SPECIAL_MAILBOXES)
        source, ledger = _maildir(tmp_path / "md", 7), tmp_path / "ledger.json"
        store.armed = True
        with pytest.raises(KeyboardInterrupt):
            await _import(store, source, ledger)
        tally = await _import(store, source, ledger)
        assert tally.known == min(batch_messages, 7)
        boxes = await store.mailboxes(ACCOUNT)
        assert sum(box.total for box in boxes) == 8

    asyncio.run(run())


def test_what_is_no_mail_is_said(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(FormatError):
            await _import(await _store(), tmp_path / "empty", tmp_path / "ledger.json")

    asyncio.run(run())


async def _unique_ids(store: MemoryStore, maildrops: MemoryMaildrops) -> dict[bytes, bytes]:
    """What POP3 would call each message of INBOX, by its octets."""
    inbox = await store.mailbox(ACCOUNT, "INBOX")
    view = await store.view(ACCOUNT, inbox.id)
    carried = await maildrops.carried(ACCOUNT)
    names = {await store.read(ACCOUNT, MessageId(id)): id for id in view.ids}
    return {raw: carried.get(id) or unique_id(view.uidvalidity, id) for raw, id in names.items()}


def test_unique_ids_travel_from_server_to_server(tmp_path: Path) -> None:
    """Out as a Maildir, in elsewhere, out again and in again; and once more after a crash in the middle."""

    async def run() -> None:
        store, maildrops = await _store(), MemoryMaildrops()
        await _import(store, _maildir(tmp_path / "md", 5), tmp_path / "first.json", "INBOX", maildrops)
        first = await _unique_ids(store, maildrops)
        assert len(set(first.values())) == 5
        for number in range(2):
            target = tmp_path / f"out{number}"
            [_ async for _ in export_mail(store, maildrops, ACCOUNT, target, "maildir")]
            store, maildrops = await _store(), MemoryMaildrops()
            await _import(store, target, tmp_path / f"{number}.json", "INBOX", maildrops)
            assert await _unique_ids(store, maildrops) == first
        dying, maildrops = _Dies(ManualClock()), MemoryMaildrops()
        await dying.create_account(ACCOUNT, SPECIAL_MAILBOXES)
        dying.armed = True
        with pytest.raises(KeyboardInterrupt):
            await _import(dying, target, tmp_path / "dying.json", "INBOX", maildrops)
        await _import(dying, target, tmp_path / "dying.json", "INBOX", maildrops)
        assert await _unique_ids(dying, maildrops) == first

    asyncio.run(run())
