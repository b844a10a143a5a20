"""Import: mail from files into an account, taken up where it stopped, each message exactly once.

Before a batch its position and the mailbox's UIDNEXT are noted in the ledger; after it the new position.  A run
that died between the two finds by content which messages of that batch had come to be stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import msgspec

from courriel.formats.message.summary import summarise
from courriel.mailboxes.finding import find_or_make
from courriel.mailboxes.sources import SourceMessage, folders, messages
from courriel.model.flags import SYSTEM_FLAGS
from courriel.model.ids import AccountId, MessageId
from courriel.model.mailbox import SEPARATOR, Mailbox, canonical_path
from courriel.model.message import NewMessage
from courriel.ports.administration import Progress
from courriel.ports.maildrops import MaildropBook
from courriel.ports.store import MailStore

BATCH_MESSAGES: Final = 200
BATCH_OCTETS: Final = 8 * 1024 * 1024
"""A batch is one commit: large enough that the disk is not waited for, small enough to hold in memory."""


class Place(msgspec.Struct):
    """How far one folder is.  ``uidnext`` was the mailbox's before the batch at ``position``."""

    position: int = 0
    uidnext: int = 0
    complete: bool = False


class Tally(msgspec.Struct):
    """What an import did: new messages, those known from an earlier run, those that could not be read."""

    imported: int = 0
    known: int = 0
    refused: int = 0


class Ledger:
    """The notes of one import, kept in a file that is replaced as a whole."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.places: dict[str, Place] = {}
        if file.exists():
            self.places = msgspec.json.decode(file.read_bytes(), type=dict[str, Place])

    @classmethod
    def for_import(cls, directory: Path, account: AccountId, source: Path, mailbox: str) -> Ledger:
        """The ledger of importing ``source`` into ``mailbox`` of ``account``."""
        directory.mkdir(parents=True, exist_ok=True)
        key = hashlib.sha256(f"{account}\0{source}\0{mailbox}".encode("utf-8", "surrogateescape")).hexdigest()
        return cls(directory / f"{key[:32]}.json")

    def place(self, folder: str) -> Place:
        return self.places.setdefault(folder, Place())

    def save(self) -> None:
        """Durable when it returns."""
        fresh = self._file.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self.places))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)


async def import_mail(
    store: MailStore,
    maildrops: MaildropBook,
    account: AccountId,
    source: Path,
    mailbox: str,
    ledger: Ledger,
    now: float,
) -> AsyncIterator[Progress | Tally]:
    """Bring ``source`` into ``mailbox`` (and below).  Ends with the Tally.

    Unique-ids that the source knows its messages by are kept for POP3.

    Messages without a date of their own get ``now``.  Raises FormatError for what is no mail source, and the
    store's refusals (OverQuota …): what was brought in so far stays and is known to the next run.
    """
    tally = Tally()
    found = await asyncio.to_thread(folders, source)
    total = sum(folder.measure for folder in found)
    for folder in found:
        path = canonical_path(mailbox + SEPARATOR + folder.path if folder.path else mailbox)
        target = await find_or_make(store, account, path)
        place = ledger.place(folder.path)
        stored = await _stored_since(store, account, target, place)
        stream = messages(folder)
        tally.known += await asyncio.to_thread(_skip, stream, place.position)
        while batch := await asyncio.to_thread(_take, stream):
            fresh, carried = _without(batch, stored, tally)
            if not place.uidnext:
                place.uidnext = (await store.mailbox(account, path)).uidnext
                await asyncio.to_thread(ledger.save)
            if fresh:
                added = await store.append([_new(account, target, message, now) for message in fresh])
                carried.update((one.id, message.unique_id) for one, message in zip(added, fresh, strict=True))
            await maildrops.carry(account, {id: unique for id, unique in carried.items() if unique})
            place.position, place.uidnext = place.position + len(batch), 0
            await asyncio.to_thread(ledger.save)
            tally.imported += len(fresh)
            yield Progress(tally.imported + tally.known + tally.refused, total, "messages", path)
    yield tally


async def _stored_since(
    store: MailStore, account: AccountId, target: Mailbox, place: Place
) -> dict[bytes, list[MessageId]]:
    """What came into the mailbox since the batch that may have been interrupted, by digest."""
    digests: dict[bytes, list[MessageId]] = {}
    if not place.uidnext:
        return digests
    view = await store.view(account, target.id)
    late = [uid for uid in view.uids if uid >= place.uidnext]
    for record in await store.records(account, target.id, late):
        digests.setdefault(_digest(await store.read(account, record.id)), []).append(record.id)
    return digests


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _skip(stream: Iterator[SourceMessage | None], count: int) -> int:
    """Pass over ``count`` messages; how many there were."""
    return sum(1 for _ in zip(range(count), stream, strict=False))


def _take(stream: Iterator[SourceMessage | None]) -> list[SourceMessage | None]:
    """The next batch; empty at the end."""
    batch: list[SourceMessage | None] = []
    size = 0
    for message in stream:
        batch.append(message)
        size += len(message.raw) if message is not None else 0
        if len(batch) >= BATCH_MESSAGES or size >= BATCH_OCTETS:
            break
    return batch


def _without(
    batch: list[SourceMessage | None], stored: dict[bytes, list[MessageId]], tally: Tally
) -> tuple[list[SourceMessage], dict[MessageId, bytes]]:
    """The messages of ``batch`` that still have to be stored; the others are counted, with their unique-ids."""
    fresh: list[SourceMessage] = []
    carried: dict[MessageId, bytes] = {}
    for message in batch:
        if message is None or not message.raw:
            tally.refused += 1
        elif stored and (there := stored.get(_digest(message.raw))):
            carried[there.pop(0)] = message.unique_id
            tally.known += 1
        else:
            fresh.append(message)
    return fresh, carried


def _new(account: AccountId, target: Mailbox, message: SourceMessage, now: float) -> NewMessage:
    system = {flag for flag in message.flags if flag in SYSTEM_FLAGS}
    return NewMessage(
        account=account,
        mailbox=target.id,
        body=message.raw,
        summary=summarise(message.raw),
        received_at=message.received_at if message.received_at is not None else now,
        flags=sum(SYSTEM_FLAGS[flag] for flag in system),
        keywords=tuple(sorted(flag for flag in message.flags - system if not flag.startswith("\\"))),
    )
