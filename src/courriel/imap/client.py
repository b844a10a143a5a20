"""A small IMAP client: log in, look, read, put, wait.  RFC 9051; IDLE RFC 2177; LITERAL+ RFC 7888.

For our own commands, tests and measurements; a client with a cache is the mail program's business.  A server that
greets with PREAUTH where TLS was asked for, or speaks before the handshake, is hung up on (AUTH attack row 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Final

from courriel.base.errors import CourrielError, FormatError
from courriel.imap.wire.client_response import Response, Responses, Value, fetch_items

READ_OCTETS: Final = 65_536

COMMAND_S: Final = 120.0
"""Longest wait for an answer; a SEARCH through a large mailbox takes its time."""


class Refused(CourrielError):
    """The server said NO or BAD.  ``text`` is its reason, ``code`` the first word of its response code."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class ImapClient:
    """One connection.  Methods raise Refused, FormatError, TimeoutError or OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._responses = Responses()
        self._commands = 0
        self.untagged: list[Response] = []
        """What the server said besides answers, since the last command began."""

    @classmethod
    async def connect(
        cls, host: str, port: int, tls: ssl.SSLContext | None = None, *, starttls: bool = False
    ) -> ImapClient:
        """Connect; TLS from the first byte, or by STARTTLS, when a context is given."""
        first = tls if tls is not None and not starttls else None
        client = cls(*await asyncio.open_connection(host, port, ssl=first))
        greeting = await client._next()
        if greeting.name == b"BYE":
            raise Refused(_text(greeting))
        if tls is not None and starttls:
            if greeting.name == b"PREAUTH":
                raise FormatError("IMAP greeting", 0, "PREAUTH before TLS")
            await client.command(b"STARTTLS")
            if client._responses.pending:
                raise FormatError("IMAP response", 0, "the server spoke before the TLS handshake")
            await client._writer.start_tls(tls, server_hostname=host)
        return client

    async def command(self, *parts: bytes | Sequence[bytes]) -> Response:
        """Send a command and wait for its answer.

        Parts are joined by spaces; a part given as a list holds one string, sent as a literal.  Untagged responses stay
        in ``untagged``.
        """
        self._commands += 1
        tag = b"c%d" % self._commands
        self.untagged = []
        self._writer.write(tag)
        for part in parts:
            if isinstance(part, bytes):
                self._writer.write(b" " + part)
            else:
                await self._send_literal(tag, part[0])
        self._writer.write(b"\r\n")
        await self._writer.drain()
        return await self._answer(tag)

    async def _send_literal(self, tag: bytes, octets: bytes) -> None:
        """A synchronising literal: the server may refuse before the octets travel."""
        self._writer.write(b" {%d}\r\n" % len(octets))
        await self._writer.drain()
        while (response := await self._next()).tag != b"+":
            if response.tag == tag:
                raise _refusal(response)
            self.untagged.append(response)
        self._writer.write(octets)

    async def _answer(self, tag: bytes) -> Response:
        while (response := await self._next()).tag != tag:
            self.untagged.append(response)
        if response.name != b"OK":
            raise _refusal(response)
        return response

    async def _next(self) -> Response:
        async with asyncio.timeout(COMMAND_S):
            while (response := self._responses.next()) is None:
                data = await self._reader.read(READ_OCTETS)
                if not data:
                    raise ConnectionResetError("the server hung up")
                self._responses.receive(data)
        return response

    # --- what our commands need -----------------------------------------------------------------------------
    async def login(self, user: str, password: str) -> None:
        """Log in with a password.  RFC 9051 §6.2.3."""
        await self.command(b"LOGIN", _astring(user), _astring(password))

    async def select(self, mailbox: str, *, readonly: bool = False) -> int:
        """Open a mailbox; how many messages it has."""
        await self.command(b"EXAMINE" if readonly else b"SELECT", _astring(mailbox))
        return next((one.number for one in self.untagged if one.name == b"EXISTS"), 0)

    async def fetch(self, numbers: str, items: str, *, uid: bool = False) -> list[dict[bytes, Value]]:
        """FETCH; the items of each message, in the order in which they came."""
        await self.command(b"UID FETCH" if uid else b"FETCH", numbers.encode(), items.encode())
        return [fetch_items(one) for one in self.untagged if one.name == b"FETCH"]

    async def search(self, *criteria: bytes | Sequence[bytes], uid: bool = False) -> list[int]:
        """SEARCH; the numbers (or UIDs) found."""
        await self.command(b"UID SEARCH" if uid else b"SEARCH", *criteria)
        found = [number for one in self.untagged if one.name == b"SEARCH" for number in one.values]
        return [int(number) for number in found if isinstance(number, bytes)]

    async def append(self, mailbox: str, message: bytes, flags: Sequence[str] = ()) -> None:
        """Put a message into a mailbox."""
        names = " ".join(flags).encode()
        await self.command(b"APPEND", _astring(mailbox), b"(%b)" % names, [message])

    async def idle(self, until: bytes, timeout_s: float) -> Response:
        """Wait until an untagged response of the name ``until`` is pushed.  Raises TimeoutError."""
        self._commands += 1
        tag = b"c%d" % self._commands
        self._writer.write(tag + b" IDLE\r\n")
        async with asyncio.timeout(timeout_s):
            while (pushed := await self._next()).name != until:
                pass
        self._writer.write(b"DONE\r\n")
        await self._answer(tag)
        return pushed

    async def close(self) -> None:
        """Say good-bye and hang up."""
        with contextlib.suppress(CourrielError, OSError, TimeoutError):
            await self.command(b"LOGOUT")
        self._writer.close()


def _astring(text: str) -> bytes | list[bytes]:
    """A quoted string where the grammar allows it, else a literal.  RFC 9051 §4.3."""
    raw = text.encode()
    if len(raw) < 1_000 and raw.isascii() and raw.decode("ascii").isprintable():
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return [raw]


def _text(response: Response) -> str:
    return response.text.decode("utf-8", "replace")


def _refusal(response: Response) -> Refused:
    word = response.code[0] if response.code else b""
    return Refused(_text(response), word.decode("ascii", "replace") if isinstance(word, bytes) else "")
