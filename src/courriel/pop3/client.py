"""A POP3 client: logs in, lists, fetches, deletes.  RFC 1939; SASL PLAIN RFC 5034; STLS RFC 2595.

Bounded in all it reads.  Unique-ids, and what was fetched before, are the caller's to remember.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Final

from courriel.base.errors import CourrielError, FormatError, LimitExceeded
from courriel.net.upgrade import upgrade

READ_OCTETS: Final = 65_536

REPLY_OCTETS: Final = 512
"""Longest first line of a reply.  RFC 2449 §4."""

MESSAGE_OCTETS: Final = 64 * 1024 * 1024
"""Longest multi-line reply taken; above the size limit of common servers (50 MB)."""


class Refused(CourrielError):
    """The server said -ERR.  ``text`` is what it gave as the reason."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Pop3Client:
    """One session.  ``connect`` makes it; every method may raise Refused, FormatError or OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s
        self._buffer = b""

    @classmethod
    async def connect(
        cls, host: str, port: int, tls: ssl.SSLContext | None = None, timeout_s: float = 60.0
    ) -> Pop3Client:
        """Connect (with TLS from the first byte when a context is given) and read the greeting."""
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        client = cls(reader, writer, timeout_s)
        await client._status()
        return client

    async def capabilities(self) -> list[str]:
        return (await self._many("CAPA")).decode("utf-8", "replace").splitlines()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        await self._one("STLS")
        if self._buffer:  # RFC 3207 §5's lesson: what came in clear is not to be believed
            raise FormatError("STLS reply", 0, "more octets in clear")
        async with asyncio.timeout(self._timeout_s):
            await upgrade(self._reader, self._writer, context, host)

    async def log_in(self, login: str, password: str) -> None:
        """USER and PASS."""
        await self._one(f"USER {login}")
        await self._one(f"PASS {password}")

    async def authenticate_plain(self, login: str, password: str) -> None:
        """AUTH PLAIN, the response behind a challenge since it may be longer than a command."""
        if not (await self._command("AUTH PLAIN")).startswith(b"+"):
            raise FormatError("AUTH reply", 0, "RFC 5034 §4")
        response = base64.b64encode(f"\0{login}\0{password}".encode())
        await self._one(response.decode())

    async def status(self) -> tuple[int, int]:
        """Messages and octets."""
        count, octets, *_ = (await self._one("STAT")).split()
        return int(count), int(octets)

    async def sizes(self) -> dict[int, int]:
        """Octets by message number."""
        rows = [line.split() for line in (await self._many("LIST")).splitlines()]
        return {int(number): int(octets) for number, octets, *_ in rows}

    async def unique_ids(self) -> dict[int, str]:
        rows = [line.decode("ascii", "replace").split(" ", 1) for line in (await self._many("UIDL")).splitlines()]
        return {int(number): unique for number, unique in rows}

    async def retrieve(self, number: int) -> bytes:
        return await self._many(f"RETR {number}")

    async def top(self, number: int, lines: int) -> bytes:
        return await self._many(f"TOP {number} {lines}")

    async def delete(self, number: int) -> None:
        await self._one(f"DELE {number}")

    async def reset(self) -> None:
        await self._one("RSET")

    async def noop(self) -> None:
        await self._one("NOOP")

    async def quit(self) -> None:
        """Have the marked messages deleted, and hang up."""
        try:
            await self._one("QUIT")
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Hang up; nothing is deleted."""
        self._writer.close()

    # --- lines ------------------------------------------------------------------------------------------------
    async def _one(self, command: str) -> bytes:
        """The text behind ``+OK``."""
        return (await self._command(command))[4:]

    async def _command(self, command: str) -> bytes:
        if "\r" in command or "\n" in command or "\0" in command:
            raise FormatError("POP3 command", -1, "line end in an argument")
        self._writer.write(command.encode() + b"\r\n")
        return await self._status()

    async def _status(self) -> bytes:
        async with asyncio.timeout(self._timeout_s):
            while (at := self._buffer.find(b"\n")) < 0:
                if len(self._buffer) > REPLY_OCTETS:
                    raise LimitExceeded("POP3 reply", REPLY_OCTETS, "reply_octets")
                await self._read()
        line, self._buffer = self._buffer[:at].rstrip(b"\r"), self._buffer[at + 1 :]
        if line.startswith(b"-ERR"):
            raise Refused(line[5:].decode("utf-8", "replace"))
        if not (line.startswith(b"+OK") or line[:2] in (b"+", b"+ ")):  # the last: a challenge, RFC 5034 §4
            raise FormatError("POP3 reply", 0, "RFC 1939 §3")
        return line

    async def _many(self, command: str) -> bytes:
        """The lines of a multi-line reply, dots taken off."""
        await self._command(command)
        pieces = [b"\r\n" + self._buffer]  # so that an empty listing ends like any other
        octets = len(self._buffer)
        tail = pieces[0][-4:]
        if (end := pieces[0].find(b"\r\n.\r\n")) < 0:
            while True:
                self._buffer = b""
                async with asyncio.timeout(self._timeout_s):
                    await self._read()
                data = self._buffer
                octets += len(data)
                if octets > MESSAGE_OCTETS:
                    raise LimitExceeded("POP3 reply", MESSAGE_OCTETS, "message_octets")
                found = (tail + data).find(b"\r\n.\r\n")
                pieces.append(data)
                if found >= 0:
                    end = sum(map(len, pieces[:-1])) + found - len(tail)
                    break
                tail = (tail + data)[-4:]
        whole = b"".join(pieces)
        self._buffer = whole[end + 5 :]
        return whole[: end + 2].replace(b"\r\n.", b"\r\n")[2:]

    async def _read(self) -> None:
        data = await self._reader.read(READ_OCTETS)
        if not data:
            raise ConnectionResetError("the server hung up")
        self._buffer += data
