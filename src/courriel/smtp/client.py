"""An SMTP client: hands one message after another to a server.  RFC 5321 §3, §4.5.3.2; RFC 2920; RFC 4954.

For our own commands and tests; routing, retries and policy belong to the relay.  Safe against the server: replies are
bounded, nothing that came in clear is believed after STARTTLS, and no password travels without TLS (AUTH attack rows
3, 4).  What is sent has CRLF line ends only, so it cannot be smuggled (row 1).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
from collections.abc import Sequence
from typing import Final

import msgspec

from courriel.base.errors import CourrielError, FormatError
from courriel.formats.message.canonical import has_bare_cr_or_lf, to_crlf
from courriel.formats.path import Path, parse_path
from courriel.smtp import scram
from courriel.smtp.wire.data import stuff
from courriel.smtp.wire.reply import Answer, AnswerReader

READ_OCTETS: Final = 65_536

REPLY_S: Final = 300.0
"""Longest wait for a reply.  RFC 5321 §4.5.3.2: 5 minutes for most commands."""

CONTENT_REPLY_S: Final = 600.0
"""Longest wait for the reply to a whole message.  RFC 5321 §4.5.3.2.6."""

QUIT_S: Final = 5.0
"""Longest wait for the answer to QUIT: everything that matters was said before."""


class Refused(CourrielError):
    """The server refused a command: ``code`` and text of its reply."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.code} {answer.text}")
        self.code = answer.code
        self.text = answer.text


class Outcome(msgspec.Struct, frozen=True):
    """What the server said to one recipient; ``answer`` of the message itself for those it took."""

    recipient: str
    answer: Answer

    @property
    def taken(self) -> bool:
        return self.answer.code < 300


class SmtpClient:
    """One connection.  Methods raise Refused, FormatError, TimeoutError or OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._reader = reader
        self._writer = writer
        self._name = name
        self._buffer = b""
        self._answers = AnswerReader()
        self.secure = False
        self.extensions: dict[str, str] = {}
        """What EHLO offered: keyword in capitals → parameters."""

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: bool = False,
        name: str = "localhost",
    ) -> SmtpClient:
        """Connect and greet; with a context TLS from the first byte, or by STARTTLS."""
        first = tls if tls is not None and not starttls else None
        client = cls(*await asyncio.open_connection(host, port, ssl=first), name)
        client.secure = first is not None
        try:
            client._expect(await client._answer(), 220)
            await client._ehlo()
            if tls is not None and starttls:
                await client._start_tls(tls, host)
        except BaseException:
            client._writer.close()
            raise
        return client

    async def _start_tls(self, context: ssl.SSLContext, host: str) -> None:
        self._expect(await self._command(b"STARTTLS"), 220)
        if self._buffer:
            raise FormatError("SMTP reply", 0, "the server spoke before the TLS handshake")
        await self._writer.start_tls(context, server_hostname=host)
        self.secure = True
        await self._ehlo()

    async def _ehlo(self) -> None:
        answer = await self._command(b"EHLO " + self._name.encode("ascii"))
        self._expect(answer, 250)
        words = [line.partition(" ") for line in answer.lines[1:]]
        self.extensions = {keyword.upper(): parameters for keyword, _, parameters in words}

    async def login(self, user: str, password: str) -> None:
        """AUTH by the best mechanism on offer: SCRAM-SHA-256, PLAIN (RFC 4616), LOGIN.  Refused here without TLS."""
        if not self.secure:
            raise FormatError("SMTP login", -1, "no password without TLS")
        if "\0" in user + password:
            raise FormatError("SMTP login", -1, "RFC 4616 §2: no NUL")
        offered = self.extensions.get("AUTH", "").upper().split()
        if scram.MECHANISM in offered:
            await self._login_by_scram(user, password)
        elif "LOGIN" in offered and "PLAIN" not in offered:
            await self._challenge(b"AUTH LOGIN")
            await self._challenge(base64.b64encode(user.encode()))
            self._expect(await self._command(base64.b64encode(password.encode())), 235)
        else:
            secret = base64.b64encode(b"\0%b\0%b" % (user.encode(), password.encode()))
            self._expect(await self._command(b"AUTH PLAIN " + secret), 235)

    async def _login_by_scram(self, user: str, password: str) -> None:
        exchange = scram.ScramClient(user, password, os.urandom(scram.NONCE_OCTETS))
        first = b"AUTH SCRAM-SHA-256 " + base64.b64encode(exchange.first())
        server_first = await self._challenge(first)
        # A server that says 235 here has not shown that it knows the key: that is not taken for a login.
        exchange.check(await self._challenge(base64.b64encode(exchange.final(server_first))))
        self._expect(await self._command(b""), 235)

    async def _challenge(self, line: bytes) -> bytes:
        """Send a line of a login; what the server asks next, decoded.  Raises Refused."""
        answer = await self._command(line)
        self._expect(answer, 334)
        try:
            return base64.b64decode(answer.text, validate=True)
        except ValueError:
            raise FormatError("SMTP login", 0, "RFC 4954 §4: base64") from None

    async def send(self, sender: str, recipients: Sequence[str], message: bytes) -> list[Outcome]:
        """Hand over one message; what became of each recipient.

        MAIL, RCPTs and DATA travel together where the server offers PIPELINING.  Raises Refused when the sender, all
        recipients or the message is refused.
        """
        reverse, forward = _path(sender), [_path(recipient) for recipient in recipients]
        content = to_crlf(message)
        if has_bare_cr_or_lf(content):
            raise FormatError("message", -1, "a CR or LF stands alone")
        commands = [self._mail(reverse, forward, content)]
        commands += [b"RCPT TO:" + path.to_smtp() for path in forward]
        answers = await self._commands([*commands, b"DATA"])
        mail, data = answers[0], answers[-1]
        said = answers[1:-1]
        if data.code == 354:
            taken = mail.code < 300 and any(answer.code < 300 for answer in said)
            final = await self._content(content if taken else b"")
        elif data.code < 400:  # "250" to DATA: nothing was sent, so nothing was taken
            raise FormatError("SMTP reply", -1, "RFC 5321 §4.1.1.4: 354 or a refusal")
        else:
            final = data
        for answer in (mail, *(answer for answer in said if all(other.code >= 300 for other in said)), final):
            if answer.code >= 300:
                await self._reset()
                raise Refused(answer)
        return [
            Outcome(recipient, answer if answer.code >= 300 else final)
            for recipient, answer in zip(recipients, said, strict=True)
        ]

    def _mail(self, reverse: Path, forward: Sequence[Path], content: bytes) -> bytes:
        line = b"MAIL FROM:" + reverse.to_smtp()
        if "SIZE" in self.extensions:
            line += b" SIZE=%d" % len(content)
        if "8BITMIME" in self.extensions and not content.isascii():
            line += b" BODY=8BITMIME"
        if not all(path.to_smtp().isascii() for path in (reverse, *forward)):
            if "SMTPUTF8" not in self.extensions:
                raise FormatError("address", -1, "the server does not take addresses outside ASCII (SMTPUTF8)")
            line += b" SMTPUTF8"
        return line

    async def _content(self, content: bytes) -> Answer:
        """The octets after 354.  Nothing (an empty message) when no recipient was taken: RFC 2920 §3.1."""
        self._writer.write(stuff(content))
        await self._writer.drain()
        return await self._answer(CONTENT_REPLY_S)

    async def _reset(self) -> None:
        """Make ready for another message.  A server that hangs up now has said why before; that is what is told."""
        with contextlib.suppress(CourrielError, OSError):
            await self._command(b"RSET")

    async def _commands(self, lines: Sequence[bytes]) -> list[Answer]:
        if "PIPELINING" not in self.extensions:
            return [await self._command(line) for line in lines]
        self._writer.write(b"".join(line + b"\r\n" for line in lines))
        await self._writer.drain()
        return [await self._answer() for _line in lines]

    async def _command(self, line: bytes, timeout_s: float = REPLY_S) -> Answer:
        self._writer.write(line + b"\r\n")
        await self._writer.drain()
        return await self._answer(timeout_s)

    async def _answer(self, timeout_s: float = REPLY_S) -> Answer:
        async with asyncio.timeout(timeout_s):
            while True:
                while (end := self._buffer.find(b"\n")) >= 0:
                    line, self._buffer = self._buffer[:end].removesuffix(b"\r"), self._buffer[end + 1 :]
                    answer = self._answers.line(line)
                    if answer is not None:
                        return answer
                if len(self._buffer) > READ_OCTETS:
                    raise FormatError("SMTP reply", len(self._buffer), "a line without end")
                data = await self._reader.read(READ_OCTETS)
                if not data:
                    raise ConnectionResetError("the server hung up")
                self._buffer += data

    @staticmethod
    def _expect(answer: Answer, code: int) -> None:
        if answer.code != code:
            raise Refused(answer)

    async def close(self) -> None:
        """Say good-bye and hang up."""
        with contextlib.suppress(CourrielError, OSError, TimeoutError):
            await self._command(b"QUIT", QUIT_S)
        self._writer.close()


def _path(address: str) -> Path:
    return parse_path(b"<%b>" % address.encode(), smtputf8=True)
