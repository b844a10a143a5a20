"""Copying and moving messages to where a person may insert them.  RFC 9051 §6.4.7, §6.4.8; flags RFC 4314 §4.

Within an account the store does it in one change.  From one account to another the messages are appended anew (all or
none, durable before anything else happens), and a move then expunges the old ones: whatever fails in between, a
message is never lost, at most there twice.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from courriel.formats.message.summary import summarise
from courriel.mailboxes import teaching
from courriel.mailboxes.access import Place
from courriel.model.changes import Copied
from courriel.model.flags import EVERY_FLAG, FIRST_KEYWORD_BIT, Flags
from courriel.model.lesson import Act
from courriel.model.message import NewMessage, Record
from courriel.model.refusals import OverQuota
from courriel.model.rights import changeable
from courriel.ports.lessons import Lessons
from courriel.ports.store import MailStore, View

BATCH_OCTETS: Final = 16_000_000
"""Octets of messages in memory at once; a larger message goes alone."""
BATCH_MESSAGES: Final = 500

TURN_OCTETS: Final = 1_000_000
"""Octets that are read through before others get their turn."""

_SYSTEM: Final[Flags] = (1 << FIRST_KEYWORD_BIT) - 1


def kept_flags(target: Place) -> Flags:
    """The flags that a message keeps on its way there."""
    return changeable(target.rights) & EVERY_FLAG


async def copy(
    store: MailStore, source: View, uids: Sequence[int], target: Place, lessons: Lessons | None = None
) -> Copied:
    """Copy those of ``uids`` that exist.  What that teaches of junk is noted in ``lessons``.

    Raises OverQuota (of the account that gets them), and what the store does.
    """
    taught = None if lessons is None else await teaching.of_transfer(store, source, uids, target)
    if source.account == target.account and kept_flags(target) == EVERY_FLAG:
        copied = await store.copy(source.account, source.mailbox, uids, target.mailbox.id)
    else:
        copied = await _append(store, source, uids, target)
    if lessons is not None and taught is not None:
        lessons.note(*taught, Act.MOVED)
    return copied


async def move(
    store: MailStore, source: View, uids: Sequence[int], target: Place, lessons: Lessons | None = None
) -> Copied:
    """The same, and they are gone from where they were."""
    taught = None if lessons is None else await teaching.of_transfer(store, source, uids, target)
    if source.account == target.account and kept_flags(target) == EVERY_FLAG:
        copied = await store.move(source.account, source.mailbox, uids, target.mailbox.id)
    else:
        copied = await _append(store, source, uids, target)
        await store.expunge(source.account, source.mailbox, copied.sources)
    if lessons is not None and taught is not None:
        lessons.note(*taught, Act.MOVED)
    return copied


async def _append(store: MailStore, source: View, uids: Sequence[int], target: Place) -> Copied:
    present = [uid for uid in sorted(set(uids)) if source.index(uid) >= 0]
    records = await store.records(source.account, source.mailbox, present)
    quota = await store.quota(target.account)
    if records and not quota.has_room(sum(record.size_octets for record in records), len(records)):
        raise OverQuota(f"account {target.account}")
    sources, targets = array("I"), array("I")
    try:
        for batch in _batches(records):
            stored = await store.append(await _anew(store, source, batch, target))
            sources.extend(record.uid for record in batch)
            targets.extend(one.uid for one in stored)
    except BaseException:
        if targets:  # RFC 9051 §6.4.7: all or none
            await store.expunge(target.account, target.mailbox.id, targets)
        raise
    return Copied(target.mailbox.uidvalidity, sources, targets)


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    octets = 0
    for record in records:
        if batch and (octets + record.size_octets > BATCH_OCTETS or len(batch) == BATCH_MESSAGES):
            yield batch
            batch, octets = [], 0
        batch.append(record)
        octets += record.size_octets
    if batch:
        yield batch


async def _anew(store: MailStore, source: View, batch: Sequence[Record], target: Place) -> list[NewMessage]:
    kept, names = kept_flags(target), store.keyword_names(source.account)
    messages = []
    octets = 0
    for record in batch:
        content = await store.read(source.account, record.id)
        place = source.index(record.uid)
        flags = source.flags[place] & kept if place >= 0 else 0
        messages.append(
            NewMessage(
                account=target.account,
                mailbox=target.mailbox.id,
                body=content,
                summary=summarise(content),
                received_at=record.received_at,
                flags=flags & _SYSTEM,
                copy_of=record.id if source.account == target.account else None,
                keywords=tuple(name for bit, name in names.items() if flags >> bit & 1),
            )
        )
        octets += len(content)
        if octets >= TURN_OCTETS:
            octets = 0
            await asyncio.sleep(0)
    return messages
