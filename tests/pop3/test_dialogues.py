"""The dialogues of tests/dialogues/pop3, in memory and over a socket, on each store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from courriel.pop3.settings import Pop3Settings
from tests.dialogues.runner import MemoryLink, Player, SocketLink, Stage, everywhere, parse
from tests.pop3.house import House, build, listening

DIALOGUES = Path(__file__).parent.parent / "dialogues" / "pop3"


def _stage(house: House, port: int | None) -> Stage:
    async def connect() -> MemoryLink | SocketLink:
        return MemoryLink(house.service) if port is None else await SocketLink.connect("127.0.0.1", port)

    async def deliver(arguments: str) -> None:
        person, text = arguments.split(" ", 1)
        await house.deliver(person, text.encode().decode("unicode_escape").encode("latin-1"))

    async def inbox(arguments: str) -> None:
        person, *uids = arguments.split()
        assert await house.inbox(person) == [int(uid) for uid in uids]

    async def expunge(arguments: str) -> None:
        person, *uids = arguments.split()
        await house.expunge(person, [int(uid) for uid in uids])

    async def view(arguments: str) -> None:
        house.show(*arguments.split())

    async def advance(arguments: str) -> None:
        house.clock.advance(float(arguments))

    happenings = {"deliver": deliver, "inbox": inbox, "expunge": expunge, "view": view, "advance": advance}
    return Stage(connect, happenings)


def _settings(path: Path) -> Pop3Settings:
    return Pop3Settings(errors=5, login_delay_s=60 if path.stem == "login-delay" else 0)


@everywhere(DIALOGUES)
def test_dialogue(path: Path, way: str, kind: str, tmp_path: Path) -> None:
    steps = parse(path.read_text())

    async def play() -> None:
        house = await build(kind, tmp_path, settings=_settings(path))
        async with listening(house) as port:
            await Player(_stage(house, port if way == "socket" else None)).play(steps)

    asyncio.run(play())
