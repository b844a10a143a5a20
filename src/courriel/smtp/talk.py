"""What an SMTP command has at hand: the door it came by, the connection, the session, and who is talking.

The server's dialogue is such a talk; commands know no more of it than this.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from courriel.base.clock import Clock, SystemClock
from courriel.model.account import Account
from courriel.model.envelope import Client, Door, Envelope
from courriel.model.wishes import WishLimits
from courriel.net.connection import Connection
from courriel.ports.credentials import Authenticator, SaslExchange
from courriel.ports.intake import Intake
from courriel.smtp.budget import Budget
from courriel.smtp.session import Session
from courriel.smtp.settings import SmtpSettings
from courriel.smtp.wire.command import Hello
from courriel.smtp.wire.reply import render_lines

DAY_S: Final = 86_400.0

LOGIN_PROTOCOLS: Final = {Door.SUBMISSION: "smtp", Door.DEVICE: "devices"}
"""Doors at which one may log in, and what the authenticator calls them: each has its own people."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a door needs from the rest of the house.

    ``authenticator`` None: no logins.  ``tls`` None: no STARTTLS (for listeners that begin with TLS it is not
    announced anyway).  ``budget`` is shared by all doors.  ``pause`` waits some seconds (handed in for tests).
    ``wishes`` are the limits that ``intake`` keeps, announced where people of the house submit.
    """

    hostname: str
    intake: Intake
    budget: Budget
    settings: SmtpSettings = field(default_factory=SmtpSettings)
    authenticator: Authenticator | None = None
    tls: ssl.SSLContext | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    wishes: WishLimits = field(default_factory=WishLimits)
    clock: Clock = field(default_factory=SystemClock)


class Entrance:
    """One kind of door and its rules."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self.desk = desk
        self.door = door
        self.takes_logins = door in LOGIN_PROTOCOLS and desk.authenticator is not None
        self.recipients = desk.settings.mx_recipients if door is Door.MX else desk.settings.submission_recipients
        self.greeting = f"220 {desk.hostname} {'LMTP' if door is Door.LMTP else 'ESMTP'} Courriel\r\n".encode()
        self._lines = lru_cache(maxsize=16)(self._offer)

    def offer(self, tls: bool, mechanisms: tuple[str, ...]) -> bytes:
        """The answer to EHLO or LHLO; ``tls``: the connection has it."""
        day = self.desk.clock.now() // DAY_S if self.door is Door.SUBMISSION else 0.0
        return self._lines(tls, mechanisms, day)

    def _offer(self, tls: bool, mechanisms: tuple[str, ...], day: float) -> bytes:
        """RFC 5321 §4.1.1.1; LIMITS RFC 9422 §4.3.  ``day`` counts from 1970."""
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
            *self._wishes_offer(tls, day),
            f"LIMITS RCPTMAX={self.recipients}",
        ]
        if self.desk.tls is not None and not tls:
            lines.append("STARTTLS")
        if mechanisms:
            lines.append(f"AUTH {' '.join(mechanisms)}")
        return render_lines(250, lines)

    def _wishes_offer(self, tls: bool, day: float) -> list[str]:
        """What a sender may wish for at this door; the latest time to leave is rounded to midnight."""
        lines = ["REQUIRETLS"] if self.takes_require_tls(tls) else []
        if self.door is Door.SUBMISSION:
            limits = self.desk.wishes
            latest = datetime.fromtimestamp(day * DAY_S + limits.longest_hold_s, UTC)
            lines += [
                f"FUTURERELEASE {limits.longest_hold_s} {latest:%Y-%m-%dT%H:%M:%SZ}",
                f"DELIVERBY {limits.shortest_deadline_s}",
                "MT-PRIORITY",
            ]
        return lines

    def takes_require_tls(self, tls: bool) -> bool:
        """RFC 8689 §2: only over TLS, and where messages travel on from."""
        return tls and self.door in (Door.MX, Door.SUBMISSION)


class Talk:
    """One client at a door."""

    __slots__ = (
        "client",
        "connection",
        "exchange",
        "failed_logins",
        "pending_account",
        "service",
        "session",
        "unknown_recipients",
    )

    def __init__(self, service: Entrance, connection: Connection) -> None:
        desk = service.desk
        self.service = service
        self.connection = connection
        self.session = Session(desk.settings, desk.budget)
        self.client = Client(connection.peer_ip, connection.peer_port, tls=connection.tls)
        self.exchange: SaslExchange | None = None
        self.pending_account: Account | None = None
        """SCRAM has proven itself; the client still owes its empty answer."""
        self.failed_logins = 0
        self.unknown_recipients = 0

    @property
    def door(self) -> Door:
        """Whose rules hold: a device that has logged in is one wherever it comes in."""
        return Door.DEVICE if self.client.device else self.service.door

    @property
    def intake(self) -> Intake:
        return self.service.desk.intake

    @property
    def settings(self) -> SmtpSettings:
        return self.service.desk.settings

    @property
    def login_protocol(self) -> str:
        """What the authenticator calls this door."""
        return LOGIN_PROTOCOLS[self.service.door]

    def send(self) -> None:
        """Hand the replies so far to the kernel: the burst is over, or something has to be waited for."""
        out = self.session.out
        if out:
            self.connection.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
            self.connection.flush()

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
            before.device,
        )

    def logged_in(self, account: Account) -> None:
        before = self.client
        known = (before.ip, before.port, before.helo, before.esmtp, before.tls)
        if account.device:
            self.client = Client(*known, None, account.login, account.device)
            return
        self.client = Client(*known, account.id, account.login)
        self.connection.identify(account.id)

    def forget_client(self) -> None:
        """After STARTTLS nothing that was said counts.  RFC 3207 §4.2."""
        self.client = Client(self.connection.peer_ip, self.connection.peer_port, tls=self.connection.tls)

    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms on offer here and now."""
        authenticator = self.service.desk.authenticator
        if authenticator is None or not self.service.takes_logins:
            return ()
        tls, near = bool(self.client.tls), authenticator.is_near(self.client.ip, self.login_protocol)
        if self.service.door is Door.DEVICE and not (tls or near):
            return ()
        return authenticator.mechanisms(tls=tls, loopback=near)

    def envelope(self) -> Envelope:
        """The transaction as it stands."""
        session = self.session
        mail = session.mail
        assert mail is not None
        return Envelope(
            self.door,
            self.client,
            mail.reverse_path,
            tuple(session.recipients),
            mail.body,
            mail.smtputf8,
            mail.size_octets,
            mail.ret,
            mail.envid,
            mail.wishes,
        )
