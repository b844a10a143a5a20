"""Accounts, their quota and their change number."""

from __future__ import annotations

import pytest

from courriel.base.errors import Refusal
from courriel.model.mailbox import SPECIAL_MAILBOXES, Role
from courriel.model.quota import Quota
from courriel.model.refusals import OverQuota
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, BOB, fill, heard, inbox, letter, picture


async def test_a_new_account_has_its_mailboxes_all_subscribed(store: MailStore) -> None:
    await store.create_account(ALICE, SPECIAL_MAILBOXES, quota_octets=1000)
    boxes = await store.mailboxes(ALICE)
    assert [(box.path, box.role) for box in boxes] == [
        ("INBOX", Role.INBOX),
        ("Archive", Role.ARCHIVE),
        ("Drafts", Role.DRAFTS),
        ("Junk", Role.JUNK),
        ("Sent", Role.SENT),
        ("Trash", Role.TRASH),
    ]
    assert all(box.subscribed for box in boxes)
    assert sorted(await store.subscriptions(ALICE)) == sorted(path for path, _ in SPECIAL_MAILBOXES)
    assert [(box.total, box.unseen, box.deleted, box.size_octets, box.uidnext) for box in boxes] == [
        (0, 0, 0, 0, 1)
    ] * 6
    assert all(box.modseq >= 1 for box in boxes), "RFC 7162 §3.1.2: HIGHESTMODSEQ is never 0"
    assert len({box.uidvalidity for box in boxes}) == len({box.id for box in boxes}) == 6
    assert all(0 < box.uidvalidity < 2**32 for box in boxes)
    assert await store.quota(ALICE) == Quota(0, 0, 1000)


async def test_creating_an_account_twice_changes_nothing(store: MailStore) -> None:
    await store.create_account(ALICE, SPECIAL_MAILBOXES, quota_octets=1000)
    await fill(store, (await store.mailbox(ALICE, "INBOX")).id, 2)
    before = await picture(store, ALICE)
    await store.create_account(ALICE, [("INBOX", Role.INBOX), ("More", None)], quota_octets=5)
    assert await picture(store, ALICE) == before


async def test_accounts_do_not_see_each_other(store: MailStore) -> None:
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    before = await picture(store, BOB)
    await fill(store, alice, 3)
    await store.create_mailbox(ALICE, "Only hers")
    await store.keyword_bits(ALICE, ["hers"], create=True)
    assert await picture(store, BOB) == before
    await fill(store, bob, 1, account=BOB)
    assert (await store.mailbox(BOB, "INBOX")).total == 1
    assert (await store.mailbox(ALICE, "INBOX")).total == 3


async def test_a_deleted_account_is_gone_and_its_views_dropped(store: MailStore) -> None:
    mailbox = await inbox(store)
    await inbox(store, BOB)
    await fill(store, mailbox, 2)
    view = await store.view(ALICE, mailbox)
    position = view.position
    await store.delete_account(ALICE)
    assert [type(change).__name__ for change in view.changes(position) or []] == ["Dropped"]
    with pytest.raises(Refusal):
        await store.view(ALICE, mailbox)
    with pytest.raises(Refusal):
        await store.append([letter(mailbox)])
    assert (await store.mailbox(BOB, "INBOX")).total == 0
    await store.delete_account(ALICE)  # a second time: nothing to do


async def test_an_unknown_account_is_refused_not_made(store: MailStore) -> None:
    for call in (
        store.quota(ALICE),
        store.mailboxes(ALICE),
        store.create_mailbox(ALICE, "a"),
        store.append([letter(1)]),  # type: ignore[arg-type]
        store.keyword_bits(ALICE, ["a"], create=True),
    ):
        with pytest.raises(Refusal):
            await call


async def test_quota_counts_prefix_and_body(store: MailStore) -> None:
    mailbox = await inbox(store)
    message = letter(mailbox, prefix=b"Return-Path: <>\r\n")
    await store.append([message, message])
    size = len(message.prefix + message.body)
    assert await store.quota(ALICE) == Quota(2 * size, 2)
    await store.expunge(ALICE, mailbox, [1])
    assert await store.quota(ALICE) == Quota(size, 1), "space counts out of quota at expunge"


@pytest.mark.parametrize("limits", [(100, 0), (0, 2)], ids=["octets", "messages"])
async def test_over_quota_changes_nothing_for_anybody(store: MailStore, limits: tuple[int, int]) -> None:
    alice, bob = await inbox(store, ALICE), await inbox(store, BOB)
    await store.set_quota(ALICE, *limits)
    full = letter(alice, pad_octets=30)  # 50 octets
    await store.append([full])
    before = await picture(store, ALICE), await picture(store, BOB)
    for batch in (
        [full, full],
        [letter(bob, account=BOB), full, full],
        [full, full, letter(bob, account=BOB)],
        [letter(alice, pad_octets=90)] * 2,
    ):
        with pytest.raises(OverQuota):
            await store.append(batch)
    assert (await picture(store, ALICE), await picture(store, BOB)) == before
    await store.append([full])  # exactly full is not over


async def test_quota_binds_copies_and_restores_but_not_moves(store: MailStore) -> None:
    mailbox = await inbox(store)
    trash = (await store.mailbox(ALICE, "Trash")).id
    stored = await fill(store, mailbox, 2)
    await store.expunge(ALICE, mailbox, [1])
    await store.set_quota(ALICE, 0, 1)
    with pytest.raises(OverQuota):
        await store.copy(ALICE, mailbox, [2], trash)
    with pytest.raises(OverQuota):
        await store.restore(ALICE, [stored[0].id])
    assert list((await store.move(ALICE, mailbox, [2], trash)).targets) == [1]
    await store.set_quota(ALICE, 1)  # below what is used: nothing is lost, nothing more fits
    assert (await store.quota(ALICE)).used_messages == 1
    await store.set_quota(ALICE, 0)
    assert len(await store.restore(ALICE, [stored[0].id])) == 1


async def test_each_committed_change_wakes_watchers_of_its_account_once_visible(store: MailStore) -> None:
    mailbox = await inbox(store, ALICE)
    await inbox(store, BOB)
    await heard()
    seen: list[int] = []
    view = await store.view(ALICE, mailbox)
    stop = store.watch_account(ALICE, lambda: seen.append(len(view.uids)))
    other: list[int] = []
    store.watch_account(BOB, lambda: other.append(1))
    await fill(store, mailbox, 2)
    await heard()
    assert seen and set(seen) == {2}, "the change is visible before anybody is woken"
    for change in (
        store.expunge(ALICE, mailbox, [1]),
        store.create_mailbox(ALICE, "new"),
        store.rename_mailbox(ALICE, "new", "newer"),
        store.delete_mailbox(ALICE, "newer"),
    ):
        seen.clear()
        await change
        await heard()
        assert seen
    stop()
    seen.clear()
    await fill(store, mailbox, 1)
    await heard()
    assert not seen and not other
