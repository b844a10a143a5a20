"""POP3 unique-ids between Dovecot and us: what its clients know stays known when its Maildir is imported, and back."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.imap.client import ImapClient
from courriel.mailboxes.exporting import export_mail
from courriel.mailboxes.importing import Ledger, import_mail
from courriel.model.ids import AccountId, MessageId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.pop3.client import Pop3Client
from courriel.store.memory.maildrops import MemoryMaildrops
from courriel.store.memory.store import MemoryStore
from tests.interop.old_server import OldServer, old_server

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ALICE = AccountId(1)


async def _at_dovecot(old: OldServer) -> dict[bytes, str]:
    """Unique-ids by content."""
    client = await Pop3Client.connect("127.0.0.1", old.pop3)
    await client.log_in("alice", "secret")
    found = {await client.retrieve(number): unique for number, unique in (await client.unique_ids()).items()}
    await client.quit()
    return found


async def _imported(place: Path, ledger: Path) -> tuple[MemoryStore, MemoryMaildrops, dict[bytes, str]]:
    store, maildrops = MemoryStore(ManualClock()), MemoryMaildrops()
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    [_ async for _ in import_mail(store, maildrops, ALICE, place, "INBOX", Ledger(ledger), 0.0)]
    carried = await maildrops.carried(ALICE)
    return store, maildrops, {await store.read(ALICE, MessageId(id)): one.decode() for id, one in carried.items()}


def test_unique_ids_come_from_dovecot_and_go_back(tmp_path: Path) -> None:
    async def run() -> None:
        with old_server("maildir") as old:
            client = await ImapClient.connect("127.0.0.1", old.imap)
            await client.login("alice", "secret")
            for number in range(5):
                await client.append("INBOX", b"Subject: n%d\r\n\r\nx\r\n" % number)
            await client.close()
            known = await _at_dovecot(old)
            store, maildrops, ours = await _imported(old.home / "mail", tmp_path / "ledger")
            assert len(known) == 5 and ours == known
        with old_server("maildir") as new:
            target = new.home / "mail"
            [_ async for _ in export_mail(store, maildrops, ALICE, target, "maildir")]
            for path in (target, *target.rglob("*")):
                shutil.chown(path, "mail", "mail")
            assert await _at_dovecot(new) == known

    asyncio.run(run())
