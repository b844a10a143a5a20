"""SORT, THREAD and SEARCH of public mail against Debian's Dovecot: the same answers, number by number."""

from __future__ import annotations

import asyncio
import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.formats.dates import render_internal
from tests import corpus
from tests.imap.house import PASSWORD, House, listening, make_house
from tests.interop.imaptest import Client
from tests.interop.test_structure_vs_dovecot import IMAP, Dovecot, ordinary_header

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SOURCES = ("list-cake", "csdmc2010")
MESSAGES = 400
START = 1_600_000_000

SORT_KEYS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO")
SORTS = [f"SORT ({key}) UTF-8 ALL" for key in SORT_KEYS]
SORTS += [f"SORT (REVERSE {key}) UTF-8 ALL" for key in SORT_KEYS]
SORTS += [
    "SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
    "SORT (FROM SUBJECT SIZE) UTF-8 SUBJECT re",
    "UID SORT (REVERSE SUBJECT DATE) UTF-8 LARGER 3000",
    "SORT (DATE) UTF-8 1:20",
]
THREADS = [
    f"{verb} {algorithm} UTF-8 {key}"
    for verb in ("THREAD", "UID THREAD")
    for algorithm in ("ORDEREDSUBJECT", "REFERENCES", "REFS")
    for key in ("ALL", "LARGER 3000", "50:150")
]
SEARCHES = [
    "SEARCH FROM com",
    "SEARCH TO list",
    "SEARCH SUBJECT re",
    "SEARCH NOT SUBJECT the",
    "SEARCH OR FROM a CC b",
    "SEARCH SENTSINCE 1-Jan-2012",
    "SEARCH SENTBEFORE 1-Jul-2010 HEADER Date :",
    "SEARCH HEADER Message-ID mail",
]


ODD = re.compile(
    rb"(?mi)^date: .* [2-9][1-9]\d\d "  # Dovecot's dates end in 2106
    rb"|^(?:from|to|cc):(?:\r\n[ \t])?"
    rb"(?:[^@\r\n]*\r?$|[ ]*[^<\"@,\s]+[ ]+[^<\"@,]+@|.*<[^>@]*[ ?]|.*[?]=@|.*  )"  # no address, or blanks inside
    rb"|^subject:.*[ \t]\r\n[ \t]"  # RFC 5256 §2.1 makes one blank of it, Dovecot two
)


def shuffled(source: str) -> list[bytes]:
    """Well-formed messages (of two Subject fields, for one, Dovecot takes the last, we the first), in any order."""
    found = [
        raw
        for raw in corpus.messages(source, MESSAGES)
        if ordinary_header(raw, b"") and len(raw) < 200_000 and not ODD.search(raw.partition(b"\r\n\r\n")[0])
    ]
    random.Random(source).shuffle(found)
    return found


async def ours(raws: list[bytes], commands: list[str]) -> list[list[bytes]]:
    house = await make_house()
    await fill(house, raws)
    async with listening(house) as port:
        client = await Client.connect("127.0.0.1", port)
        await client.run(b"LOGIN alice %b" % PASSWORD.encode())
        await client.run(b"SELECT INBOX")
        answers = []
        for command in commands:
            tagged, untagged = await client.run(command.encode())
            assert tagged.startswith(b"OK"), tagged
            answers.append(untagged)
        client.close()
        return answers


async def fill(house: House, raws: list[bytes]) -> None:
    for place, raw in enumerate(raws):
        house.clock.advance(START + place // 3 - house.clock.now())  # three at a time are of one second
        await house.deliver("alice", raw)


@pytest.fixture(scope="module", params=SOURCES)
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Dovecot, dict[str, list[bytes]]]]:
    if not IMAP.exists():
        pytest.skip("Debian's dovecot-imapd is not installed")
    if os.getuid() != 0:
        pytest.skip("Dovecot's imap must be started by root to drop to nobody")
    raws = shuffled(request.param)
    commands = SORTS + THREADS + SEARCHES
    answers = asyncio.run(ours(raws, commands))
    with tempfile.TemporaryDirectory(prefix="courriel-dovecot-") as home:
        dovecot = Dovecot(Path(home))
        for place, raw in enumerate(raws):
            dovecot.ask(b"APPEND INBOX %b" % render_internal(START + place // 3), raw)
        dovecot.ask(b"NOOP")
        yield dovecot, dict(zip(commands, answers, strict=True))
        dovecot.close()


@pytest.mark.parametrize("command", SORTS + THREADS + SEARCHES)
def test_same_answer(both: tuple[Dovecot, dict[str, list[bytes]]], command: str) -> None:
    dovecot, answers = both
    word = b"* " + command.removeprefix("UID ").split(" ")[0].encode()
    theirs = [line for line in dovecot.ask(command.encode()) if line.startswith(word)]
    assert answers[command] == theirs
