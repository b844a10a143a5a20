"""Search alone: cost of feeding the index, its size, and questions with it and without.

    .venv/bin/python bench/micro_search.py [--messages 10000] [--dir /dev/shm] [--keep]

Messages of 3.6 KB whose words are as common as in a language (60,000 words, Zipf), with keys and ids nobody will look
for.  Processor time of this process; feeding is done here, where the server has a process for it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Iterator
from itertools import accumulate
from pathlib import Path

from courriel.formats.message.summary import summarise
from courriel.imap.client import ImapClient
from courriel.imap.server import ImapService
from courriel.model.account import Account
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.message import NewMessage
from courriel.model.refusals import NoSuchMailbox
from courriel.net.listener import Listener
from courriel.ports.index import Place
from courriel.store.search.feed import ShardFeed
from courriel.store.search.index import SqliteIndex
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.imap.house import PASSWORD, Gate

ALICE = AccountId(1)
ROUNDS = 5
HEAD = (
    "Message-ID: <{n}.{key:x}@example.org>\r\nFrom: Bob <bob{group}@example.org>\r\nTo: alice@courriel.test\r\n"
    "Subject: {subject}\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; b={signature:x}\r\n"
    "Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nhttps://example.org/{key:x}\r\n{text}\r\n"
)
PREFIX = (
    b"Return-Path: <bob@example.org>\r\nDelivered-To: alice@courriel.test\r\nReceived: from mail.example.org"
    b" ([192.0.2.1])\r\n\tby courriel.test with ESMTPS id %x\r\n\tfor <alice@courriel.test>; today\r\n"
)


class Prose:
    """Text with the frequencies of a language; word n is the n-th most common."""

    def __init__(self, seed: int = 3) -> None:
        self._dice = dice = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgk"
        self.words = ["".join(dice.choices(letters, k=dice.randint(2, 12))) for _ in range(60_000)]
        weights = list(accumulate(1 / (rank + 1) for rank in range(len(self.words))))
        self._stream = dice.choices(self.words, cum_weights=weights, k=2_000_000)

    def message(self, n: int) -> bytes:
        dice = self._dice
        first = dice.randrange(len(self._stream) - 400)
        words = self._stream[first : first + 380]
        text = "\r\n".join(" ".join(words[at : at + 11]) for at in range(4, 380, 11))
        return HEAD.format(
            n=n, key=dice.getrandbits(80), group=n % 500, subject=" ".join(words[:4]),
            signature=dice.getrandbits(1024), text=text,
        ).encode()  # fmt: skip


async def fill(store: SqliteStore, count: int) -> None:
    await store.create_account(ALICE, SPECIAL_MAILBOXES)
    box = (await store.mailbox(ALICE, "INBOX")).id
    prose = Prose()
    for first in range(0, count, 500):
        await store.append([new(box, prose.message(n), n) for n in range(first, min(count, first + 500))])


def new(box: MailboxId, content: bytes, n: int) -> NewMessage:
    return NewMessage(ALICE, box, content, summarise(content), 1.8e9, PREFIX % n)


def feed(directory: Path) -> Iterator[float]:
    """Processor seconds of each step."""
    shard = ShardFeed(directory / "store", 0)
    begun = time.process_time()
    while shard.step():
        yield time.process_time() - begun
        begun = time.process_time()


async def cpu_ms(asked: Awaitable[object]) -> tuple[float, object]:
    begun = time.process_time()
    answer = await asked
    return (time.process_time() - begun) * 1e3, answer


async def ask_index(index: SqliteIndex, store: SqliteStore, words: dict[str, str]) -> None:
    view = await store.view(ALICE, (await store.mailbox(ALICE, "INBOX")).id)
    print(f"first question: {(await cpu_ms(index.find(view, Place.BODY, 'qqqqq')))[0]:.1f} ms", end=", ")
    print(f"first TEXT: {(await cpu_ms(index.find(view, Place.MESSAGE, 'qqqqq')))[0]:.1f} ms")
    for name, word in words.items():
        for place in (Place.BODY, Place.MESSAGE):
            best = min([(await cpu_ms(index.find(view, place, word)))[0] for _ in range(ROUNDS)])
            found = await index.find(view, place, word)
            print(f"  {name:9} {place.value:8} {best:8.2f} ms  {len(found.hits)} hits, {len(found.doubts)} to read")


async def ask_imap(store: SqliteStore, index: SqliteIndex | None, words: dict[str, str], rounds: int) -> None:
    gate = Gate({"alice": Account(ALICE, "alice@courriel.test")})
    listener = Listener(ImapService(store, gate, index=index))
    port = await listener.open_tcp("127.0.0.1", 0)
    client = await ImapClient.connect("127.0.0.1", port)
    await client.login("alice", PASSWORD)
    await client.select("INBOX")
    for name, word in words.items():
        for key in ("BODY", "TEXT", "SUBJECT", "FROM"):
            text = f'{key} "{word}"'.encode()
            best = min([(await cpu_ms(client.search(text)))[0] for _ in range(rounds)])
            print(f"  {name:9} SEARCH {key:8} {best:9.2f} ms  {len(await client.search(text))} found")
    await client.close()
    await listener.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--dir", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--keep", action="store_true", help="use what is there, and leave it there")
    options = parser.parse_args()
    directory: Path = options.dir / f"courriel-search-{options.messages}"
    if not options.keep:
        shutil.rmtree(directory, ignore_errors=True)
    store = await SqliteStore.open(directory, StoreSettings(shards=1))
    if not await has_account(store):
        await fill(store, options.messages)
    await store.shards[0].source.settled()
    index = SqliteIndex(store, directory)
    steps = list(feed(directory))
    [state] = await index.state()
    print(f"{options.messages} messages; feeding {sum(steps) / options.messages * 1e6:.0f} µs each, longest step")
    print(f"  {max(steps, default=0):.2f} s; {state.octets / options.messages:.0f} octets each in the index")
    prose = Prose()
    ranks = {"common": 50, "seldom": 900, "rare": 20_000}
    words = {name: prose.words[rank] for name, rank in ranks.items()}
    others = {"absent": "zzqqzz", "letters": "xq", "phrase": f"{prose.words[50]} {prose.words[2]}"}
    await ask_index(index, store, words | others)
    print("over IMAP, with the index")
    await ask_imap(store, index, words, ROUNDS)
    if options.messages <= 10_000:
        print("over IMAP, without")
        await ask_imap(store, None, words, 3)
    await store.close()
    if not options.keep:
        shutil.rmtree(directory, ignore_errors=True)


async def has_account(store: SqliteStore) -> bool:
    try:
        await store.mailbox(ALICE, "INBOX")
    except NoSuchMailbox:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(main())
