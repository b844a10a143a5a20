"""The embedded store alone: deliveries, flags, views, columns, reads; CPU, octets and syncs per message.

    .venv/bin/python bench/micro_store.py [--dir /dev/shm] [--scale 1] [--uvloop]

No network and no parsing: what SMTP and IMAP add is measured in ``make bench``.  Octets are those the process hands
to the kernel (/proc/self/io); a group is one sync of the log, and one of the pack when it holds bodies of 4 KB or
more.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Summary
from courriel.ports.store import Column
from courriel.store.sqlite.store import SqliteStore

ALICE = AccountId(1)
ENVELOPE = (
    b'("Mon, 2 Nov 2026 10:00:00 +0000" "Subject of an ordinary length, with words" '
    b'(("Alice" NIL "alice" "courriel.test")) NIL NIL '
    b'(("Bob" NIL "bob" "courriel.test")) NIL NIL NIL "<%d.1234567890@courriel.test>")'
)
STRUCTURE = (
    b'(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "QUOTED-PRINTABLE" 1200 30 NIL NIL NIL NIL)'
    b'("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "QUOTED-PRINTABLE" 2300 50 NIL NIL NIL NIL) '
    b'"ALTERNATIVE" ("BOUNDARY" "==boundary==") NIL NIL NIL)'
)


def message(mailbox: MailboxId, n: int, size: int, words: bytes) -> NewMessage:
    body = b"Message-ID: <%d@x>\r\n" % n + words[:size]
    summary = Summary(ENVELOPE % n, STRUCTURE, b"\x01" * 60, "preview " * 12, b"<%d@courriel.test>" % n)
    return NewMessage(ALICE, mailbox, body, summary, 1.8e9, b"Return-Path: <bob@courriel.test>\r\n")


def written_octets() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


async def deliver(store: SqliteStore, mailbox: MailboxId, count: int, flight: int, size: int, words: bytes) -> str:
    """``flight`` senders, each waiting for its answer before the next message."""
    first = (await store.mailbox(ALICE, "INBOX")).uidnext
    ready = [message(mailbox, first + n, size, words) for n in range(count)]
    waits: list[float] = []

    async def send() -> None:
        while ready:
            one = ready.pop()
            begun = time.perf_counter()
            await store.append([one])
            waits.append(time.perf_counter() - begun)

    groups, octets = store.shards[0].committer.groups, written_octets()
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(flight)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    groups, octets = store.shards[0].committer.groups - groups, written_octets() - octets
    waits.sort()
    return (
        f"{count / wall:8.0f} msg/s  {cpu / count * 1e6:6.1f} µs CPU  p50 {waits[count // 2] * 1e3:6.2f} ms"
        f"  {groups / count:5.3f} groups/msg  {octets / count / 1024:5.1f} KiB/msg"
    )


async def timed(name: str, act: Callable[[], Awaitable[object]], repeat: int = 1) -> None:
    gc.collect()
    begun = time.perf_counter()
    for _ in range(repeat):
        await act()
    print(f"{name:44} {(time.perf_counter() - begun) / repeat * 1e6:12.1f} µs")


async def measure(directory: Path, scale: int) -> None:
    words = b"".join(b"%d words of text, " % (n * 7919) for n in range(6000))
    store = await SqliteStore.open(directory)
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    boxes = {box.path: box.id for box in await store.mailboxes(ALICE)}
    inbox = boxes["INBOX"]
    for size, count in ((3800, 2000), (50_000, 400)):
        for flight in (1, 10, 100):
            figures = await deliver(store, inbox, count * scale, flight, size, words)
            print(f"deliver {size:6} octets, {flight:3} in flight: {figures}")
    await flags(store, inbox)
    await reading(store, inbox)
    await large(directory, store, boxes["Archive"], 25_000 * scale)
    await store.close()


async def flags(store: SqliteStore, inbox: MailboxId) -> None:
    on, off = FlagChange(FlagAction.ADD, SEEN), FlagChange(FlagAction.REMOVE, SEEN)

    async def toggle() -> None:
        for uid in range(1, 1001):
            await store.change_flags(ALICE, inbox, [uid], on)
        for uid in range(1, 1001):
            await store.change_flags(ALICE, inbox, [uid], off)

    begun = time.perf_counter()
    await toggle()
    print(f"STORE of one message: {2000 / (time.perf_counter() - begun):.0f}/s")
    many = range(1, 1 + min(10_000, (await store.mailbox(ALICE, "INBOX")).total))
    view = await store.view(ALICE, inbox)
    uids = view.uids[: len(many)]
    await timed(f"STORE of {len(uids)}, uids as array", lambda: store.change_flags(ALICE, inbox, uids, on))
    await store.shards[0].sync_flags()
    await timed(f"STORE of {len(uids)}, uids as list", lambda: store.change_flags(ALICE, inbox, list(uids), off))


async def reading(store: SqliteStore, inbox: MailboxId) -> None:
    view = await store.view(ALICE, inbox)
    ids = await store.column(view, Column.ID, 0, 2000)
    store.shards[0].reads._bodies.clear()

    async def read_all() -> None:
        for id in ids:
            await store.read(ALICE, id)  # type: ignore[arg-type]

    await timed("read 2000 bodies, cold", read_all)
    await timed("read 2000 bodies, cached", read_all)
    await timed("record", lambda: store.record(ALICE, inbox, 77), 1000)


async def large(directory: Path, store: SqliteStore, mailbox: MailboxId, total: int) -> None:
    for first in range(0, total, 500):
        await store.append([message(mailbox, n, 200, b"x" * 200) for n in range(first, first + 500)])
    await store.close()
    store = await SqliteStore.open(directory)
    try:
        await timed(f"open view of {total}, from the table", lambda: store.view(ALICE, mailbox))
        await store.maintain(time.time())
        await store.close()
        store = await SqliteStore.open(directory)
        await timed(f"open view of {total}, from its copy", lambda: store.view(ALICE, mailbox))
        view = await store.view(ALICE, mailbox)
        for column in (Column.ENVELOPE, Column.BODYSTRUCTURE):
            whole = partial(store.column, view, column, 0, total)
            await timed(f"{column.name} of {total}, cold", whole)
            await timed(f"{column.name} of {total}, warm", whole, 10)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="courriel-bench-", dir=options.dir))
    print(subprocess.run(["uptime"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        if options.uvloop:
            import uvloop

            uvloop.run(measure(directory, options.scale))
        else:
            asyncio.run(measure(directory, options.scale))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
