"""When a message entered its mailbox: SAVEDATE, RFC 8514.  The store's clock says so, whatever the message says."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.model.ids import MailboxId, Uid
from courriel.model.message import NewMessage
from courriel.ports.store import Column, MailStore
from tests.contracts.place import ALICE, BOB, Place, fill, inbox, letter

HOUR_S = 3_600.0


async def saved(store: MailStore, mailbox: MailboxId) -> list[int]:
    """Of every message of a mailbox, read as a column and one by one."""
    view = await store.view(ALICE, mailbox)
    column = list(await store.column(view, Column.SAVED, 0, len(view.uids)))
    assert list(await store.values(view, Column.SAVED, view.uids)) == column
    return column  # type: ignore[return-value]


def later(place: Place) -> int:
    """An hour and a bit goes by; whole seconds of the time it is then."""
    place.clock.advance(HOUR_S + 0.75)
    return int(place.clock.now())


async def test_append_sets_it_to_the_clock_and_not_to_the_message_s_date(store: MailStore, place: Place) -> None:
    mailbox = await inbox(store)
    first = int(place.clock.now())
    await store.append([letter(mailbox, "old", received_at=1_000_000_000.0)])
    second = later(place)
    await store.append([letter(mailbox, "new", received_at=2_000_000_000.0), letter(mailbox, "too")])
    assert await saved(store, mailbox) == [first, second, second]


async def test_everyone_has_it_from_one_call(store: MailStore, place: Place) -> None:
    mailbox, bobs = await inbox(store), await inbox(store, BOB)
    now = later(place)
    await store.append([letter(mailbox), letter(bobs, account=BOB)])
    view = await store.view(BOB, bobs)
    assert list(await store.column(view, Column.SAVED, 0, 1)) == [now] == await saved(store, mailbox)


async def test_copies_and_the_moved_entered_now(store: MailStore, place: Place) -> None:
    """RFC 8514: unlike INTERNALDATE it is not taken along."""
    mailbox = await inbox(store)
    archive = (await store.mailbox(ALICE, "Archive")).id
    first = int(place.clock.now())
    await fill(store, mailbox, 4)
    assert await saved(store, mailbox) == [first] * 4
    second = later(place)
    await store.copy(ALICE, mailbox, [1, 2], archive)
    third = later(place)
    await store.move(ALICE, mailbox, [2, 3], archive)
    assert await saved(store, mailbox) == [first] * 2
    assert await saved(store, archive) == [second] * 2 + [third] * 2
    fourth = later(place)
    await store.move(ALICE, archive, [1], archive)
    await store.copy(ALICE, mailbox, [1], mailbox)
    assert await saved(store, archive) == [second] + [third] * 2 + [fourth]
    assert await saved(store, mailbox) == [first] * 2 + [fourth]
    view = await store.view(ALICE, archive)
    received = await store.column(view, Column.RECEIVED, 0, 4)
    assert set(received) == {1_790_000_000}, "which is taken along"


async def test_the_restored_entered_now(store: MailStore, place: Place) -> None:
    mailbox = await inbox(store)
    first = int(place.clock.now())
    await fill(store, mailbox, 3)
    assert await saved(store, mailbox) == [first] * 3
    later(place)
    await store.expunge(ALICE, mailbox, [2])
    now = later(place)
    await store.restore(ALICE, [one.id for one in await store.expunged(ALICE)])
    assert await saved(store, mailbox) == [first, first, now]


async def test_only_renaming_inbox_changes_it(store: MailStore, place: Place) -> None:
    """RENAME moves INBOX's messages into a new mailbox, RFC 9051 §6.3.6; any other mailbox stays the same one."""
    mailbox = await inbox(store)
    first = int(place.clock.now())
    made = await store.create_mailbox(ALICE, "a")
    await fill(store, made.id, 1)
    await fill(store, mailbox, 2)
    now = later(place)
    await store.rename_mailbox(ALICE, "a", "b")
    await store.rename_mailbox(ALICE, "INBOX", "old")
    assert await saved(store, (await store.mailbox(ALICE, "b")).id) == [first]
    assert await saved(store, (await store.mailbox(ALICE, "old")).id) == [now] * 2


async def test_it_survives_closing(place: Place) -> None:
    mailbox = await inbox(place.store)
    first = int(place.clock.now())
    await fill(place.store, mailbox, 2)
    later(place)
    store = await place.reopen()
    assert await saved(store, mailbox) == [first] * 2


async def test_of_what_is_gone_it_is_when_it_was_received(store: MailStore, place: Place) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 2)
    now = int(place.clock.now())
    view = await store.view(ALICE, mailbox)
    await store.expunge(ALICE, mailbox, [1])
    asked: Sequence[Uid | int] = [1, 2, 77]
    assert list(await store.values(view, Column.SAVED, asked)) == [1_790_000_000, now, None]


async def test_long_mailboxes_are_read_at_once_and_kept_right(store: MailStore, place: Place) -> None:
    """Past 2,000 messages SQLite reads in a thread; what was read once follows all changes."""
    mailbox = await inbox(store)
    trash = (await store.mailbox(ALICE, "Trash")).id
    times = []
    for part in range(3):
        news: list[NewMessage] = [letter(mailbox, str(n)) for n in range(750)]
        times += [later(place) if part else int(place.clock.now())] * len(news)
        await store.append(news)
    assert await saved(store, mailbox) == times
    now = later(place)
    await store.append([letter(mailbox, "one more")])
    await store.copy(ALICE, mailbox, range(1, 301), mailbox)
    await store.move(ALICE, mailbox, range(700, 800), trash)
    assert await saved(store, mailbox) == times[:699] + times[799:] + [now] * 301
    assert await saved(store, trash) == [now] * 100
