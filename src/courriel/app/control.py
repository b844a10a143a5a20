"""The control socket: how the command line speaks to a running server.

One request a line, answers a line each (JSON).  The socket lies in the data directory and is its owner's alone,
who could read everything there anyway; so there is no further password.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from courriel.base.errors import CourrielError
from courriel.net.connection import Connection, Dialogue
from courriel.ports.administration import Administration, Answer, AnyRequest, Failure, Progress

SOCKET_NAME: Final = "control.sock"

REQUEST_OCTETS: Final = 256 * 1024
"""Longest request; the largest carries a script of 64 KiB as JSON."""

ANSWER_OCTETS: Final = 64 * 1024 * 1024
"""Longest answer a client takes: a listing of some 500,000 rows."""

PATIENCE_S: Final = 3600.0
"""A long import says nothing on our side for long; the client is our own."""

_decode_request = msgspec.json.Decoder(AnyRequest).decode
_decode_answer = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


class ControlService:
    """Carries out what comes over the socket."""

    name = "control"
    patience_s = PATIENCE_S

    def __init__(self, administration: Administration) -> None:
        self.administration = administration

    def dialogue(self, connection: Connection) -> Dialogue:
        return ControlDialogue(self.administration, connection)

    def refusal(self) -> bytes:
        return _encode(Failure("TryLater", "too many control connections")) + b"\n"


class ControlDialogue:
    """One client of the control socket."""

    def __init__(self, administration: Administration, connection: Connection) -> None:
        self._administration = administration
        self._connection = connection
        self._input = bytearray()

    def opened(self) -> None:
        """The client speaks first."""

    async def received(self, data: bytes) -> None:
        if not data:
            self._connection.close()
        self._input += data
        while (end := self._input.find(b"\n")) >= 0:
            line = bytes(self._input[:end])
            del self._input[: end + 1]
            await self._answer(line)
        if len(self._input) > REQUEST_OCTETS:
            self._say(Failure("FormatError", f"a request is at most {REQUEST_OCTETS} octets"))
            self._connection.close()

    async def _answer(self, line: bytes) -> None:
        try:
            request = _decode_request(line)
        except msgspec.DecodeError as error:
            self._say(Failure("FormatError", str(error)))
            return
        async for answer in self._administration.perform(request):
            self._say(answer)
            await self._connection.drain()

    def _say(self, answer: Answer) -> None:
        self._connection.write(_encode(answer) + b"\n")

    def expired(self) -> None:
        """Nothing to say: the client is our own command."""

    def stopping(self) -> None:
        """Nothing to say: no request is under way."""

    def failed(self) -> None:
        self._say(Failure("Bug", "the server met an error nobody foresaw; its log has the place"))

    def closed(self) -> None:
        """Nothing is held."""


class ServerNotRunning(CourrielError):
    """No server answers on the control socket."""


class RemoteAdministration:
    """Sends requests to the server of a data directory."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, data: Path) -> RemoteAdministration:
        """Raises ServerNotRunning."""
        try:
            streams = await asyncio.open_unix_connection(str(data / SOCKET_NAME), limit=ANSWER_OCTETS)
        except OSError as error:
            raise ServerNotRunning(str(data)) from error
        return cls(*streams)

    async def perform(self, request: AnyRequest) -> AsyncIterator[Answer]:
        self._writer.write(_encode(request) + b"\n")
        await self._writer.drain()
        while line := await self._reader.readline():
            answer = _decode_answer(line)
            yield answer
            if not isinstance(answer, Progress):
                return
        yield Failure("Unavailable", "the server hung up before it had answered")

    async def close(self) -> None:
        self._writer.close()
