"""The dialogues of tests/dialogues/smtp, in memory and over a socket, on each store.

Clients come by the MX port unless ``door submission`` or ``door lmtp`` stands before they are first named.  They are
on the same machine, so passwords may be shown without TLS.  Limits are small: messages of 1,000 octets, 5 errors.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from courriel.net.listener import Listener
from courriel.smtp.settings import SmtpSettings
from tests.dialogues.runner import Link, MemoryLink, Player, SocketLink, Stage, everywhere, parse
from tests.smtp.house import House, build

DIALOGUES = Path(__file__).parent.parent / "dialogues" / "smtp"
DOORS = ("mx", "submission", "lmtp")


class _Play:
    """A house, its open ports, and what a dialogue may ask for."""

    def __init__(self, house: House, ports: dict[str, int] | None) -> None:
        self.house = house
        self.ports = ports
        self.next_door = "mx"

    async def connect(self) -> Link:
        if self.ports is None:
            return MemoryLink(self.house.door(self.next_door))
        return await SocketLink.connect("127.0.0.1", self.ports[self.next_door])

    async def door(self, name: str) -> None:
        """Clients that are named from here on come by this door."""
        assert name in DOORS
        self.next_door = name

    async def has(self, arguments: str) -> None:
        """``has alice 2``, ``has alice 1 text``: so many messages; the last one holds the text."""
        person, count, *text = arguments.split(" ", 2)
        mail = await self.house.mail(person)
        assert len(mail) == int(count), mail
        if text:
            assert text[0].encode().decode("unicode_escape").encode("latin-1") in mail[-1], mail[-1]

    async def lacks(self, arguments: str) -> None:
        """The last message of somebody does not hold the text."""
        person, text = arguments.split(" ", 1)
        assert text.encode() not in (await self.house.mail(person))[-1]

    async def queued(self, arguments: str) -> None:
        """``queued 1 anna@far.test``: so many messages wait; the last one is for these people."""
        count, *people = arguments.split()
        waiting = [entry.message for entry in await self.house.queue.entries()]
        assert len(waiting) == int(count)
        if people:
            assert [str(recipient.address) for recipient in waiting[-1].recipients] == people
            assert waiting[-1].held and waiting[-1].reason

    def stage(self) -> Stage:
        actions = {"door": self.door, "has": self.has, "lacks": self.lacks, "queued": self.queued}
        return Stage(self.connect, actions)


@everywhere(DIALOGUES)
def test_dialogue(path: Path, way: str, kind: str, tmp_path: Path) -> None:
    steps = parse(path.read_text())

    async def play() -> None:
        house = await build(kind, tmp_path, settings=SmtpSettings(errors=5, message_octets=1000))
        async with contextlib.AsyncExitStack() as stack:
            ports = None
            if way == "socket":
                ports = {}
                for door in DOORS:
                    listener = Listener(house.door(door))
                    ports[door] = await listener.open_tcp("127.0.0.1", 0)
                    stack.push_async_callback(listener.close)
            stack.push_async_callback(house.close)
            await Player(_Play(house, ports).stage()).play(steps)

    asyncio.run(play())
