"""SMTP doors over real connections: MX, submission, LMTP (see ``lmtp``).  RFC 5321, RFC 6409, RFC 2033.

A dialogue feeds its session and runs what comes out of it.  Commands that find all they need in memory run inside
``data_received``; only the store, a login or a handshake make them wait.
"""

from __future__ import annotations

from typing import Final

from courriel.base.log import log
from courriel.model.envelope import Door
from courriel.net.connection import Connection, Dialogue
from courriel.smtp import replies
from courriel.smtp.talk import Desk, Entrance, Talk
from courriel.smtp.verbs import RUN
from courriel.smtp.wire.reply import Reply

__all__ = ["Desk", "SmtpDialogue", "SmtpService"]


NAMES: Final = {Door.MX: "smtp", Door.SUBMISSION: "submission", Door.DEVICE: "devices", Door.LMTP: "lmtp"}


class SmtpService(Entrance):
    """One kind of door: ``Door.MX`` takes mail for people here, ``Door.SUBMISSION`` from people here,
    ``Door.DEVICE`` from their printers."""

    def __init__(self, desk: Desk, door: Door) -> None:
        super().__init__(desk, door)
        self.name = NAMES[door]
        self.patience_s = desk.settings.patience_s

    def dialogue(self, connection: Connection) -> Dialogue:
        return SmtpDialogue(self, connection)

    def refusal(self) -> bytes:
        return replies.TOO_BUSY.render()


class SmtpDialogue(Talk):
    """One client at a door."""

    __slots__ = ("_half_since",)

    def __init__(self, service: SmtpService, connection: Connection) -> None:
        super().__init__(service, connection)
        self._half_since = 0.0

    # --- what the connection calls ----------------------------------------------------------------------------
    def opened(self) -> None:
        self.connection.write(self.service.greeting)

    async def received(self, data: bytes) -> None:
        session = self.session
        if not data:
            self.connection.close()
            return
        session.receive(data)
        while (event := session.next_event()) is not None:
            self._half_since = 0.0
            await RUN[type(event)](self, event)
        self.send()
        if session.closed:
            self.connection.close()
        elif session.is_partial:
            self._mind_the_pace()
        else:
            self._half_since = 0.0

    def expired(self) -> None:
        self._last_word(replies.TOO_SLOW)

    def stopping(self) -> None:
        self._last_word(replies.STOPPING)

    def failed(self) -> None:
        self._last_word(replies.OUR_FAULT)

    def closed(self) -> None:
        self.session.lost()
        if self.exchange is not None:
            self.exchange.abort()
            self.exchange = None

    # --- steps ------------------------------------------------------------------------------------------------
    def _last_word(self, reply: Reply) -> None:
        self.session.close(reply)
        self.send()

    def _mind_the_pace(self) -> None:
        """A line or a message is half here: it may not trickle in for ever (AUTH attack row 39)."""
        now = self.connection.loop.time()
        if not self._half_since:
            self._half_since = now
            return
        settings = self.settings
        allowed_s = settings.content_s if self.session.is_receiving_content else settings.line_s
        if now - self._half_since > allowed_s:
            log.event("smtp.too_slow", conn=self.connection.id)
            self._last_word(replies.TOO_SLOW)
            self.connection.close()
