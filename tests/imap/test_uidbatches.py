"""UIDBATCHES.  RFC 10022."""

from __future__ import annotations

import asyncio

import pytest

from courriel.base.errors import FormatError
from courriel.imap.commands import uidbatches as command
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.uidbatches import UidBatches, parse, render
from tests.dialogues.runner import Player
from tests.dialogues.runner import parse as parse_dialogue
from tests.imap.house import make_house
from tests.imap.test_dialogues import stage

GRAMMAR = [
    (b" 2000", UidBatches(2000)),
    (b" 2000 10:20", UidBatches(2000, 10, 20)),
    (b" 500 1:1", UidBatches(500, 1, 1)),
    (b"", None),
    (b" 0", None),
    (b" x", None),
    (b" 4294967296", None),
    (b" 500 3", None),
    (b" 500 0:1", None),
    (b" 500 20:10", None),
    (b" 500 1:*", None),
    (b" 500 1:2 x", None),
]


@pytest.mark.parametrize(("text", "value"), GRAMMAR)
def test_the_grammar(text: bytes, value: UidBatches | None) -> None:
    if value is None:
        with pytest.raises(FormatError):
            parse(Command(text), 0)
    else:
        assert parse(Command(text), 0) == value


def test_an_answer_without_ranges() -> None:
    assert render(b"a1", []) == b'* UIDBATCHES (TAG "a1")\r\n'


DIALOGUE = """\
A< * OK …
A: a1 LOGIN alice secret
A< a1 OK [CAPABILITY … UIDBATCHES …] …
A: a2 UIDBATCHES 500
A< a2 BAD …
A: a3 SELECT INBOX
A< …
A< a3 OK …
A: a4 UIDBATCHES 3
A< * UIDBATCHES (TAG "a4") 8:6,5:3,2:1
A< a4 OK …
A: a5 UIDBATCHES 3 2:9
A< * UIDBATCHES (TAG "a5") 5:3,2:1
A< a5 OK …
A: a6 UIDBATCHES 3 4:9
A< * UIDBATCHES (TAG "a6")
A< a6 OK …
A: a7 UIDBATCHES 100
A< * UIDBATCHES (TAG "a7") 8:1
A< a7 OK …
A: a8 UIDBATCHES 2
A< a8 NO [TOOFEW] …
A: a9 UIDBATCHES 3 2:1
A< a9 BAD …
A: b1 STORE 1 +FLAGS.SILENT (\\Deleted)
A< b1 OK …
A: b2 EXPUNGE
A< * 1 EXPUNGE
A< b2 OK …
A: b3 UIDBATCHES 3
A< * UIDBATCHES (TAG "b3") 8:6,5:1
A< b3 OK …
A: b4 SELECT Drafts
A< …
A< b4 OK …
A: b5 UIDBATCHES 3
A< * UIDBATCHES (TAG "b5")
A< b5 OK …
"""


def test_ranges_meet_and_reach_down_to_uid_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LEAST", 3)
    asyncio.run(play())


async def play() -> None:
    """UIDs 1, 3, 4, 5, 6, 7, 8: the second was expunged before."""
    house = await make_house()
    for _ in range(8):
        await house.deliver("alice")
    alice = house.gate.accounts["alice"].id
    await house.store.expunge(alice, (await house.store.mailbox(alice, "INBOX")).id, [2])
    await Player(stage(house, None)).play(parse_dialogue(DIALOGUE))
