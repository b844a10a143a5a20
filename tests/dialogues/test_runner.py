"""The runner itself: it must fail when the server differs."""

from __future__ import annotations

import asyncio

import pytest

from courriel.net.connection import Connection, Dialogue
from tests.dialogues.runner import MemoryLink, Player, Stage, parse


class Echo:
    name = "echo"
    patience_s = 60.0

    def dialogue(self, connection: Connection) -> Dialogue:
        return EchoDialogue(connection)

    def refusal(self) -> bytes:
        return b"full\r\n"


class EchoDialogue:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def opened(self) -> None:
        self.connection.write(b"hello\r\n")

    async def received(self, data: bytes) -> None:
        self.connection.write(data)
        if data in (b"", b"bye\r\n"):
            self.connection.close()

    def expired(self) -> None: ...

    def stopping(self) -> None: ...

    def failed(self) -> None: ...

    def closed(self) -> None: ...


def play(text: str) -> list[str]:
    done: list[str] = []

    async def main() -> None:
        async def connect() -> MemoryLink:
            return MemoryLink(Echo())

        async def note(arguments: str) -> None:
            done.append(arguments)

        await Player(Stage(connect, {"note": note})).play(parse(text))

    asyncio.run(main())
    return done


def test_plays_what_it_says() -> None:
    text = """
# two clients
A< hello
A: one two
A< one t…
B2: x
B2< …
B2< x
B2| a\\x00\\r\\n
B2< a\x00
A quiet
note alice hello.eml
A: bye
A< …
A closed
B2 eof
B2 closed
"""
    assert play(text) == ["alice hello.eml"]


@pytest.mark.parametrize(
    "text",
    [
        "A< hullo",
        "A< hello\nA: x\nA< xx",
        "A< hello\nA: x\nA quiet",
        "A< hello\nA: bye\nA< …\nA< no",
        "A closed",
        "wave",
    ],
)
def test_fails_when_the_server_differs(text: str) -> None:
    with pytest.raises(AssertionError):
        play(text)
