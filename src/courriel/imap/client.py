"""An IMAP client: every command a mail program needs, over one connection.  RFC 9051, RFC 3501.

CONDSTORE and QRESYNC RFC 7162; IDLE RFC 2177; MOVE RFC 6851; UIDPLUS RFC 4315; SPECIAL-USE RFC 6154; LITERAL- RFC 7888.

A server may be anybody's.  One that greets with PREAUTH where TLS was asked for, or speaks before the handshake, is
hung up on (AUTH attack row 3); a password is never sent in clear but to this machine; all that is kept of its answers
is bounded.  What to fetch, and what is known already, is the caller's to remember.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from courriel.base.errors import CourrielError, FormatError, LimitExceeded
from courriel.base.networks import is_loopback
from courriel.formats import dates, mutf7
from courriel.imap.wire import client_values
from courriel.imap.wire.client_response import Response, Responses, Value, fetch_items
from courriel.imap.wire.client_values import Listed, Selected, uid_sets
from courriel.net.upgrade import upgrade

READ_OCTETS: Final = 262_144

CONNECT_S: Final = 30.0
"""Longest wait for a connection and its greeting."""

COMMAND_S: Final = 120.0
"""Longest wait for an answer; a SEARCH through a large mailbox takes its time."""

AHEAD_OCTETS: Final = 4 * 1024 * 1024
"""What may arrive while the caller is busy with what came before."""

ANSWER_OCTETS: Final = 256 * 1024 * 1024
"""Most that is kept of the untagged responses to one command: a large message and what comes with it."""

ANSWER_RESPONSES: Final = 500_000
"""Most untagged responses kept: FLAGS of a mailbox of half a million messages."""

MAILBOX_MESSAGES: Final = 5_000_000
"""Most messages of one mailbox; some 200 octets of memory for each."""

NEWCOMERS: Final = 10_000
"""Messages that may come to a mailbox while its flags are listed."""

Part = bytes | Sequence[bytes]
"""A piece of a command: octets as they are, or one string to be sent as a literal."""


class Refused(CourrielError):
    """The server said NO, BAD or BYE.  ``text`` is its reason, ``code`` the first word of its response code."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class CleartextRefused(CourrielError):
    """A password was about to be sent in clear over a network."""


class ImapClient:
    """One connection.  Methods raise Refused, FormatError, TimeoutError or OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._responses = Responses()
        self._commands = 0
        self._began = 0
        self._secure = False
        self._capabilities: frozenset[str] | None = None
        self.untagged: list[Response] = []
        """What the server said besides answers, since the last command began."""

    @classmethod
    async def connect(
        cls, host: str, port: int, tls: ssl.SSLContext | None = None, *, starttls: bool = False
    ) -> ImapClient:
        """Connect; TLS from the first byte, or by STARTTLS, when a context is given."""
        first = tls if tls is not None and not starttls else None
        async with asyncio.timeout(CONNECT_S):
            client = cls(*await asyncio.open_connection(host, port, ssl=first, limit=AHEAD_OCTETS))
            try:
                await client._greeted(tls, host, starttls)
            except BaseException:
                client.abandon()
                raise
        return client

    async def _greeted(self, tls: ssl.SSLContext | None, host: str, starttls: bool) -> None:
        greeting = await self._next()
        if greeting.tag != b"*" or greeting.name not in (b"OK", b"PREAUTH"):
            raise (
                Refused(_text(greeting)) if greeting.name == b"BYE" else FormatError("IMAP greeting", 0, "no greeting")
            )
        self._secure = tls is not None and not starttls
        self._capabilities = client_values.capabilities(greeting)
        if tls is not None and starttls:
            if greeting.name == b"PREAUTH":
                raise FormatError("IMAP greeting", 0, "PREAUTH before TLS")
            await self.command(b"STARTTLS")
            if self._responses.pending:
                raise FormatError("IMAP response", 0, "the server spoke before the TLS handshake")
            await upgrade(self._reader, self._writer, tls, host)
            self._responses = Responses()
            self._secure, self._capabilities, self.untagged = True, None, []

    # --- commands and answers ---------------------------------------------------------------------------------
    async def command(self, *parts: Part) -> Response:
        """Send a command and wait for its answer; untagged responses stay in ``untagged``.  Parts go with a space
        between."""
        tag = await self._send(*parts)
        return await self._answer(tag)

    async def _send(self, *parts: Part) -> bytes:
        self._commands += 1
        tag = b"c%d" % self._commands
        self.untagged = []
        self._began = self._responses.taken_octets
        self._writer.write(tag)
        for part in parts:
            if isinstance(part, bytes):
                self._writer.write(b" " + part)
            else:
                await self._send_literal(tag, part[0])
        self._writer.write(b"\r\n")
        await self._writer.drain()
        return tag

    async def _send_literal(self, tag: bytes, octets: bytes) -> None:
        """A synchronising literal: the server may refuse before the octets travel."""
        self._writer.write(b" {%d}\r\n" % len(octets))
        await self._writer.drain()
        while (response := await self._next()).tag != b"+":
            if response.tag == tag:
                raise _refusal(response)
            self._keep(response)
        self._writer.write(octets)

    async def _answer(self, tag: bytes) -> Response:
        while (response := await self._next()).tag != tag:
            self._keep(response)
        if response.name != b"OK":
            raise _refusal(response)
        return response

    def _keep(self, response: Response) -> None:
        if len(self.untagged) >= ANSWER_RESPONSES:
            raise LimitExceeded("IMAP answer", -1, "client.answer_responses")
        if self._responses.taken_octets - self._began > ANSWER_OCTETS:
            raise LimitExceeded("IMAP answer", -1, "client.answer_octets")
        found = client_values.capabilities(response)
        if found is not None:
            self._capabilities = found
        self.untagged.append(response)

    async def _next(self) -> Response:
        async with asyncio.timeout(COMMAND_S):
            while (response := self._responses.next()) is None:
                data = await self._reader.read(READ_OCTETS)
                if not data:
                    raise ConnectionResetError("the server hung up")
                self._responses.receive(data)
        return response

    # --- getting in -------------------------------------------------------------------------------------------
    async def capabilities(self) -> frozenset[str]:
        """What the server can do, in upper case."""
        if self._capabilities is None:
            await self.command(b"CAPABILITY")
        return self._capabilities or frozenset()

    async def login(self, user: str, password: str) -> None:
        """Log in with a password.  RFC 9051 §6.2.3; PLAIN (RFC 4616) where LOGIN is switched off.

        Raises CleartextRefused without TLS, unless the server is this machine's.
        """
        peer = self._writer.get_extra_info("peername")
        if not (self._secure or (peer and is_loopback(str(peer[0])))):
            raise CleartextRefused("the server offers no TLS")
        if "LOGINDISABLED" in await self.capabilities():
            await self._authenticate_plain(user, password)
        else:
            answer = await self.command(b"LOGIN", astring(user), astring(password))
            self._capabilities = client_values.capabilities(answer)

    async def _authenticate_plain(self, user: str, password: str) -> None:
        tag = await self._send(b"AUTHENTICATE", b"PLAIN")
        while (response := await self._next()).tag != b"+":
            if response.tag == tag:
                raise _refusal(response)
            self._keep(response)
        self._writer.write(base64.b64encode(f"\0{user}\0{password}".encode()) + b"\r\n")
        self._capabilities = client_values.capabilities(await self._answer(tag))

    async def enable(self, *extensions: str) -> None:
        """ENABLE.  RFC 9051 §6.3.1."""
        await self.command(b"ENABLE", " ".join(extensions).encode())

    # --- mailboxes --------------------------------------------------------------------------------------------
    async def mailboxes(self) -> list[Listed]:
        """All of LIST, with special uses where the server knows them."""
        known = await self.capabilities()
        returns = [b"RETURN (SPECIAL-USE)"] if {"LIST-EXTENDED", "SPECIAL-USE"} <= known else []
        await self.command(b"LIST", b'""', b'"*"', *returns)
        return client_values.listed(self.untagged)

    async def subscribed(self) -> set[bytes]:
        """Names of the mailboxes subscribed to."""
        if "IMAP4REV2" in (known := await self.capabilities()) and "IMAP4REV1" not in known:
            await self.command(b"LIST (SUBSCRIBED)", b'""', b'"*"')
            return {one.name for one in client_values.listed(self.untagged)}
        await self.command(b"LSUB", b'""', b'"*"')
        return {one.name for one in client_values.listed(self.untagged, b"LSUB")}

    async def namespaces(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Prefixes of one's own mailboxes, and of all others."""
        if "NAMESPACE" not in await self.capabilities():
            return (), ()
        await self.command(b"NAMESPACE")
        return client_values.personal_prefixes(self.untagged)

    async def open(
        self, mailbox: str | bytes, *, readonly: bool = False, since: tuple[int, int] | None = None
    ) -> Selected:
        """SELECT or EXAMINE.  With ``since`` (UIDVALIDITY, modseq), what has changed since is in ``untagged`` as
        VANISHED and FETCH responses (QRESYNC, which must be enabled).  RFC 7162 §3.2.5."""
        options = [] if since is None else [b"(QRESYNC (%d %d))" % since]
        answer = await self.command(b"EXAMINE" if readonly else b"SELECT", name_of(mailbox), *options)
        return client_values.selected(self.untagged, answer)

    async def select(self, mailbox: str | bytes, *, readonly: bool = False) -> int:
        """Open a mailbox; how many messages it has."""
        return (await self.open(mailbox, readonly=readonly)).exists

    async def create(self, mailbox: str | bytes) -> None:
        await self.command(b"CREATE", name_of(mailbox))

    # --- messages ---------------------------------------------------------------------------------------------
    async def fetch(self, numbers: str, items: str, *, uid: bool = False) -> list[dict[bytes, Value]]:
        """FETCH; the items of each message, in the order in which they came."""
        await self.command(b"UID FETCH" if uid else b"FETCH", numbers.encode(), items.encode())
        return [fetch_items(one) for one in self.untagged if one.name == b"FETCH"]

    async def each(self, uids: Sequence[int], items: str) -> AsyncIterator[dict[bytes, Value]]:
        """UID FETCH of any number of messages (ascending UIDs), each as it comes; nothing is collected.

        Each message that was asked for comes once at most, whatever the server sends besides.  The next command is
        under way before the last one is answered, so that the server never waits for us.  The iteration must be gone
        through to its end before another command is given.
        """
        wanted, waiting = set(uids), list[bytes]()
        for numbers in uid_sets(uids):
            waiting.append(await self._send(b"UID FETCH", numbers, items.encode()))
            while len(waiting) > 1:
                async for found in self._fetched(waiting.pop(0), wanted, items):
                    yield found
        for tag in waiting:
            async for found in self._fetched(tag, wanted, items):
                yield found

    async def _fetched(self, tag: bytes, wanted: set[int], asked: str) -> AsyncIterator[dict[bytes, Value]]:
        with_octets = b"BODY[]" if "BODY" in asked else b"UID"
        while (response := await self._next()).tag != tag:
            found = fetch_items(response) if response.name == b"FETCH" else {}
            if with_octets in found and b"UID" in found and (uid := client_values.number(found[b"UID"])) in wanted:
                wanted.discard(uid)
                self._began = self._responses.taken_octets
                yield found
            else:
                self._keep(response)
        if response.name != b"OK":
            raise _refusal(response)

    async def flags(self, most: int) -> dict[int, list[Value]]:
        """Flags of all messages of the open mailbox by UID, of ``most`` at most (as SELECT counted them, and some that
        came since).  Raises LimitExceeded."""
        found: dict[int, list[Value]] = {}
        tag = await self._send(b"UID FETCH", b"1:*", b"(UID FLAGS)")
        while (response := await self._next()).tag != tag:
            items = fetch_items(response) if response.name == b"FETCH" else {}
            if b"UID" in items:
                flags = items.get(b"FLAGS")
                found[client_values.number(items[b"UID"])] = flags if isinstance(flags, list) else []
                if len(found) > min(most + NEWCOMERS, MAILBOX_MESSAGES):
                    raise LimitExceeded("IMAP answer", -1, "client.mailbox_messages")
                self._began = self._responses.taken_octets
            else:
                self._keep(response)
        if response.name != b"OK":
            raise _refusal(response)
        return found

    async def search(self, *criteria: Part, uid: bool = False) -> list[int]:
        """SEARCH; the numbers (or UIDs) found."""
        await self.command(b"UID SEARCH" if uid else b"SEARCH", *criteria)
        found = [number for one in self.untagged if one.name == b"SEARCH" for number in one.values]
        return [client_values.number(number) for number in found]

    async def change_flags(self, uids: Sequence[int], change: str, flags: Iterable[str]) -> None:
        """UID STORE; ``change`` is "+", "-" or "" (all anew)."""
        names = " ".join(flags).encode()
        for numbers in uid_sets(uids):
            await self.command(b"UID STORE", numbers, change.encode() + b"FLAGS.SILENT", b"(%b)" % names)

    async def move(self, uids: Sequence[int], mailbox: str | bytes) -> None:
        """UID MOVE, or COPY and EXPUNGE where the server cannot.  RFC 6851 §3.3."""
        known = await self.capabilities()
        for numbers in uid_sets(uids):
            if "MOVE" in known or "IMAP4REV2" in known:
                await self.command(b"UID MOVE", numbers, name_of(mailbox))
            else:
                await self.command(b"UID COPY", numbers, name_of(mailbox))
                await self.command(b"UID STORE", numbers, b"+FLAGS.SILENT", b"(\\Deleted)")
                if "UIDPLUS" in known:  # else others' deleted messages would go too: they stay marked
                    await self.command(b"UID EXPUNGE", numbers)

    async def append(
        self, mailbox: str | bytes, message: bytes, flags: Sequence[str] = (), received_at: float | None = None
    ) -> tuple[int, int] | None:
        """Put a message into a mailbox; its (UIDVALIDITY, UID) where the server tells (RFC 4315 §3)."""
        names = " ".join(flags).encode()
        date = [] if received_at is None else [dates.render_internal(received_at)]
        answer = await self.command(b"APPEND", name_of(mailbox), b"(%b)" % names, *date, [message])
        code = answer.code
        if len(code) == 3 and isinstance(code[0], bytes) and code[0].upper() == b"APPENDUID":
            return client_values.number(code[1]), client_values.number(code[2])
        return None

    async def idle(self, until: bytes, timeout_s: float) -> Response:
        """Wait until an untagged response of the name ``until`` is pushed.  Raises TimeoutError."""
        tag = await self._send(b"IDLE")
        async with asyncio.timeout(timeout_s):
            while (pushed := await self._next()).name != until:
                if pushed.tag == tag:
                    raise _refusal(pushed)
        self._writer.write(b"DONE\r\n")
        await self._answer(tag)
        return pushed

    async def close(self) -> None:
        """Say good-bye and hang up."""
        with contextlib.suppress(CourrielError, OSError, TimeoutError):
            await self.command(b"LOGOUT")
        self.abandon()

    def abandon(self) -> None:
        """Hang up."""
        self._writer.close()


def name_of(mailbox: str | bytes) -> Part:
    """A mailbox name for a command: as a person wrote it, or as the server gave it."""
    return astring(mutf7.encode(mailbox) if isinstance(mailbox, str) else mailbox)


def astring(text: str | bytes) -> Part:
    """A quoted string where the grammar allows it, else a literal.  RFC 9051 §4.3."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) < 1_000 and raw.isascii() and raw.decode("ascii").isprintable():
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return [raw]


def _text(response: Response) -> str:
    return response.text.decode("utf-8", "replace")


def _refusal(response: Response) -> Refused:
    word = response.code[0] if response.code else b""
    return Refused(_text(response), word.decode("ascii", "replace") if isinstance(word, bytes) else "")
