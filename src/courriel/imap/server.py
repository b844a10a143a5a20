"""The IMAP server: a service for ``net.listener`` and the dialogue it has with each client.

One command is answered after the other, each in the burst its bytes came in; only those that have to wait become a
task (``net.eager``).  Here are the borders: what a client may send in which state, and what follows when it does not.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import CourrielError, Damaged, FormatError, Unavailable
from courriel.base.log import Level
from courriel.imap import capabilities, replies
from courriel.imap.answers import AnswerCache
from courriel.imap.commands import idle, login
from courriel.imap.peer import Peer, Shared
from courriel.imap.replies import No
from courriel.imap.session import LOGGED_IN, Session, State
from courriel.imap.settings import ImapSettings
from courriel.imap.verbs import VERBS
from courriel.imap.wire import codes
from courriel.imap.wire.fragments import Announced, Command, TooLong
from courriel.imap.wire.grammar import TAG, WHAT
from courriel.imap.wire.plain import decode_base64
from courriel.imap.wire.sets import UidRequired
from courriel.mailboxes.access import Access, Hermit, People
from courriel.model.refusals import AccountDisabled, AuthenticationFailed, Throttled
from courriel.net import eager
from courriel.net.connection import Connection, Dialogue
from courriel.ports.credentials import Authenticator
from courriel.ports.index import TextIndex
from courriel.ports.lessons import Lessons
from courriel.ports.store import MailStore

_HTTP: Final = re.compile(rb"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT|DELETE|PATCH) \S+ HTTP/\d")
_TAGGED: Final = re.compile(rb"([^ ]{1,128}) ((?:UID )?[A-Z]+)", re.IGNORECASE)
WITH_MESSAGES: Final = frozenset({b"APPEND", b"REPLACE", b"UID REPLACE"})
"""Commands with a literal that is a message, and may be as large as one."""
HUGE_LITERAL_FACTOR: Final = 4
"""A refused literal that comes anyway is thrown away up to so many times the largest message; beyond that the
connection is closed (RFC 7888 §4 allows both)."""


APPENDS_IN_A_ROW: Final = 64
"""Most pipelined APPENDs whose ends are waited for together."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """An APPEND that was begun: what is left of it (None: nothing), and where its answer will be."""

    tag: bytes
    rest: Awaitable[None] | None
    answer: list[bytes]


class ImapService:
    """IMAP on one or more listeners."""

    name = "imap"

    def __init__(
        self,
        store: MailStore,
        authenticator: Authenticator,
        settings: ImapSettings | None = None,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        people: People | None = None,
        index: TextIndex | None = None,
        lessons: Lessons | None = None,
    ) -> None:
        """``people``: those who may share mailboxes with each other; ``lessons``: where it is kept what they teach."""
        settings = settings or ImapSettings()
        self.patience_s = settings.login_s
        answers = AnswerCache(settings.answer_cache_octets)
        access = Access(store, people or Hermit())
        clock = clock or SystemClock()
        self._shared = Shared(store, authenticator, clock, settings, tls, answers, access, index, lessons)

    def dialogue(self, connection: Connection) -> Dialogue:
        return ImapDialogue(connection, self._shared)

    def refusal(self) -> bytes:
        return b"* BYE " + codes.UNAVAILABLE + b"Too many connections\r\n"


class ImapDialogue(Peer):
    """The server's half of one connection."""

    __slots__ = ("_login_by",)

    def __init__(self, connection: Connection, shared: Shared) -> None:
        super().__init__(connection, shared)
        self._login_by = connection.loop.time() + shared.settings.login_s

    # --- net.connection's side ----------------------------------------------------------------------------------
    def opened(self) -> None:
        self.write(b"* OK [CAPABILITY %b] Courriel ready\r\n" % capabilities.of(self))

    async def received(self, data: bytes) -> None:
        await self._serve(data)
        if self._late or self.notice is not None:
            await self.catch_up()

    async def _serve(self, data: bytes) -> None:
        if not data:
            self.connection.close()
            return
        fragments, connection = self.fragments, self.connection
        fragments.feed(data)
        if self.session.account is None:
            connection.deadline = min(connection.deadline, self._login_by)
        begun: list[_Begun] = []
        while not connection.closing:
            if connection.congested:  # a hundred pipelined FETCHes must not pile up their answers here
                await connection.drain()
            if self.idle_tag is not None or self.exchange is not None:
                line = fragments.next_line()
                if line is None:
                    self._refuse_endless_line()
                    return
                await self._line(line)
                continue
            event = fragments.next()
            if isinstance(event, Command) and event.literals and self._begin_append(event, begun):
                continue
            if begun and not (isinstance(event, Announced) and not event.waits):
                await self._finish_appends(begun)
            if event is None:
                return
            if isinstance(event, Command):
                await self._command(event)
            elif isinstance(event, Announced):
                await self._announced(event)
            else:
                self._too_long(event)
        await self._finish_appends(begun)

    def expired(self) -> None:
        self.write(b"* BYE Autologout, you were silent for too long\r\n")

    def stopping(self) -> None:
        self.write(b"* BYE The server stops\r\n")

    def failed(self) -> None:
        self.write(b"* BYE " + codes.SERVERBUG + b"Internal error\r\n")

    def closed(self) -> None:
        self.release()
        if self.exchange is not None:
            self.exchange.abort()
            self.exchange = None
        if self.notice is not None:
            self.notice.stop()
        self.deselect()

    def unauthenticate(self) -> None:
        super().unauthenticate()
        connection, settings = self.connection, self.shared.settings
        connection.patience_s = settings.login_s
        self._login_by = connection.loop.time() + settings.login_s
        connection.touch()
        connection.trace = None  # it may have been that of the account
        connection.event("imap.unauthenticate")

    # --- one command --------------------------------------------------------------------------------------------
    async def _command(self, command: Command) -> None:
        text = command.text
        tag, _, rest = text.partition(b" ")
        name = rest.partition(b" ")[0]
        verb = VERBS.get(name)
        if verb is None:
            name = name.upper()
            verb = VERBS.get(name)
        pos = len(tag) + 1 + len(name)
        if verb is None and name == b"UID":
            second = rest[4:].partition(b" ")[0]
            verb = VERBS.get(b"UID " + second.upper())
            pos += 1 + len(second)
        session = self.session
        if not tag.isalnum() and not TAG.match(tag):
            self._broken(b"*", b"BAD A command begins with a tag", text)
            return
        if verb is None:
            self._broken(tag, b"BAD Unknown command", text)
            return
        if session.state not in verb.states:
            self._broken(tag, b"BAD Not in this state", text)
            return
        if session.owner is not None and not self.may_stay():
            return
        self.tag = tag
        if session.uidonly and verb.by_seq:
            self._answer(replies.reply(UidRequired(WHAT, 0, "sequence numbers are switched off")))
            return
        try:
            answer = await verb.run(self, verb.parse(command, pos, session.utf8))
            session.bad_commands = 0
        except CourrielError as error:
            answer = self._refused(error)
        finally:
            self.release()
        if self.numbers is not None and self.idle_tag is None:
            if self.contexts or self.notice is not None:
                await self.report(not verb.keeps_seqs, verb.by_uid)
            else:
                self.tell(not verb.keeps_seqs, verb.by_uid)
        if answer:
            self._answer(answer)
            if self.starting_tls:
                await self._start_tls()
            elif self.starting_deflate:
                self._start_deflate()

    # --- APPENDs in a row -----------------------------------------------------------------------------------------
    def _begin_append(self, command: Command, begun: list[_Begun]) -> bool:
        """Begin an APPEND without waiting for its end, when the client sends several in a row (LITERAL+).

        The store then writes them together: one flush to the disk for all, as for mail of several clients.  They
        get their places, and their answers, in the order they came.  False: it is no such command.
        """
        tag, _, rest = command.text.partition(b" ")
        if rest[:7].upper() != b"APPEND " or self.session.state not in LOGGED_IN or not tag.isalnum():
            return False
        if len(begun) >= APPENDS_IN_A_ROW or b"CATENATE" in command.text.upper():
            return False  # what is put together from stored messages holds several of them in memory
        answer: list[bytes] = []
        begun.append(_Begun(tag, eager.start(self._append(command, len(tag) + 7, answer)), answer))
        return True

    async def _append(self, command: Command, pos: int, answer: list[bytes]) -> None:
        verb = VERBS[b"APPEND"]
        try:
            answer.append(await verb.run(self, verb.parse(command, pos, self.session.utf8)))
            self.session.bad_commands = 0
        except CourrielError as error:
            answer.append(self._refused(error))

    async def _finish_appends(self, begun: list[_Begun]) -> None:
        """Wait for each, and answer."""
        for one in begun:
            if one.rest is not None:
                await one.rest
            self.tag = one.tag
            if self.numbers is not None:
                await self.report(expunges=True)
            self._answer(one.answer[0])
        begun.clear()
        self.release()

    def _answer(self, answer: bytes) -> None:
        """The tagged reply; the connection's end, if that follows from it."""
        self.connection.write(b"%b %b\r\n" % (self.tag, answer))
        if self.session.state is State.LOGOUT or self._is_tired():
            self.connection.close()

    def _is_tired(self) -> bool:
        """Whether the client has failed too often; it is told."""
        session, settings = self.session, self.shared.settings
        if not session.failed_logins and not session.bad_commands:
            return False
        if session.failed_logins >= settings.login_failures:
            self.write(b"* BYE Too many failed logins\r\n")
            return True
        known = session.state is not State.NOT_AUTHENTICATED
        if session.bad_commands >= (settings.bad_commands if known else settings.login_bad_commands):
            self.write(b"* BYE Too many bad commands\r\n")
            return True
        return False

    def _refused(self, error: CourrielError) -> bytes:
        """The tagged reply for an error; counts what a client may not do for ever."""
        if isinstance(error, (AuthenticationFailed, AccountDisabled, Throttled)):
            self.session.failed_logins += 1
        elif isinstance(error, FormatError):
            self.session.bad_commands += 1
        elif isinstance(error, (Damaged, Unavailable)):
            self.connection.event("imap.command.failed", Level.ERROR, error=str(error))
        return replies.reply(error)

    def _broken(self, tag: bytes, answer: bytes, text: bytes) -> None:
        """A command that cannot be told what it is."""
        self.session.bad_commands += 1
        if self.session.state is State.NOT_AUTHENTICATED and _HTTP.match(text):
            self.write(b"* BYE This is a mail server\r\n")
            self.connection.close()
            return
        self.write(b"%b %b\r\n" % (tag, answer))
        if self._is_tired():
            self.connection.close()

    # --- lines that are no commands -----------------------------------------------------------------------------
    async def _line(self, line: bytes) -> None:
        if len(line) > self.fragments.line_limit:
            self._end_badly()
        elif self.idle_tag is not None:
            self.tag = self.idle_tag
            self._answer(await idle.done(self, line))
        else:
            await self._sasl(line)

    def _refuse_endless_line(self) -> None:
        if self.fragments.line_too_long:
            self._end_badly()

    def _end_badly(self) -> None:
        self.write(b"* BYE The line is too long\r\n")
        self.connection.close()

    async def _sasl(self, line: bytes) -> None:
        """A response in a running exchange; ``*`` takes it back.  RFC 9051 §6.2.2."""
        exchange, self.exchange = self.exchange, None
        finishing, self.finishing = self.finishing, None
        assert exchange is not None
        if line == b"*":
            exchange.abort()
            self._answer(b"BAD Authentication was taken back")
            return
        try:
            response = decode_base64(line)
            if finishing is not None:
                answer = login.enter(self, finishing)
            else:
                answer = await login.step(self, exchange, response)
        except CourrielError as error:
            exchange.abort()
            answer = self._refused(error)
        if answer:
            self._answer(answer)

    async def _start_tls(self) -> None:
        """Nothing that was said in clear counts any more.  RFC 9051 §6.2.1."""
        self.starting_tls = False
        assert self.shared.tls is not None
        self.fragments.clear()
        self.session = Session()
        try:
            await self.connection.start_tls(self.shared.tls)
        except (OSError, ssl.SSLError) as error:
            self.connection.event("imap.starttls.failed", Level.WARNING, error=type(error).__name__)
            self.connection.abort()

    def _start_deflate(self) -> None:
        """What came behind the command is compressed already.  RFC 4978 §3."""
        self.starting_deflate = False
        self.connection.start_deflate(self.fragments.take_rest(), b"* BYE This cannot be inflated\r\n")

    # --- literals -----------------------------------------------------------------------------------------------
    async def _announced(self, announced: Announced) -> None:
        """Take a literal, or say why not before its octets come."""
        refusal = self._judge(announced)
        if refusal is None:
            self.fragments.accept()
            if announced.waits:
                self.write(b"+ OK\r\n")
            return
        match = _TAGGED.match(announced.so_far)
        tag = match[1] if match and TAG.match(match[1]) else b"*"
        self.release()
        self.session.bad_commands += 1
        limit = self.shared.settings.append_octets * HUGE_LITERAL_FACTOR
        if not announced.waits and (self.session.state is State.NOT_AUTHENTICATED or announced.octets > limit):
            self.write(b"%b %b\r\n* BYE The literal is too large\r\n" % (tag, refusal))
            self.connection.close()
            return
        self.fragments.skip(comes=not announced.waits)
        self.write(b"%b %b\r\n" % (tag, refusal))
        if self._is_tired():
            self.connection.close()

    def _judge(self, announced: Announced) -> bytes | None:
        """None: it may come.  Limits: RFC 7888 §5 before login, APPENDLIMIT (RFC 7889) for messages."""
        settings, octets = self.shared.settings, announced.octets
        if self.session.state is State.NOT_AUTHENTICATED:
            if octets > settings.login_literal_octets or announced.literals >= 3:
                return b"BAD " + codes.TOOBIG + b"The literal is too large"
            return None
        match = _TAGGED.match(announced.so_far)
        if match is None or match[2].upper() not in WITH_MESSAGES:
            self.reserved += octets
            self.shared.appending_octets += octets
            if self.reserved > settings.literal_octets:
                return b"BAD " + codes.TOOBIG + b"The literal is too large"
            return None
        if octets > settings.append_octets:
            return b"NO " + codes.TOOBIG + b"The message is larger than %d octets" % settings.append_octets
        if self.reserved + octets > settings.append_octets * 2 and announced.literals:
            return b"NO " + codes.LIMIT + b"Too much in one command"
        try:
            self.reserve(octets)
        except No as refusal:
            return b"NO " + refusal.text
        return None

    def _too_long(self, event: TooLong) -> None:
        match = _TAGGED.match(event.so_far)
        tag = match[1] if match and TAG.match(match[1]) else b"*"
        self.release()
        self.session.bad_commands += 1
        if self.session.state is State.NOT_AUTHENTICATED:
            self._end_badly()
            return
        self.write(b"%b BAD " % tag + codes.TOOBIG + b"The command is too long\r\n")
        if self._is_tired():
            self.connection.close()
