"""The dialogues of tests/dialogues/managesieve, in memory and over a socket, on each store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.dialogues.runner import MemoryLink, Player, SocketLink, Stage, everywhere, parse
from tests.managesieve.house import House, build, listening

DIALOGUES = Path(__file__).parent.parent / "dialogues" / "managesieve"


def _stage(house: House, port: int | None) -> Stage:
    async def connect() -> MemoryLink | SocketLink:
        return MemoryLink(house.service) if port is None else await SocketLink.connect("127.0.0.1", port)

    async def active(arguments: str) -> None:
        person, _, name = arguments.partition(" ")
        assert house.active(person) == name

    return Stage(connect, {"active": active})


@everywhere(DIALOGUES)
def test_dialogue(path: Path, way: str, kind: str, tmp_path: Path) -> None:
    steps = parse(path.read_text())

    async def play() -> None:
        house = await build(kind, tmp_path)
        async with listening(house) as port:
            await Player(_stage(house, port if way == "socket" else None)).play(steps)

    asyncio.run(play())
