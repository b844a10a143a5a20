"""One message in the place of another, on every store.  RFC 8508 §3.1; ports/store.py."""

from __future__ import annotations

import asyncio

import pytest

from courriel.model.changes import Arrived, Gone
from courriel.model.flags import SEEN
from courriel.model.ids import MailboxId
from courriel.model.refusals import NoSuchMailbox, OverQuota
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, Place, fill, inbox, letter, picture, subjects


def test_in_the_same_mailbox_and_in_another(runner: asyncio.Runner, place: Place) -> None:
    async def run() -> None:
        store = place.store
        box = await inbox(store)
        drafts = (await store.mailbox(ALICE, "Drafts")).id
        await fill(store, box, 3)
        view = await store.view(ALICE, box)
        position = view.position
        stored = await store.replace(ALICE, box, 2, letter(box, "new", flags=SEEN, keywords=("$k",)))
        assert stored is not None and (stored.uid, stored.mailbox) == (4, box)
        assert list(view.uids) == [1, 3, 4]
        changes = view.changes(position) or ()
        assert [(type(change), change.modseq <= stored.modseq) for change in changes] == [(Gone, True), (Arrived, True)]
        assert [list(change.uids) for change in changes if isinstance(change, Gone)] == [[2]]
        elsewhere = await store.replace(ALICE, box, 1, letter(drafts, "moved"))
        assert elsewhere is not None and (elsewhere.uid, elsewhere.mailbox) == (1, drafts)
        store = await place.reopen()
        assert await subjects(store, ALICE, "INBOX") == ["3", "new"]
        assert await subjects(store, ALICE, "Drafts") == ["moved"]
        assert sorted(gone.uid for gone in await store.expunged(ALICE)) == [1, 2], "what went can be restored"
        assert (await store.quota(ALICE)).used_messages == 3

    runner.run(run())


def test_all_or_nothing(runner: asyncio.Runner, store: MailStore) -> None:
    async def run() -> None:
        box = await inbox(store)
        await fill(store, box, 2)
        full = await store.quota(ALICE)
        await store.set_quota(ALICE, full.used_octets, 2)
        before = await picture(store, ALICE)
        assert await store.replace(ALICE, box, 9, letter(box, "x")) is None
        with pytest.raises(OverQuota):
            await store.replace(ALICE, box, 1, letter(box, "x", pad_octets=1))
        with pytest.raises(NoSuchMailbox):
            await store.replace(ALICE, box, 1, letter(MailboxId(10**12), "x"))
        with pytest.raises(NoSuchMailbox):
            await store.replace(ALICE, MailboxId(10**12), 1, letter(box, "x"))
        assert await picture(store, ALICE) == before
        assert await store.replace(ALICE, box, 1, letter(box, "x")), "what goes makes room for what comes"

    runner.run(run())
