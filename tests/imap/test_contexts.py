"""A client that only ever does what ADDTO and REMOVEFROM say has the results that a new search would give.

RFC 5267 §4.3.
"""

from __future__ import annotations

import asyncio
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.imap.wire import sets
from courriel.model.flags import FLAGGED, SEEN, FlagAction, FlagChange
from tests.imap.house import PASSWORD, House, listening, make_house

UPDATE = re.compile(rb'\* ESEARCH \(TAG "(\w+)"\)( UID)? (ADDTO|REMOVEFROM) \(([\d:, ]+)\)\r\n')


class Client:
    """Keeps the results of two searching commands and the UIDs of its mailbox, from what it is told alone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tags = 0
        self.uids: list[int] = []
        self.results: dict[bytes, list[int]] = {}
        self.coming = list(range(1, 100))
        """UIDs as EXISTS will tell of them: all, but for those that go before."""

    async def ask(self, command: bytes, tag: bytes = b"") -> list[bytes]:
        self._tags += 1
        tag = tag or b"t%d" % self._tags
        self._writer.write(b"%b %b\r\n" % (tag, command))
        told = []
        while not (line := await self._reader.readline()).startswith(tag + b" "):
            told.append(line)
            await self._hear(line)
        assert line.startswith(tag + b" OK") or command.startswith(b"STORE 1"), line  # there may be none
        return told

    async def _hear(self, line: bytes) -> None:
        word = line.split()
        if word[2:] == [b"EXPUNGE"]:
            del self.uids[int(word[1]) - 1]
        elif word[2:] == [b"EXISTS"]:
            top = self.uids[-1] if self.uids else 0
            self.uids += [uid for uid in self.coming if uid > top][: int(word[1]) - len(self.uids)]
        elif match := UPDATE.fullmatch(line):
            self._update(match[1], bool(match[2]), match[3] == b"ADDTO", match[4].split(b" "))

    def _update(self, tag: bytes, by_uid: bool, adds: bool, pairs: list[bytes]) -> None:
        results = self.results[tag]
        for position, text in zip(map(int, pairs[::2]), pairs[1::2], strict=True):
            ranges = sets.parse(text).ranges
            numbers = [number for low, high in ranges for number in range(low, high + 1)]
            uids = numbers if by_uid else [self.uids[number - 1] for number in numbers]
            if not position:
                results[:] = sorted({*results, *uids} if adds else {*results} - {*uids})
            elif adds:
                results[position - 1 : position - 1] = uids
            else:
                assert results[position - 1 : position - 1 + len(uids)] == uids
                del results[position - 1 : position - 1 + len(uids)]


SUBJECTS = st.sampled_from(["a", "Re: b", "b", "c", ""])
OTHERS = st.one_of(
    st.tuples(st.just("deliver"), SUBJECTS),
    st.tuples(st.just("flag"), st.integers(1, 6)),
    st.tuples(st.just("unflag"), st.integers(1, 6)),
    st.tuples(st.just("expunge"), st.integers(1, 6)),
)
OWN = st.sampled_from(
    [b"NOOP", b"UID STORE 1:3 +FLAGS (\\Seen)", b"STORE 1 -FLAGS.SILENT (\\Seen)", b"SEARCH ALL", b"UID SEARCH ALL"]
)
KEYS = st.sampled_from([b"NOT SEEN", b"SEEN", b"ALL", b"OR FLAGGED SUBJECT b", b"UID 2:4 UNSEEN"])


async def other(house: House, what: str, argument: int | str) -> None:
    """Somebody else changes the mailbox."""
    account = house.gate.accounts["alice"].id
    inbox = (await house.store.mailbox(account, "INBOX")).id
    if what == "deliver":
        await house.deliver("alice", f"Subject: {argument}\r\n\r\n".encode())
    elif what == "expunge":
        await house.store.expunge(account, inbox, [int(argument)])
    else:
        action = FlagAction.ADD if what == "flag" else FlagAction.REMOVE
        await house.store.change_flags(account, inbox, [int(argument)], FlagChange(action, SEEN | FLAGGED))


async def play(key: bytes, steps: list[tuple[list[tuple[str, int | str]], bytes]]) -> None:
    house = await make_house()
    for subject in ("b", "a", "Re: b"):
        await other(house, "deliver", subject)
    async with listening(house) as port:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.ask(b"LOGIN alice %b" % PASSWORD.encode())
        await client.ask(b"SELECT INBOX")
        queries = {
            b"search": b"SEARCH RETURN (%b) " + key,
            b"usearch": b"UID SEARCH RETURN (%b) " + key,
            b"sort": b"SORT RETURN (%b) (REVERSE SUBJECT) UTF-8 " + key,
            b"usort": b"UID SORT RETURN (%b) (SUBJECT ARRIVAL) UTF-8 " + key,
        }
        for tag, query in queries.items():
            [answer] = await client.ask(query % b"UPDATE ALL", tag)
            client.results[tag] = results(client, answer)
        for others, own in steps:
            for what, argument in others:
                if what == "expunge" and argument in client.coming and argument not in client.uids:
                    client.coming.remove(argument)
                await other(house, what, argument)
            await client.ask(own)
        await client.ask(b"NOOP")
        for tag, query in queries.items():
            [answer] = await client.ask(query % b"ALL")
            assert client.results[tag] == results(client, answer), tag


def results(client: Client, answer: bytes) -> list[int]:
    """UIDs in an ESEARCH response with ALL."""
    match = re.search(rb" ALL ([\d:,]+)", answer)
    ranges = sets.parse(match[1]).ranges if match else ()
    numbers = [number for low, high in ranges for number in range(low, high + 1)]
    return numbers if b") UID" in answer else [client.uids[number - 1] for number in numbers]


@settings(max_examples=60, deadline=None)
@given(KEYS, st.lists(st.tuples(st.lists(OTHERS, max_size=3), OWN), max_size=5))
def test_updates_are_all_that_is_needed(key: bytes, steps: list[tuple[list[tuple[str, int | str]], bytes]]) -> None:
    asyncio.run(play(key, steps))
