"""One mail program under stress: it believes what it is told, and can say whether that is how it must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from courriel.formats.mutf7 import encode
from courriel.imap.wire.client_response import Response, fetch_items
from tests.dialogues.runner import MemoryLink
from tests.imap.house import House
from tests.imap.test_sessions import Client, greeted, numbers
from tests.stress.world import Box, World

GUESTS_PREFIX = "Other Users/alice/"


class Session(Client):
    """See above.  ``box`` is what it has selected, as the world knows it; ``answer`` the last tagged response."""

    def __init__(self, house: House, world: World, login: bytes, enable: bytes | None) -> None:
        super().__init__(MemoryLink(house.service), login)
        self.house, self.world, self.enable = house, world, enable
        self.box: Box | None = None
        self.read_only = False
        self.told: list[Response] = []
        self.answer = Response(b"", b"")
        self.is_resyncing = False
        self.last: tuple[Box, int, list[list[Any]]] | None = None
        """For QRESYNC: the mailbox it had, its HIGHESTMODSEQ, what was known of it."""

    # --- talking ------------------------------------------------------------------------------------------------
    async def say(self, text: bytes, *expect: bytes) -> list[Response]:
        """A command; its untagged responses.  ``expect`` is what the server may say: OK if nothing is named."""
        await self.rouse()
        self.told = []
        status = await self.run(text)
        assert status in (expect or (b"OK",)), (
            f"{text!r}: {status!r} {self.answer.code} {self.answer.text!r}, expected {expect!r}"
        )
        return self.told

    async def rouse(self) -> None:
        """Hear what was said in its sleep, before numbers are used."""
        if self.idle_tag is not None:
            await self.wake()

    async def until(self, tag: bytes) -> bytes:
        while True:
            response = self.responses.next()
            if response is None:
                line = await self.link.line()
                assert line is not None, "the server hung up"
                self.responses.receive(line)
                continue
            if response.tag == tag:
                self.answer = response
                return response.name
            self.told.append(response)
            if not self.is_resyncing and not (response.name == b"VANISHED" and response.values[0] == [b"EARLIER"]):
                self.believe(response)

    def believe(self, response: Response) -> None:
        if response.name == b"FETCH" and b"FLAGS" not in fetch_items(response) and b"UID" not in fetch_items(response):
            return
        super().believe(response)

    def quoted(self, name: str) -> bytes:
        called = name if self.login == b"alice" else GUESTS_PREFIX + name
        if self.enable == b"IMAP4rev2":
            return b'"' + called.encode() + b'"'
        return b'"' + encode(called) + b'"'

    def unquoted(self, name: bytes) -> str:
        from courriel.formats.mutf7 import decode

        return name.decode() if self.enable == b"IMAP4rev2" else decode(name)

    # --- coming and going ---------------------------------------------------------------------------------------
    async def connect(self) -> None:
        self.link = MemoryLink(self.house.service)
        self.responses = type(self.responses)()
        self.idle_tag, self.box, self.messages = None, None, []
        await greeted(self)
        await self.say(b"LOGIN %b secret" % self.login)
        if self.enable is not None:
            await self.say(b"ENABLE " + self.enable)

    async def choose(self, name: str, read_only: bool = False) -> None:
        await self.rouse()
        self.messages, self.box = [], None
        told = await self.say((b"EXAMINE " if read_only else b"SELECT ") + self.quoted(name))
        self.box, self.read_only = self.world.boxes[name], read_only
        self.check_opening(told)
        await self.sync()

    def check_opening(self, told: Sequence[Response]) -> None:
        assert self.box is not None
        codes = {bytes(one.code[0]): one.code[1:] for one in told if one.code}  # type: ignore[arg-type]
        self.world.learn_validity(self.box, number(codes[b"UIDVALIDITY"][0]))
        assert number(codes[b"UIDNEXT"][0]) == self.box.uidnext
        assert [one.number for one in told if one.name == b"EXISTS"] == [len(self.box.letters)]

    async def leave(self) -> None:
        """Hang up, knowing what it has seen: for QRESYNC later."""
        if self.box is not None and not self.box.gone:
            await self.sync()
            name = self.quoted(self.world.name(self.box))
            [status] = [one for one in await self.say(b"STATUS %b (HIGHESTMODSEQ)" % name) if one.name == b"STATUS"]
            self.last = self.box, number(status.values[-1][1]), [list(one) for one in self.messages]  # type: ignore[index]
        self.link.close()

    async def resync(self) -> None:
        """QRESYNC, RFC 7162 §3.2.5: from what was known and what is told follows what is there."""
        assert self.last is not None
        box, modseq, known = self.last
        if box.gone or box.uidvalidity is None:
            return
        self.is_resyncing = True
        asked = (self.quoted(self.world.name(box)), box.uidvalidity, modseq)
        told = await self.say(b"SELECT %b (QRESYNC (%d %d))" % asked)
        self.is_resyncing = False
        self.box, self.read_only = box, False
        self.check_opening(told)
        vanished = {uid for one in told if one.name == b"VANISHED" for uid in numbers(one.values[-1])}
        assert not vanished & {letter.uid for letter in box.letters}
        self.messages = [message for message in known if message[0] not in vanished]
        for one in told:
            if one.name in (b"EXISTS", b"FETCH"):
                self.believe(one)
        await self.sync()

    # --- is it so? ----------------------------------------------------------------------------------------------
    async def sync(self) -> None:
        """After NOOP it knows the truth; what it was never told it asks."""
        if self.box is None:
            return
        await self.say(b"NOOP")
        expected = [[letter.uid, letter.flags] for letter in self.box.letters]
        assert len(self.messages) == len(expected), f"knows {self.messages}, must be {expected}"
        for known, (uid, flags) in zip(self.messages, expected, strict=True):
            assert known[0] in (None, uid) and known[1] in (None, flags), f"knows {known}, must be {uid, flags}"
        await self.ask_unknown()
        assert self.messages == expected, f"knows {self.messages}, must be {expected}"

    def uids(self) -> list[int]:
        """Those it was told of."""
        return [message[0] for message in self.messages if message[0] is not None]


def number(value: Any) -> int:
    found = re.search(rb"\d+", value[0] if isinstance(value, list) else value)
    assert found is not None
    return int(found[0])
