"""ManageSieve over a connection: commands in, run in order, responses out in one write a burst.

Bytes and order only: what a command does is commands.py's business, what the wire looks like wire.py's.
"""

from __future__ import annotations

from typing import Final

from courriel.base.errors import CourrielError, FormatError
from courriel.base.i18n import translator
from courriel.base.log import log
from courriel.managesieve import commands, login, replies, wire
from courriel.managesieve.session import State
from courriel.managesieve.talk import Services, Talk
from courriel.managesieve.verbs import VERBS
from courriel.net.connection import Connection, Dialogue

OTHER_PROTOCOLS: Final = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"CONNECT", b"EHLO", b"HELO"})
"""Who says this came to the wrong door, or was sent by a web page: one answer, and good-bye."""

STRANGERS_LITERAL_OCTETS: Final = 8_192
"""``managesieve.strangers_literal``: before the login only SASL needs literals."""


class ManageSieveService:
    """Makes a dialogue for each connection."""

    name = "managesieve"

    def __init__(self, services: Services) -> None:
        """``services.tls`` is for STARTTLS; listeners with TLS from the first byte have their own."""
        self.patience_s = services.settings.login_s
        self._services = services

    def dialogue(self, connection: Connection) -> Dialogue:
        return ManageSieveDialogue(connection, self._services)

    def refusal(self) -> bytes:
        return replies.TOO_MANY_CONNECTIONS


class ManageSieveDialogue:
    """One client."""

    __slots__ = ("_login_by", "_say", "_talk")

    def __init__(self, connection: Connection, services: Services) -> None:
        self._talk = Talk(connection, services)
        self._say = translator(services.language)
        self._login_by = connection.loop.time() + services.settings.login_s

    def opened(self) -> None:
        self._talk.reply(commands.offer(self._talk) + wire.ok("Courriel ManageSieve ready"))

    async def received(self, data: bytes) -> None:
        talk = self._talk
        connection = talk.connection
        if not data:
            connection.close()
            return
        if talk.session.state is State.STRANGER and connection.loop.time() > self._login_by:
            self.expired()
            connection.close()
            return
        talk.commands.feed(data)
        while not connection.closing:
            is_owner = talk.session.state is State.OWNER
            talk.commands.literal_octets = (
                talk.services.sieve.script_octets + wire.LINE_OCTETS if is_owner else STRANGERS_LITERAL_OCTETS
            )
            command = talk.commands.next()
            if command is None:
                return
            if isinstance(command, wire.TooLong):
                self._too_long(command)
            elif isinstance(command, wire.Malformed):
                login.end(talk)
                self._senseless(replies.refuse(replies.REPLIES[FormatError], self._say), command.verb)
            elif talk.exchange is not None and not command.verb and isinstance(command.arguments[0], bytes):
                await login.step(talk, command.arguments[0])
            else:
                login.end(talk)
                await self._command(command)

    async def _command(self, command: wire.Command) -> None:
        talk, say = self._talk, self._say
        session, verb = talk.session, VERBS.get(command.verb)
        if verb is None:
            self._senseless(replies.refuse(replies.UNKNOWN, say), command.verb)
        elif session.state not in verb.states:
            self._senseless(replies.refuse(replies.NOT_NOW, say))
        elif not verb.least <= len(command.arguments) <= verb.most:
            self._senseless(replies.refuse(replies.REPLIES[FormatError], say))
        else:
            try:
                session.errors = 0
                await verb.run(talk, command.arguments)
            except FormatError as error:
                self._senseless(replies.reply_for(error, say))
            except CourrielError as error:
                talk.reply(replies.reply_for(error, say))

    def _too_long(self, command: wire.TooLong) -> None:
        login.end(self._talk)
        self._senseless(replies.refuse(replies.TOO_LARGE, self._say))
        if command.hopeless:
            self._give_up()

    def _senseless(self, reply: bytes, verb: bytes = b"") -> None:
        """Answer; close when there is no sense to be had from this client."""
        talk = self._talk
        talk.session.errors += 1
        talk.reply(reply)
        if verb in OTHER_PROTOCOLS:
            talk.connection.close()
        elif talk.session.errors >= talk.services.settings.errors:
            self._give_up()

    def _give_up(self) -> None:
        self._talk.reply(wire.bye(self._say(replies.TOO_MANY_ERRORS)))
        self._talk.connection.close()

    def expired(self) -> None:
        log.count("managesieve.autologout")
        self._talk.reply(wire.bye(self._say(replies.EXPIRED)))

    def stopping(self) -> None:
        self._talk.reply(wire.bye(self._say(replies.STOPPING), b"TRYLATER"))

    def failed(self) -> None:
        self._talk.reply(replies.INTERNAL)

    def closed(self) -> None:
        login.end(self._talk)
