"""What was accepted is there after closing and opening again, to the last number."""

from __future__ import annotations

import pytest

from courriel.model.flags import FLAGGED, SEEN, FlagAction, FlagChange
from tests.contracts.place import ALICE, BOB, Place, fill, inbox, letter, picture


async def lived_in(place: Place) -> None:
    """Two accounts in which a bit of everything has happened."""
    store = place.store
    mailbox, bob = await inbox(store, ALICE), await inbox(store, BOB)
    trash = (await store.mailbox(ALICE, "Trash")).id
    await store.set_quota(ALICE, 10_000_000, 500)
    await store.append(
        [letter(mailbox, "one", keywords=("$Work",)), letter(bob, "two", account=BOB, pad_octets=20_000)]
    )
    await fill(store, mailbox, 5)
    await store.append([letter(mailbox, "big", pad_octets=300_000, message_id=b"<a@b>", prefix=b"P: p\r\n")])
    await store.change_flags(ALICE, mailbox, [1, 2], FlagChange(FlagAction.ADD, SEEN))
    await store.copy(ALICE, mailbox, [2, 7], trash)
    await store.move(ALICE, mailbox, [3], trash)
    await store.expunge(ALICE, mailbox, [4, 5])
    await store.create_mailbox(ALICE, "a/b/c")
    await store.rename_mailbox(ALICE, "a/b", "Sent/x")
    await store.delete_mailbox(ALICE, "a")
    await store.subscribe(ALICE, "future", True)
    await store.restore(ALICE, [(await store.expunged(ALICE))[0].id])
    await store.change_flags(ALICE, mailbox, [7], FlagChange(FlagAction.REPLACE, FLAGGED | 1 << 5))


async def test_everything_is_equal_after_close_and_open(place: Place) -> None:
    if not place.survives:
        pytest.skip("this store is not meant to survive")
    await lived_in(place)
    before = [await picture(place.store, account) for account in (ALICE, BOB)]
    modseqs = [await place.store.modseq(account) for account in (ALICE, BOB)]
    journal = list(await place.store.journal(ALICE, 0) or [])  # type: ignore[arg-type]
    for _ in range(2):
        store = await place.reopen()
        assert [await picture(store, account) for account in (ALICE, BOB)] == before
        assert [await store.modseq(account) for account in (ALICE, BOB)] >= modseqs
        assert list(await store.journal(ALICE, 0) or []) == journal  # type: ignore[arg-type]


async def test_life_goes_on_after_reopening(place: Place) -> None:
    if not place.survives:
        pytest.skip("this store is not meant to survive")
    await lived_in(place)
    mailbox = (await place.store.mailbox(ALICE, "INBOX")).id
    validities = {box.uidvalidity for box in await place.store.mailboxes(ALICE)}
    ids = {box.id for box in await place.store.mailboxes(ALICE)}
    modseq = await place.store.modseq(ALICE)
    view = await place.store.view(ALICE, mailbox)
    uids = list(view.uids)
    await place.store.expunge(ALICE, mailbox, [uids[-1]])
    store = await place.reopen()
    [stored] = await store.append([letter(mailbox, "after")])
    assert stored.uid == uids[-1] + 1 and stored.modseq > modseq
    made = await store.create_mailbox(ALICE, "new")
    assert made.uidvalidity not in validities and made.id not in ids
    [bit] = store.keyword_names(ALICE)
    assert store.keyword_names(ALICE) == {bit: "$Work"}
    assert await store.keyword_bits(ALICE, ["other"], create=True) != 1 << bit


async def test_flag_changes_survive_closing(place: Place) -> None:
    if not place.survives:
        pytest.skip("this store is not meant to survive")
    mailbox = await inbox(place.store)
    await fill(place.store, mailbox, 3)
    result = await place.store.change_flags(ALICE, mailbox, [2, 3], FlagChange(FlagAction.ADD, SEEN))
    store = await place.reopen()
    view = await store.view(ALICE, mailbox)
    assert list(view.flags) == [0, SEEN, SEEN] and view.modseq == result.modseq
    assert (await store.mailbox(ALICE, "INBOX")).unseen == 1
    result = await store.change_flags(ALICE, mailbox, [1], FlagChange(FlagAction.ADD, SEEN))
    assert result.modseq > max(view.modseqs[1:])
