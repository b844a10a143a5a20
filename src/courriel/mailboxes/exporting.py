"""Export: an account's mail to files that any program reads, taken up where it stopped.

A Maildir file is named by UIDVALIDITY and UID, so a second run writes only what is new; ``dovecot-uidlist`` beside
them has the UIDs, and INBOX's POP3 unique-ids, so that clients find on another server what they know.  An mbox is
written beside its name and renamed when it is whole.  Keywords have no place in a Maildir name; an mbox keeps them in
X-Keywords.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from courriel.formats.mailbox import maildir, mbox, uidlist
from courriel.model.flags import SYSTEM_FLAGS
from courriel.model.ids import AccountId
from courriel.model.mailbox import SEPARATOR, Mailbox
from courriel.model.maildrop import unique_id
from courriel.model.message import Record
from courriel.ports.administration import Progress
from courriel.ports.maildrops import MaildropBook
from courriel.ports.store import MailStore

BATCH: Final = 100
"""Messages between two looks at the rest of the world."""


class ExportTally(msgspec.Struct):
    """What an export wrote, and what had been written before."""

    exported: int = 0
    known: int = 0


class _Item(msgspec.Struct, frozen=True):
    """One message on its way out."""

    uid: int
    received_at: float
    flags: frozenset[str]
    raw: bytes


async def export_mail(
    store: MailStore, maildrops: MaildropBook, account: AccountId, target: Path, form: str
) -> AsyncIterator[Progress | ExportTally]:
    """Write every mailbox below ``target`` as "maildir" or "mbox".  Ends with the tally.  Raises OSError."""
    tally = ExportTally()
    mailboxes = await store.mailboxes(account)
    total = sum(mailbox.total for mailbox in mailboxes)
    for mailbox in mailboxes:
        writer: _Maildir | _Mbox = _Maildir(target, mailbox) if form == "maildir" else _Mbox(target, mailbox)
        await asyncio.to_thread(writer.open)
        view = await store.view(account, mailbox.id)
        missing = [uid for uid in view.uids if not writer.has(uid)]
        tally.known += len(view.uids) - len(missing)
        for start in range(0, len(missing), BATCH):
            items = await _items(store, account, mailbox, missing[start : start + BATCH])
            await asyncio.to_thread(writer.write, items)
            tally.exported += len(items)
            yield Progress(tally.exported + tally.known, total, "messages", mailbox.path)
        if isinstance(writer, _Maildir):
            await asyncio.to_thread(writer.list_uids, await _uids(store, maildrops, account, mailbox))
        await asyncio.to_thread(writer.close)
    yield tally


async def _uids(
    store: MailStore, maildrops: MaildropBook, account: AccountId, mailbox: Mailbox
) -> list[tuple[int, bytes]]:
    """UIDs with unique-ids; those are INBOX's alone."""
    view = await store.view(account, mailbox.id)
    if mailbox.path != "INBOX":
        return [(uid, b"") for uid in view.uids]
    carried = await maildrops.carried(account)
    pairs = zip(view.uids, view.ids, strict=True)
    return [(uid, carried.get(id) or unique_id(mailbox.uidvalidity, id)) for uid, id in pairs]


async def _items(store: MailStore, account: AccountId, mailbox: Mailbox, uids: Sequence[int]) -> list[_Item]:
    view = await store.view(account, mailbox.id)
    names = store.keyword_names(account)
    items: list[_Item] = []
    for record in await store.records(account, mailbox.id, uids):
        index = view.index(record.uid)
        if index >= 0:  # else it was expunged meanwhile
            items.append(await _item(store, account, record, _flag_names(view.flags[index], names)))
    return items


async def _item(store: MailStore, account: AccountId, record: Record, flags: frozenset[str]) -> _Item:
    return _Item(record.uid, record.received_at, flags, await store.read(account, record.id))


def _flag_names(bits: int, keywords: dict[int, str]) -> frozenset[str]:
    system = {name for name, bit in SYSTEM_FLAGS.items() if bits & bit}
    return frozenset(system | {name for number, name in keywords.items() if bits >> number & 1})


class _Maildir:
    """One mailbox as a Maildir++ folder."""

    def __init__(self, target: Path, mailbox: Mailbox) -> None:
        path = () if mailbox.path == "INBOX" else tuple(mailbox.path.split(SEPARATOR))
        self._directory = target / maildir.render_folder(path)
        self._uidvalidity = mailbox.uidvalidity
        self._present: set[str] = set()

    def open(self) -> None:
        for part in ("cur", "new", "tmp"):
            (self._directory / part).mkdir(parents=True, exist_ok=True)
        for part in ("cur", "new"):
            self._present |= {
                file.name.partition(":")[0].partition(",")[0] for file in (self._directory / part).iterdir()
            }

    def _unique(self, uid: int) -> str:
        return f"V{self._uidvalidity}U{uid}.courriel"

    def has(self, uid: int) -> bool:
        return self._unique(uid) in self._present

    def write(self, items: Sequence[_Item]) -> None:
        for item in items:
            name = maildir.render_name(maildir.MaildirName(self._unique(item.uid), maildir.letters(item.flags)))
            fresh = self._directory / "tmp" / self._unique(item.uid)
            fresh.write_bytes(item.raw.replace(b"\r\n", b"\n"))
            os.utime(fresh, (item.received_at, item.received_at))
            fresh.rename(self._directory / "cur" / name)

    def list_uids(self, uids: Sequence[tuple[int, bytes]]) -> None:
        """Write the list of all messages, those of earlier runs too."""
        entries = [uidlist.Entry(uid, self._unique(uid), unique_id) for uid, unique_id in uids]
        fresh = self._directory / "tmp" / uidlist.FILE_NAME
        fresh.write_bytes(uidlist.render(self._uidvalidity, max((one[0] for one in uids), default=0) + 1, entries))
        fresh.rename(self._directory / uidlist.FILE_NAME)

    def close(self) -> None:
        """Every file is in its place already."""


class _Mbox:
    """One mailbox as an mbox file."""

    def __init__(self, target: Path, mailbox: Mailbox) -> None:
        self._file = target / (mailbox.path.replace(SEPARATOR, ".") + ".mbox")
        self._fresh = self._file.with_suffix(".part")
        self._complete = False

    def open(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._complete = self._file.exists()
        if not self._complete:
            self._fresh.write_bytes(b"")

    def has(self, uid: int) -> bool:
        return self._complete

    def write(self, items: Sequence[_Item]) -> None:
        with self._fresh.open("ab") as file:
            for item in items:
                at = datetime.fromtimestamp(item.received_at, UTC)
                file.write(mbox.render(b"MAILER-DAEMON", at, item.flags, item.raw))

    def close(self) -> None:
        if not self._complete:
            self._fresh.replace(self._file)
