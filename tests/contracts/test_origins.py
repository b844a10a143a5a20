"""What copies are copies of: EMAILID, RFC 8474 §5.1."""

from __future__ import annotations

import msgspec

from courriel.model.ids import MailboxId
from courriel.ports.store import Column, MailStore
from tests.contracts.place import ALICE, BOB, DAY_S, Place, fill, inbox, letter


async def origins(store: MailStore, mailbox: MailboxId) -> list[int]:
    """Of every message of a mailbox, read as a column and one by one."""
    view = await store.view(ALICE, mailbox)
    column = list(await store.column(view, Column.ORIGIN, 0, len(view.uids)))
    assert list(await store.values(view, Column.ORIGIN, view.uids)) == column
    return column  # type: ignore[return-value]


async def two(store: MailStore) -> tuple[MailboxId, MailboxId]:
    return await inbox(store), (await store.mailbox(ALICE, "Archive")).id


async def test_what_is_no_copy_is_its_own(store: MailStore) -> None:
    mailbox, _ = await two(store)
    assert await origins(store, mailbox) == []
    stored = await fill(store, mailbox, 3)
    assert await origins(store, mailbox) == [one.id for one in stored]


async def test_a_copy_keeps_it_and_a_copy_of_a_copy_too(store: MailStore) -> None:
    mailbox, archive = await two(store)
    first, second, third = [one.id for one in await fill(store, mailbox, 3)]
    assert await origins(store, mailbox) == [first, second, third]
    await store.copy(ALICE, mailbox, [1, 3], archive)
    assert await origins(store, archive) == [first, third]
    await store.copy(ALICE, archive, [2], mailbox)
    await store.copy(ALICE, mailbox, [2, 4], mailbox)
    assert await origins(store, mailbox) == [first, second, third, third, second, third]
    view = await store.view(ALICE, mailbox)
    assert len(set(view.ids)) == 6, "each is a message of its own"


async def test_moving_keeps_it(store: MailStore) -> None:
    mailbox, archive = await two(store)
    first, second = [one.id for one in await fill(store, mailbox, 2)]
    await store.copy(ALICE, mailbox, [1], archive)
    await store.move(ALICE, archive, [1], mailbox)
    await store.move(ALICE, mailbox, [1, 2], archive)
    assert (await origins(store, mailbox), await origins(store, archive)) == ([first], [first, second])


async def test_it_outlives_the_original(store: MailStore, place: Place) -> None:
    mailbox, archive = await two(store)
    [first] = [one.id for one in await fill(store, mailbox, 1)]
    await store.copy(ALICE, mailbox, [1], archive)
    await store.expunge(ALICE, mailbox, [1])
    place.clock.advance(60 * DAY_S)
    await place.maintain()
    await store.copy(ALICE, archive, [1], mailbox)
    assert (await origins(store, mailbox), await origins(store, archive)) == ([first], [first])


async def test_an_expunged_copy_has_it_until_it_is_forgotten(store: MailStore, place: Place) -> None:
    mailbox, archive = await two(store)
    [first] = [one.id for one in await fill(store, mailbox, 1)]
    await store.copy(ALICE, mailbox, [1], archive)
    view = await store.view(ALICE, archive)
    await store.expunge(ALICE, archive, [1])
    assert list(await store.values(view, Column.ORIGIN, [1, 2])) == [first, None]
    await store.restore(ALICE, [one.id for one in await store.expunged(ALICE)])
    assert await origins(store, archive) == [first]
    await store.expunge(ALICE, archive, [2])
    place.clock.advance(60 * DAY_S)
    await place.maintain()
    assert list(await store.values(view, Column.ORIGIN, [2])) == [None]


async def test_an_appended_message_may_be_a_copy(store: MailStore) -> None:
    """So is one that is copied with fewer flags; and it arrives where the others' origins are in memory."""
    mailbox, archive = await two(store)
    [first] = [one.id for one in await fill(store, mailbox, 1)]
    await store.copy(ALICE, mailbox, [1], archive)
    assert await origins(store, archive) == [first]
    copy = (await store.view(ALICE, archive)).ids[0]
    own, twin = letter(archive, "own"), msgspec.structs.replace(letter(archive, "1"), copy_of=copy)
    stored = await store.append([own, twin])
    assert await origins(store, archive) == [first, stored[0].id, first]


async def test_accounts_have_their_own(store: MailStore) -> None:
    mailbox, archive = await two(store)
    bobs = await inbox(store, BOB)
    await fill(store, mailbox, 1)
    await store.copy(ALICE, mailbox, [1], archive)
    await store.append([letter(bobs, account=BOB)])
    view = await store.view(BOB, bobs)
    assert list(await store.column(view, Column.ORIGIN, 0, 1)) == list(view.ids)


async def test_they_survive_closing(place: Place) -> None:
    mailbox, archive = await two(place.store)
    ids = [one.id for one in await fill(place.store, mailbox, 3)]
    await place.store.copy(ALICE, mailbox, [3, 2], archive)
    store = await place.reopen()
    assert (await origins(store, mailbox), await origins(store, archive)) == (ids, ids[1:])


async def test_long_mailboxes_are_read_at_once_and_kept_right(store: MailStore) -> None:
    """Past 2,000 messages SQLite reads in a thread; what was read once follows all changes."""
    mailbox, archive = await two(store)
    ids = [one.id for one in await fill(store, mailbox, 2_100)]
    await store.copy(ALICE, mailbox, [1], archive)
    assert await origins(store, mailbox) == ids
    more = [one.id for one in await store.append([letter(mailbox, "one more")])]
    await store.copy(ALICE, mailbox, [2_101, 7, 8], mailbox)
    await store.copy(ALICE, mailbox, range(1, 301), mailbox)
    await store.move(ALICE, mailbox, range(700, 800), archive)
    expected = ids[:699] + ids[799:] + more + [ids[6], ids[7], *more] + ids[:300]
    assert await origins(store, mailbox) == expected
    assert await origins(store, archive) == [ids[0], *ids[699:799]]
