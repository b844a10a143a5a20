"""One mailbox of 1,000,000 messages: SELECT, first screen, a flag, a word, expunge, resynchronisation, memory.

    .venv/bin/python -m bench.micro_million [--messages 1000000] [--dir /dev/shm] [--keep]

The store is filled through its own door (bounded memory), while the feeding process of the index runs beside it; then
a fresh process serves it over a real socket to a client in the same process.  Milliseconds of wall time, the client's
part included.  The file system's cache is warm; "cold" means that the process had nothing of the mailbox in memory.
Memory is what the process has of its own (RssAnon; mapped segments of the index belong to the system's cache), first
as it is and then after malloc_trim, which gives back what is free; SQLite's page cache, at most 16 MB, is in it.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import accumulate
from pathlib import Path

from courriel.formats.message.summary import summarise
from courriel.imap.client import ImapClient
from courriel.imap.server import ImapService
from courriel.model.account import Account
from courriel.model.flags import SEEN
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage, Summary
from courriel.net.listener import Listener
from courriel.store.search.feed import ShardFeed
from courriel.store.search.index import SqliteIndex
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.imap.house import PASSWORD, Gate

ALICE = AccountId(1)
BATCH = 1_000
ROUNDS = 9
TEXT_OCTETS = 360
SEEN_BEFORE = 0.9
"""The older nine in ten were read."""
SETTINGS = StoreSettings(shards=1)
HEAD = (
    "Message-ID: <{n:08d}.1234567890@example.org>\r\nFrom: Bob <bob{group:04d}@example.org>\r\n"
    "To: alice@courriel.test\r\nSubject: {subject:24.24}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
)
ENVELOPE = (
    '("Mon, 2 Nov 2026 10:00:00 +0000" "{subject:24.24}" (("Bob" NIL "bob{group:04d}" "example.org")) NIL NIL'
    ' ((NIL NIL "alice" "courriel.test")) NIL NIL NIL "<{n:08d}.1234567890@example.org>")'
)


class Letters:
    """Messages of one length and structure, so that one summary serves them all; 30,000 words, Zipf."""

    def __init__(self) -> None:
        self._dice = dice = random.Random(5)
        self.words = ["".join(dice.choices("etaoinshrdlucmfwypvbgk", k=dice.randint(3, 11))) for _ in range(30_000)]
        weights = list(accumulate(1 / (rank + 1) for rank in range(len(self.words))))
        self._stream = " ".join(dice.choices(self.words, cum_weights=weights, k=1_000_000))
        self._like = summarise(self._content(0, "x" * TEXT_OCTETS, "x" * 24))

    def _content(self, n: int, text: str, subject: str) -> bytes:
        return HEAD.format(n=n, group=n % 2_000, subject=subject, text=text).encode()

    def letter(self, box: MailboxId, n: int, seen: bool) -> NewMessage:
        at = self._dice.randrange(len(self._stream) - TEXT_OCTETS)
        text = self._stream[at : at + TEXT_OCTETS]
        subject = text[:24]
        envelope = ENVELOPE.format(n=n, group=n % 2_000, subject=subject).encode()
        like = self._like
        summary = Summary(envelope, like.bodystructure, like.parts, text[:80], b"<%08d.1234567890@example.org>" % n)
        return NewMessage(ALICE, box, self._content(n, text, subject), summary, 1.8e9 + n, flags=SEEN if seen else 0)


def feed(directory: Path) -> int:
    """Index what is there; returns how many steps that took."""
    shard, steps = ShardFeed(directory / "store", 0), 0
    while shard.step():
        steps += 1
    return steps


async def fill(directory: Path, count: int) -> None:
    store = await SqliteStore.open(directory, SETTINGS)
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    box = (await store.mailbox(ALICE, "INBOX")).id
    letters = Letters()
    begun = time.perf_counter()
    for first in range(0, count, BATCH):
        many = range(first, min(count, first + BATCH))
        await store.append([letters.letter(box, n, n < count * SEEN_BEFORE) for n in many])
    print(f"filled with {count} in {time.perf_counter() - begun:.0f} s")
    view = await store.view(ALICE, box)
    await timed(f"view of {len(view.uids)} to its copy", lambda: store.maintain(time.time()), 1)
    await store.close()


async def timed(name: str, act: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> None:
    waits = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await act()
        waits.append((time.perf_counter() - begun) * 1e3)
    print(f"  {name:44} first {waits[0]:8.2f}  median {statistics.median(waits):8.2f} ms", flush=True)


def memory(name: str, before: float) -> None:
    gc.collect()
    held = allocated_mb()
    ctypes.CDLL(None).malloc_trim(0)
    print(f"  memory {name}: {held - before:.1f} MB, {allocated_mb() - before:.1f} MB in use", flush=True)


def allocated_mb() -> float:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1024


class Desk:
    """A server over the store, and a client of it."""

    def __init__(self, store: SqliteStore, client: ImapClient, listener: Listener) -> None:
        self.store = store
        self.client = client
        self.listener = listener

    @classmethod
    async def open(cls, directory: Path) -> Desk:
        store = await SqliteStore.open(directory, SETTINGS)
        gate = Gate({"alice": Account(ALICE, "alice@courriel.test")})
        listener = Listener(ImapService(store, gate, index=SqliteIndex(store, directory)))
        client = await ImapClient.connect("127.0.0.1", await listener.open_tcp("127.0.0.1", 0))
        await client.login("alice", PASSWORD)
        await client.command(b"ENABLE QRESYNC")
        return cls(store, client, listener)

    async def close(self) -> None:
        await self.client.close()
        await self.listener.close()
        await self.store.close()


async def serve(directory: Path) -> None:
    """All questions, of a process that has just begun."""
    desk = await Desk.open(directory)
    ask = desk.client.command
    box = await desk.store.mailbox(ALICE, "INBOX")
    count, modseq = box.total, int((await desk.store.mailbox(ALICE, "INBOX")).modseq)
    letters = Letters()
    before = allocated_mb()
    await timed("SELECT, cold", lambda: ask(b"SELECT INBOX"), 1)
    await timed("SELECT, warm", lambda: ask(b"SELECT INBOX"))

    async def after_a_flag() -> None:
        await ask(b"STORE %d +FLAGS.SILENT (\\Flagged)" % flagged.pop())
        await ask(b"SELECT INBOX")

    flagged = random.Random(1).sample(range(1, count), ROUNDS)
    await timed("a flag, and SELECT", after_a_flag)
    screen = b"FETCH %d:* (UID ENVELOPE FLAGS INTERNALDATE)" % (count - 49)
    await timed("first screen of 50", lambda: ask(screen))
    memory("with SELECT, screen and flags", before)
    some = random.Random(2).sample(range(1, count), ROUNDS)
    await timed("flag one", lambda: ask(b"STORE %d +FLAGS (\\Answered)" % some.pop()))
    await timed("SEARCH UNSEEN RETURN (COUNT)", lambda: ask(b"SEARCH RETURN (COUNT) UNSEEN"))
    for name, rank in (("rare", 20_000), ("seldom", 3_000)):
        word = letters.words[rank].encode()
        await timed(f"SEARCH BODY, {name} word", lambda word=word: ask(b"SEARCH BODY %b" % word))  # type: ignore[misc]
    memory("with a search", before)
    common = letters.words[40].encode()
    await timed("SEARCH RETURN (COUNT) BODY, common word", lambda: ask(b"SEARCH RETURN (COUNT) BODY %b" % common))
    memory("with searches", before)

    async def expunge_one() -> None:
        uid = b"%d" % gone.pop()
        await ask(b"UID STORE %b +FLAGS.SILENT (\\Deleted)" % uid)
        await ask(b"UID EXPUNGE %b" % uid)

    gone = random.Random(3).sample(range(1, count), ROUNDS)
    await timed("delete and expunge one", expunge_one)
    resync = b"SELECT INBOX (QRESYNC (%d %d))" % (box.uidvalidity, modseq)
    await timed("SELECT with QRESYNC after these changes", lambda: ask(resync))
    await timed("CHANGEDSINCE", lambda: ask(b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % modseq))
    memory("at the end", before)
    await desk.close()
    desk = await Desk.open(directory)
    await timed("SELECT, cold, after these changes", lambda: desk.client.command(b"SELECT INBOX"), 1)
    await desk.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--keep", action="store_true", help="use what is there, and leave it there")
    parser.add_argument("--step", choices=("all", "serve", "feed"), default="all", help=argparse.SUPPRESS)
    options = parser.parse_args()
    directory: Path = options.dir / f"courriel-million-{options.messages}"
    if options.step == "serve":
        asyncio.run(serve(directory))
        return
    if options.step == "feed":
        begun = time.perf_counter()
        steps = feed(directory)
        print(f"index: {steps} steps in {time.perf_counter() - begun:.0f} s")
        return
    try:
        if not (options.keep and directory.exists()):
            shutil.rmtree(directory, ignore_errors=True)
            asyncio.run(fill(directory, options.messages))
            run_step("feed", options)
        run_step("serve", options)
    finally:
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def run_step(step: str, options: argparse.Namespace) -> None:
    """In a process of its own, so that memory starts from nothing."""
    arguments = ["--messages", str(options.messages), "--dir", str(options.dir), "--step", step]
    subprocess.run([sys.executable, "-m", "bench.micro_million", *arguments], check=True)


if __name__ == "__main__":
    main()
