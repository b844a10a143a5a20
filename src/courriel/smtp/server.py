"""SMTP doors over real connections: MX, submission, LMTP (see ``lmtp``).  RFC 5321, RFC 6409, RFC 2033.

A dialogue feeds its session and runs what comes out of it.  Commands that find all they need in memory run inside
``data_received``; only the store, a login or a handshake make them wait.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from courriel.base.log import log
from courriel.model.account import Account
from courriel.model.envelope import Client, Door, Envelope
from courriel.net.connection import Connection, Dialogue
from courriel.ports.credentials import Authenticator, SaslExchange
from courriel.ports.intake import Intake
from courriel.smtp import replies
from courriel.smtp.budget import Budget
from courriel.smtp.session import Session
from courriel.smtp.settings import SmtpSettings
from courriel.smtp.verbs import RUN
from courriel.smtp.wire.command import Hello
from courriel.smtp.wire.reply import Reply, render_lines


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a door needs from the rest of the house.

    ``authenticator`` None: no logins.  ``tls`` None: no STARTTLS (for listeners that begin with TLS it is not
    announced anyway).  ``budget`` is shared by all doors.  ``pause`` waits some seconds (handed in for tests).
    """

    hostname: str
    intake: Intake
    budget: Budget
    settings: SmtpSettings = SmtpSettings()
    authenticator: Authenticator | None = None
    tls: ssl.SSLContext | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class SmtpService:
    """One kind of door: ``Door.MX`` takes mail for people here, ``Door.SUBMISSION`` from people here."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self.desk = desk
        self.door = door
        self.name = {Door.MX: "smtp", Door.SUBMISSION: "submission", Door.LMTP: "lmtp"}[door]
        self.patience_s = desk.settings.patience_s
        self.takes_logins = door is Door.SUBMISSION and desk.authenticator is not None
        self.recipients = desk.settings.mx_recipients if door is Door.MX else desk.settings.submission_recipients
        self._greeting = f"220 {desk.hostname} {'LMTP' if door is Door.LMTP else 'ESMTP'} Courriel\r\n".encode()
        self.offer = lru_cache(maxsize=16)(self._offer)

    def dialogue(self, connection: Connection) -> Dialogue:
        return SmtpDialogue(self, connection)

    def refusal(self) -> bytes:
        return replies.TOO_BUSY.render()

    @property
    def greeting(self) -> bytes:
        return self._greeting

    def _offer(self, starttls: bool, mechanisms: tuple[str, ...]) -> bytes:
        """The answer to EHLO or LHLO.  RFC 5321 §4.1.1.1; LIMITS RFC 9422 §4.3."""
        lines = [
            self.desk.hostname,
            "PIPELINING",
            f"SIZE {self.desk.settings.message_octets}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "BINARYMIME",
            "DSN",
            f"LIMITS RCPTMAX={self.recipients}",
        ]
        if starttls:
            lines.append("STARTTLS")
        if mechanisms:
            lines.append(f"AUTH {' '.join(mechanisms)}")
        return render_lines(250, lines)


class SmtpDialogue:
    """One client at a door."""

    __slots__ = (
        "_half_since",
        "client",
        "connection",
        "exchange",
        "failed_logins",
        "pending_account",
        "service",
        "session",
        "unknown_recipients",
    )

    def __init__(self, service: SmtpService, connection: Connection) -> None:
        desk = service.desk
        self.service = service
        self.connection = connection
        self.session = Session(desk.settings, desk.budget, lmtp=service.door is Door.LMTP)
        self.client = Client(connection.peer_ip, connection.peer_port, tls=connection.tls)
        self.exchange: SaslExchange | None = None
        self.pending_account: Account | None = None
        self.failed_logins = 0
        self.unknown_recipients = 0
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

    def failed(self) -> None:
        self._last_word(replies.OUR_FAULT)

    def closed(self) -> None:
        self.session.lost()
        if self.exchange is not None:
            self.exchange.abort()
            self.exchange = None

    # --- what commands use ------------------------------------------------------------------------------------
    @property
    def door(self) -> Door:
        return self.service.door

    @property
    def intake(self) -> Intake:
        return self.service.desk.intake

    @property
    def settings(self) -> SmtpSettings:
        return self.service.desk.settings

    def send(self) -> None:
        """Hand over the replies so far; they leave with the burst, or at the next wait."""
        out = self.session.out
        if out:
            self.connection.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()

    def met(self, hello: Hello) -> None:
        """The client gave its name; whoever logged in stays so (RFC 4954 §4)."""
        before = self.client
        self.client = Client(
            before.ip,
            before.port,
            hello.name,
            hello.verb != b"HELO",
            before.tls,
            before.account,
            before.login,
        )

    def logged_in(self, account: Account) -> None:
        before = self.client
        self.client = Client(
            before.ip, before.port, before.helo, before.esmtp, before.tls, account.id, account.login
        )

    def forget_client(self) -> None:
        """After STARTTLS nothing that was said counts.  RFC 3207 §4.2."""
        self.client = Client(self.connection.peer_ip, self.connection.peer_port, tls=self.connection.tls)

    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms on offer here and now."""
        authenticator = self.service.desk.authenticator
        if authenticator is None or not self.service.takes_logins:
            return ()
        return authenticator.mechanisms(tls=bool(self.client.tls), loopback=self.connection.is_local)

    def envelope(self) -> Envelope:
        """The transaction as it stands."""
        session = self.session
        mail = session.mail
        assert mail is not None
        return Envelope(
            self.service.door,
            self.client,
            mail.reverse_path,
            tuple(session.recipients),
            mail.body,
            mail.smtputf8,
            mail.size_octets,
            mail.ret,
            mail.envid,
        )

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
