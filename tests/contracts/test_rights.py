"""Access lists: kept with their mailbox, found by whom they name."""

from __future__ import annotations

import pytest

from courriel.base.errors import LimitExceeded
from courriel.model import rights
from courriel.model.flags import ANSWERED, DELETED, SEEN, FlagAction, FlagChange
from courriel.model.ids import MailboxId
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import TAKE_ALL, RightsChange
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, BOB, Place, fill, heard, inbox, letter, picture

FRED = "fred@courriel.test"
LR = RightsChange(0, rights.parse("lr"))


async def named(store: MailStore, *identifiers: str) -> list[tuple[int, str]]:
    return [(account, box.path) for account, box in await store.shared(identifiers)]


async def test_a_change_is_kept_takes_a_number_and_is_told(place: Place) -> None:
    store = place.store
    box = await inbox(store)
    view, woken = await store.view(ALICE, box), []
    stop = view.watch(lambda: woken.append(1))
    before, position = await store.modseq(ALICE), view.position
    assert dict(await store.change_rights(ALICE, box, FRED, LR)) == {FRED: LR.add}
    await heard()
    assert woken == [1] and dict(view.acl) == {FRED: LR.add} and view.position == position
    assert (await store.modseq(ALICE)) > before
    [entry] = await store.journal(ALICE, before) or []
    assert entry.kinds == ("mailbox",) and entry.mailboxes == (box,)
    acl = view.acl
    assert await store.change_rights(ALICE, box, FRED, LR) == acl and view.acl is acl
    assert await store.journal(ALICE, entry.modseq) == []
    assert dict((await store.mailbox(ALICE, "INBOX")).acl) == {FRED: LR.add}
    stop()
    store = await place.reopen()
    assert dict((await store.mailbox(ALICE, "INBOX")).acl) == {FRED: LR.add}
    assert dict((await store.view(ALICE, box)).acl) == {FRED: LR.add}


async def test_entries_add_remove_and_go(place: Place) -> None:
    store = place.store
    box = await inbox(store)
    await store.change_rights(ALICE, box, FRED, rights.parse_change("lr"))
    await store.change_rights(ALICE, box, FRED, rights.parse_change("+s"))
    acl = await store.change_rights(ALICE, box, "-" + FRED, rights.parse_change("w"))
    assert dict(acl) == {FRED: rights.parse("lrs"), "-" + FRED: rights.WRITE}
    await store.change_rights(ALICE, box, FRED, rights.parse_change("-lrs"))
    await store.change_rights(ALICE, box, "anyone", rights.parse_change("p"))
    acl = await store.change_rights(ALICE, box, "anyone", TAKE_ALL)
    assert dict(acl) == {"-" + FRED: rights.WRITE}
    store = await place.reopen()
    assert dict((await store.mailbox(ALICE, "INBOX")).acl) == {"-" + FRED: rights.WRITE}


async def test_who_is_named_where(place: Place) -> None:
    store = place.store
    mine, bobs = await inbox(store), await inbox(store, BOB)
    sent = (await store.mailbox(BOB, "Sent")).id
    await store.change_rights(ALICE, mine, FRED, LR)
    await store.change_rights(BOB, sent, "anyone", LR)
    await store.change_rights(BOB, bobs, "-" + FRED, LR)
    assert await named(store, FRED) == [(ALICE, "INBOX")]
    for again in (False, True):
        store = await place.reopen() if again else store
        assert sorted(await named(store, FRED, "anyone")) == [(ALICE, "INBOX"), (BOB, "Sent")]
        assert await named(store) == [] == await named(store, "nobody@courriel.test")
    [(_, seen)] = await store.shared([FRED])
    assert seen == await store.mailbox(ALICE, "INBOX")
    await store.change_rights(ALICE, mine, FRED, TAKE_ALL)
    await store.delete_mailbox(BOB, "Sent")
    assert await named(store, FRED, "anyone") == []
    assert await named(store, "-" + FRED) == [(BOB, "INBOX")]
    await store.delete_account(BOB)
    assert await named(store, "-" + FRED) == []


async def test_new_mailboxes_inherit_and_renamed_ones_keep(place: Place) -> None:
    store = place.store
    await inbox(store)
    top = await store.create_mailbox(ALICE, "a")
    await store.change_rights(ALICE, top.id, FRED, LR)
    deep = await store.create_mailbox(ALICE, "a/b/c")
    assert dict(deep.acl) == {FRED: LR.add} and (await store.create_mailbox(ALICE, "z")).acl == {}
    await store.change_rights(ALICE, top.id, FRED, TAKE_ALL)
    await store.rename_mailbox(ALICE, "a/b", "z/b")
    for again in (False, True):
        store = await place.reopen() if again else store
        lists = {box.path: dict(box.acl) for box in await store.mailboxes(ALICE)}
        assert (lists["a"], lists["z"]) == ({}, {})
        assert lists["z/b"] == lists["z/b/c"] == {FRED: LR.add}
        assert await named(store, FRED) == [(ALICE, "z/b"), (ALICE, "z/b/c")]


async def test_a_mailbox_that_is_not_there_has_no_rights(place: Place) -> None:
    store = place.store
    await inbox(store)
    before = await picture(store, ALICE)
    with pytest.raises(NoSuchMailbox):
        await store.change_rights(ALICE, MailboxId(10**9), FRED, LR)
    assert await picture(store, ALICE) == before


async def test_a_deleted_mailbox_leaves_no_rights_to_the_next(place: Place) -> None:
    store = place.store
    await inbox(store)
    box = await store.create_mailbox(ALICE, "a")
    await store.change_rights(ALICE, box.id, FRED, LR)
    await store.delete_mailbox(ALICE, "a")
    assert (await store.create_mailbox(ALICE, "a")).acl == {}
    store = await place.reopen()
    assert (await store.mailbox(ALICE, "a")).acl == {}


async def test_a_list_has_a_limit(store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("courriel.store.memory.store", "courriel.store.sqlite.placement"):
        monkeypatch.setattr(f"{module}.ACL_ENTRIES", 2)
    box = await inbox(store)
    for name in ("a@x.test", "b@x.test"):
        await store.change_rights(ALICE, box, name, LR)
    with pytest.raises(LimitExceeded, match=r"rights\.acl_entries"):
        await store.change_rights(ALICE, box, "c@x.test", LR)
    await store.change_rights(ALICE, box, "b@x.test", TAKE_ALL)
    assert len(await store.change_rights(ALICE, box, "c@x.test", LR)) == 2


async def test_replacing_some_flags_leaves_the_others(store: MailStore) -> None:
    box = await inbox(store)
    await store.append([letter(box, str(n), flags=ANSWERED | DELETED) for n in range(3)])
    view = await store.view(ALICE, box)
    for uids in ([1], [2, 3]):
        await store.change_flags(ALICE, box, uids, FlagChange(FlagAction.REPLACE, SEEN, within=SEEN | DELETED))
    assert list(view.flags) == [ANSWERED | SEEN] * 3
    await fill(store, box, 1)
    await store.change_flags(ALICE, box, [1, 2, 3, 4], FlagChange(FlagAction.REPLACE, 0, within=ANSWERED))
    assert list(view.flags) == [SEEN, SEEN, SEEN, 0]
