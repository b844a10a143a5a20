"""POP3 over a connection: lines in, commands run in order, replies out in one write a burst.

Bytes and order only: what a command does is commands.py's business, what the wire looks like wire.py's.
"""

from __future__ import annotations

import ssl
from typing import Final

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError, FormatError
from courriel.base.log import log
from courriel.net.connection import Connection, Dialogue
from courriel.pop3 import commands, replies, wire
from courriel.pop3.session import State
from courriel.pop3.settings import Pop3Settings
from courriel.pop3.talk import MaildropLocks, Services, Talk
from courriel.pop3.verbs import VERBS, Takes
from courriel.ports.credentials import Authenticator
from courriel.ports.maildrops import MaildropBook
from courriel.ports.store import MailStore

GREETING: Final = wire.ok(b"Courriel POP3 ready")

OTHER_PROTOCOLS: Final = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"EHLO", b"HELO"})
"""Who says this came to the wrong door, or was sent by a web page: one answer, and good-bye."""


class Pop3Service:
    """Makes a dialogue for each connection.  Several listeners may share it, and then share its locks."""

    name = "pop3"

    def __init__(
        self,
        store: MailStore,
        authenticator: Authenticator,
        maildrops: MaildropBook,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
        settings: Pop3Settings | None = None,
        locks: MaildropLocks | None = None,
    ) -> None:
        """``tls`` is for STLS; listeners with TLS from the first byte have their own."""
        settings = settings or Pop3Settings()
        self.patience_s = settings.patience_s
        self._services = Services(store, authenticator, tls, settings, maildrops, clock, locks or MaildropLocks())

    def dialogue(self, connection: Connection) -> Dialogue:
        return Pop3Dialogue(connection, self._services)

    def refusal(self) -> bytes:
        return replies.TOO_MANY_CONNECTIONS


class Pop3Dialogue:
    """One client."""

    __slots__ = ("_login_by", "_talk")

    def __init__(self, connection: Connection, services: Services) -> None:
        self._talk = Talk(connection, services)
        self._login_by = connection.loop.time() + services.settings.login_s

    def opened(self) -> None:
        self._talk.reply(GREETING)

    async def received(self, data: bytes) -> None:
        talk = self._talk
        connection = talk.connection
        if not data:  # it went without QUIT: nothing is deleted
            connection.close()
            return
        if talk.session.state is State.AUTHORIZATION and connection.loop.time() > self._login_by:
            self.expired()
            connection.close()
            return
        lines = talk.lines
        lines.feed(data)
        while not connection.closing:
            line = lines.next()
            if line is None:
                return
            if isinstance(line, wire.TooLong):
                self._too_long()
            elif talk.exchange is not None:
                await commands.exchange_step(talk, line)
            else:
                await self._command(line)

    async def _command(self, line: bytes) -> None:
        talk = self._talk
        session = talk.session
        try:
            command = wire.parse_command(line)
            verb = VERBS.get(command.verb)
            if verb is None:
                self._senseless(replies.UNKNOWN, command.verb)
            elif session.state not in verb.states:
                self._senseless(replies.NOT_NOW)
            elif verb.takes is not Takes.MAYBE and (verb.takes is Takes.SOMETHING) != bool(command.argument):
                self._senseless(replies.REPLIES[FormatError])
            else:
                session.errors = 0
                await verb.run(talk, command.argument)
        except FormatError as error:
            self._senseless(replies.reply_for(error))
        except CourrielError as error:
            talk.reply(replies.reply_for(error))

    def _too_long(self) -> None:
        talk = self._talk
        if talk.exchange is not None:
            talk.exchange.abort()
            talk.exchange = None
            talk.welcome = False
            talk.lines.limit_octets = wire.COMMAND_OCTETS
        self._senseless(replies.TOO_LONG)

    def _senseless(self, reply: bytes, verb: bytes = b"") -> None:
        """Answer; close when there is no sense to be had from this client."""
        talk = self._talk
        talk.session.errors += 1
        talk.reply(reply)
        if verb in OTHER_PROTOCOLS:
            talk.connection.close()
        elif talk.session.errors >= talk.services.settings.errors:
            talk.reply(replies.TOO_MANY_ERRORS)
            talk.connection.close()

    def expired(self) -> None:
        """RFC 1939 §3: close without a word and without deleting."""
        log.count("pop3.autologout")

    def stopping(self) -> None:
        """POP3 has no reply to a command that was not given; as with autologout, nothing is deleted."""

    def failed(self) -> None:
        self._talk.reply(replies.INTERNAL)

    def closed(self) -> None:
        talk = self._talk
        talk.unlock()
        if talk.exchange is not None:
            talk.exchange.abort()
            talk.exchange = None
