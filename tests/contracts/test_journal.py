"""The journal: one number order for everything that changes in an account.  ARCHITECTURE §2.1."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import MailboxId
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, fill, inbox, letter

Change = Callable[[MailStore, MailboxId, MailboxId], Awaitable[object]]

CHANGES: list[tuple[str, str, int, Change]] = [
    ("append", "mail", 1, lambda s, a, b: s.append([letter(a), letter(a)])),
    ("append to two", "mail", 2, lambda s, a, b: s.append([letter(a), letter(b)])),
    ("flags", "mail", 1, lambda s, a, b: s.change_flags(ALICE, a, [1, 2], FlagChange(FlagAction.ADD, SEEN))),
    ("copy", "mail", 0, lambda s, a, b: s.copy(ALICE, a, [1, 2], b)),
    ("move", "mail", 2, lambda s, a, b: s.move(ALICE, a, [1, 2], b)),
    ("expunge", "mail", 1, lambda s, a, b: s.expunge(ALICE, a, [1, 2])),
    ("create", "mailbox", 0, lambda s, a, b: s.create_mailbox(ALICE, "x/y")),
    ("rename", "mailbox", 0, lambda s, a, b: s.rename_mailbox(ALICE, "Archive", "x/y")),
    ("rename INBOX", "mail", 1, lambda s, a, b: s.rename_mailbox(ALICE, "INBOX", "x")),
    ("delete", "mailbox", 0, lambda s, a, b: s.delete_mailbox(ALICE, "Archive")),
]


@pytest.mark.parametrize(("kind", "at_least", "change"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
async def test_each_change_has_an_entry(store: MailStore, kind: str, at_least: int, change: Change) -> None:
    mailbox = await inbox(store)
    archive = (await store.mailbox(ALICE, "Archive")).id
    await fill(store, mailbox, 3)
    since = await store.modseq(ALICE)
    assert await store.journal(ALICE, since) == []
    await change(store, mailbox, archive)
    entries = await store.journal(ALICE, since)
    assert entries
    numbers = [entry.modseq for entry in entries]
    assert numbers == sorted(set(numbers)) and since < numbers[0] and numbers[-1] <= await store.modseq(ALICE)
    assert kind in {name for entry in entries for name in entry.kinds}
    touched = {number for entry in entries for number in entry.mailboxes}
    assert len(touched & {mailbox, archive}) >= at_least or not at_least
    assert await store.journal(ALICE, numbers[-1]) == []


async def test_reading_from_any_number_gives_the_rest(store: MailStore) -> None:
    mailbox = await inbox(store)
    start = await store.modseq(ALICE)
    for _ in range(10):
        await fill(store, mailbox, 2)
    whole = list(await store.journal(ALICE, start) or [])
    assert len(whole) == 10
    for n, entry in enumerate(whole):
        assert list(await store.journal(ALICE, entry.modseq) or []) == whole[n + 1 :]


async def test_every_visible_number_is_covered(store: MailStore) -> None:
    """A follower who has read the journal up to n, and reads what its entries name, has missed nothing."""
    mailbox = await inbox(store)
    archive = (await store.mailbox(ALICE, "Archive")).id
    since = await store.modseq(ALICE)
    await fill(store, mailbox, 5)
    await store.copy(ALICE, mailbox, [2, 3], archive)
    await store.change_flags(ALICE, archive, [1], FlagChange(FlagAction.ADD, SEEN))
    await store.move(ALICE, mailbox, [5], archive)
    entries = await store.journal(ALICE, since)
    assert entries
    for number in (mailbox, archive):
        view = await store.view(ALICE, number)
        last = max(entry.modseq for entry in entries if number in entry.mailboxes)
        assert last >= view.modseq
