"""The tree of mailboxes and the list of subscriptions."""

from __future__ import annotations

import pytest

from courriel.model.changes import Dropped
from courriel.model.flags import DELETED, SEEN, FlagAction, FlagChange
from courriel.model.mailbox import DEPTH, Role
from courriel.model.refusals import MailboxExists, MailboxNotAllowed, NoSuchMailbox
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, fill, heard, inbox, picture, subjects


async def paths(store: MailStore) -> list[str]:
    return [box.path for box in await store.mailboxes(ALICE)]


async def test_create_makes_missing_parents_and_subscribes_none(store: MailStore) -> None:
    await store.create_account(ALICE, [("INBOX", Role.INBOX)])
    made = await store.create_mailbox(ALICE, "a/b/c", Role.ARCHIVE)
    assert await paths(store) == ["INBOX", "a", "a/b", "a/b/c"]
    assert made == await store.mailbox(ALICE, "a/b/c")
    assert (made.role, made.uidnext, made.total, made.subscribed) == (Role.ARCHIVE, 1, 0, False)
    assert (await store.mailbox(ALICE, "a/b")).role is None
    assert list(await store.subscriptions(ALICE)) == ["INBOX"]
    await store.create_mailbox(ALICE, "INBOX/below")
    assert (await paths(store))[0] == "INBOX" and "INBOX/below" in await paths(store)


async def test_create_what_is_there_is_refused(store: MailStore) -> None:
    await inbox(store)
    await store.create_mailbox(ALICE, "a/b")
    before = await picture(store, ALICE)
    for path in ("INBOX", "a", "a/b", "Sent"):
        with pytest.raises(MailboxExists):
            await store.create_mailbox(ALICE, path)
    assert await picture(store, ALICE) == before


async def test_names_are_exact_but_for_inbox(store: MailStore) -> None:
    await inbox(store)
    for path in (
        "Ärger",
        "ärger",
        "a b",
        "a%C3",
        "日本語",
        "sent",
        "a/b",
        "a\\b",
        'it\'s "odd"',
        "a_b",
        "aXb",
        "x" * 900,
    ):
        await store.create_mailbox(ALICE, path)
        assert (await store.mailbox(ALICE, path)).path == path
    with pytest.raises(NoSuchMailbox):
        await store.mailbox(ALICE, "SENT")
    # "_" and "\" must not act as patterns when the tree is renamed.
    await store.create_mailbox(ALICE, "a_b/under")
    await store.create_mailbox(ALICE, "aXb/under")
    await store.rename_mailbox(ALICE, "a_b", "new")
    assert {"new", "new/under", "aXb", "aXb/under", "a b", "a\\b"} <= set(await paths(store))


async def test_rename_takes_all_below_along(store: MailStore) -> None:
    await inbox(store)
    for path in ("a/b/c", "a/d", "ab", "a-b"):
        await store.create_mailbox(ALICE, path)
    before = {box.path: box for box in await store.mailboxes(ALICE)}
    await fill(store, before["a/b"].id, 2)
    view = await store.view(ALICE, before["a/b"].id)
    position, modseq = view.position, await store.modseq(ALICE)
    await store.rename_mailbox(ALICE, "a", "new/home/of a")
    after = {box.path: box for box in await store.mailboxes(ALICE)}
    assert set(after) == (set(before) - {"a", "a/b", "a/b/c", "a/d"}) | {
        "new", "new/home", "new/home/of a", "new/home/of a/b", "new/home/of a/b/c", "new/home/of a/d",
    }  # fmt: skip
    for path in ("", "/b", "/b/c", "/d"):
        old, new = before[f"a{path}"], after[f"new/home/of a{path}"]
        assert (new.id, new.uidvalidity) == (old.id, old.uidvalidity)
    assert (await store.view(ALICE, before["a/b"].id)) is view
    assert not view.changes(position), "sessions on a renamed mailbox go on undisturbed"
    assert list(view.uids) == [1, 2]
    assert await store.modseq(ALICE) > modseq
    with pytest.raises(NoSuchMailbox):
        await store.mailbox(ALICE, "a/b")


async def test_rename_to_below_a_mailbox_and_back_up(store: MailStore) -> None:
    await inbox(store)
    await store.create_mailbox(ALICE, "a/b/c")
    await store.rename_mailbox(ALICE, "a/b", "Archive/2026")
    assert {"a", "Archive/2026", "Archive/2026/c"} <= set(await paths(store))
    await store.rename_mailbox(ALICE, "Archive/2026/c", "c")
    assert {"a", "Archive/2026", "c"} <= set(await paths(store))
    assert (await store.mailbox(ALICE, "Archive")).role is Role.ARCHIVE


async def test_rename_keeps_the_role(store: MailStore) -> None:
    await inbox(store)
    await store.rename_mailbox(ALICE, "Sent", "Gesendet")
    assert (await store.mailbox(ALICE, "Gesendet")).role is Role.SENT


@pytest.mark.parametrize(
    ("path", "new_path", "error"),
    [
        ("nowhere", "x", NoSuchMailbox),
        ("nowhere/a", "x", NoSuchMailbox),
        ("a", "Sent", MailboxExists),
        ("a", "a", MailboxExists),
        ("a", "INBOX", MailboxExists),
        ("a/b", "a", MailboxExists),
        ("INBOX", "Sent", MailboxExists),
        ("a", "a/b/inside", MailboxNotAllowed),
        ("a", "a/new", MailboxNotAllowed),
        ("a", "/".join(["x"] * DEPTH), MailboxNotAllowed),
        ("a", "x" * 999, MailboxNotAllowed),
    ],
)
async def test_renames_that_cannot_be(store: MailStore, path: str, new_path: str, error: type[Exception]) -> None:
    await inbox(store)
    await store.create_mailbox(ALICE, "a/b")
    before = await picture(store, ALICE)
    with pytest.raises(error):
        await store.rename_mailbox(ALICE, path, new_path)
    assert await picture(store, ALICE) == before


async def test_renaming_inbox_moves_its_messages_and_leaves_it(store: MailStore) -> None:
    """RFC 9051 §6.3.6: INBOX stays, empty; what is below it is unaffected."""
    mailbox = await inbox(store)
    stored = await fill(store, mailbox, 3)
    await store.change_flags(ALICE, mailbox, [2], FlagChange(FlagAction.ADD, SEEN))
    await store.create_mailbox(ALICE, "INBOX/below")
    before = await store.mailbox(ALICE, "INBOX")
    quota = await store.quota(ALICE)
    view = await store.view(ALICE, mailbox)
    position = view.position
    await store.rename_mailbox(ALICE, "INBOX", "old/mail")
    after = await store.mailbox(ALICE, "INBOX")
    assert (after.id, after.uidvalidity, after.uidnext, after.total) == (before.id, before.uidvalidity, 4, 0)
    assert after.role is Role.INBOX and after.modseq > before.modseq
    moved = await store.mailbox(ALICE, "old/mail")
    assert (moved.total, moved.unseen, moved.role, moved.uidvalidity != before.uidvalidity) == (3, 2, None, True)
    assert await subjects(store, ALICE, "old/mail") == ["1", "2", "3"]
    records = await store.records(ALICE, moved.id, [1, 2, 3])
    assert [record.id for record in records] == [one.id for one in stored]
    assert [type(change).__name__ for change in view.changes(position) or []] == ["Gone"]
    assert "INBOX/below" in await paths(store) and "old/mail/below" not in await paths(store)
    assert await store.quota(ALICE) == quota and not await store.expunged(ALICE)
    await store.rename_mailbox(ALICE, "INBOX", "empty")  # an empty INBOX too
    assert (await store.mailbox(ALICE, "empty")).total == 0


async def test_delete(store: MailStore) -> None:
    await inbox(store)
    made = await store.create_mailbox(ALICE, "a")
    await store.create_mailbox(ALICE, "a/b")
    stored = await fill(store, made.id, 2)
    view = await store.view(ALICE, made.id)
    position, modseq = view.position, await store.modseq(ALICE)
    woken: list[int] = []
    view.watch(lambda: woken.append(1))
    before = await picture(store, ALICE)
    for path, error in (("INBOX", MailboxNotAllowed), ("a", MailboxNotAllowed), ("nowhere", NoSuchMailbox)):
        with pytest.raises(error):
            await store.delete_mailbox(ALICE, path)
    assert await picture(store, ALICE) == before
    await store.delete_mailbox(ALICE, "a/b")
    await store.delete_mailbox(ALICE, "a")
    await heard()
    assert "a" not in await paths(store) and await store.modseq(ALICE) > modseq
    [change] = view.changes(position) or []
    assert isinstance(change, Dropped) and change.modseq > modseq and woken
    assert (await store.quota(ALICE)).used_messages == 0
    gone = await store.expunged(ALICE)
    assert {(one.id, one.path, one.mailbox) for one in gone} == {(one.id, "a", made.id) for one in stored}
    with pytest.raises(NoSuchMailbox):
        await store.view(ALICE, made.id)
    with pytest.raises(NoSuchMailbox):
        await store.change_flags(ALICE, made.id, [1], FlagChange(FlagAction.ADD, SEEN))
    with pytest.raises(NoSuchMailbox):
        await store.expunge(ALICE, made.id, [1])


async def test_uidvalidity_and_ids_are_never_used_again(store: MailStore) -> None:
    await inbox(store)
    seen = {(box.uidvalidity, box.id) for box in await store.mailboxes(ALICE)}
    for _ in range(5):
        made = await store.create_mailbox(ALICE, "again")
        await fill(store, made.id, 1)
        assert made.uidvalidity not in {validity for validity, _ in seen}
        assert made.id not in {number for _, number in seen}
        seen.add((made.uidvalidity, made.id))
        await store.delete_mailbox(ALICE, "again")
    await store.create_mailbox(ALICE, "a")
    await store.rename_mailbox(ALICE, "a", "again")
    await store.create_mailbox(ALICE, "a")
    assert (await store.mailbox(ALICE, "a")).uidvalidity > max(validity for validity, _ in seen)


async def test_subscriptions_are_names(store: MailStore) -> None:
    """RFC 9051 §6.3.7: they outlive and precede their mailbox."""
    await store.create_account(ALICE, [("INBOX", Role.INBOX)])
    await store.subscribe(ALICE, "not yet", True)
    await store.subscribe(ALICE, "not yet", True)
    assert sorted(await store.subscriptions(ALICE)) == ["INBOX", "not yet"]
    assert (await store.create_mailbox(ALICE, "not yet")).subscribed
    await store.delete_mailbox(ALICE, "not yet")
    assert sorted(await store.subscriptions(ALICE)) == ["INBOX", "not yet"]
    await store.create_mailbox(ALICE, "a")
    await store.subscribe(ALICE, "a", True)
    await store.rename_mailbox(ALICE, "a", "b")
    assert not (await store.mailbox(ALICE, "b")).subscribed
    assert sorted(await store.subscriptions(ALICE)) == ["INBOX", "a", "not yet"]
    for path in ("INBOX", "not yet", "never was"):
        await store.subscribe(ALICE, path, False)
    assert list(await store.subscriptions(ALICE)) == ["a"]
    assert not (await store.mailbox(ALICE, "INBOX")).subscribed


async def test_counters_follow_every_change(store: MailStore) -> None:
    mailbox = await inbox(store)
    trash = (await store.mailbox(ALICE, "Trash")).id
    stored = await fill(store, mailbox, 4)
    size = 2 * len(b"\r\n") + len(b"Subject: 1\r\n")
    add, remove = FlagAction.ADD, FlagAction.REMOVE

    async def counters(path: str) -> tuple[int, int, int, int]:
        box = await store.mailbox(ALICE, path)
        return box.total, box.unseen, box.deleted, box.size_octets

    assert await counters("INBOX") == (4, 4, 0, 4 * size)
    await store.change_flags(ALICE, mailbox, [1, 2], FlagChange(add, SEEN | DELETED))
    assert await counters("INBOX") == (4, 2, 2, 4 * size)
    await store.change_flags(ALICE, mailbox, [2], FlagChange(remove, SEEN))
    assert await counters("INBOX") == (4, 3, 2, 4 * size)
    await store.copy(ALICE, mailbox, [1, 2, 3], trash)
    assert await counters("Trash") == (3, 2, 2, 3 * size)
    await store.expunge(ALICE, mailbox, [1, 3])
    assert await counters("INBOX") == (2, 2, 1, 2 * size)
    await store.move(ALICE, mailbox, [2, 4], trash)
    assert await counters("INBOX") == (0, 0, 0, 0)
    assert await counters("Trash") == (5, 4, 3, 5 * size)
    await store.restore(ALICE, [stored[0].id, stored[2].id])
    assert await counters("INBOX") == (2, 1, 0, 2 * size)
