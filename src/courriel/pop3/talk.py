"""What a POP3 command has at hand: the connection, the session, and the services behind them."""

from __future__ import annotations

import ssl
from collections import OrderedDict
from dataclasses import dataclass, field

from courriel.base.clock import Clock
from courriel.model.ids import AccountId
from courriel.net.connection import Connection
from courriel.pop3 import texts
from courriel.pop3.session import Session
from courriel.pop3.settings import Pop3Settings
from courriel.pop3.wire import SASL_OCTETS, Lines
from courriel.ports.credentials import Authenticator, SaslExchange
from courriel.ports.maildrops import MaildropBook
from courriel.ports.store import MailStore


class MaildropLocks:
    """Which maildrops are open: one session at a time (RFC 1939 §4), all listeners of the process together.

    And when each was opened last, for as long as that keeps the next login waiting (RFC 2449 §6.5).
    """

    def __init__(self) -> None:
        self._open: set[AccountId] = set()
        self._again_at: OrderedDict[AccountId, float] = OrderedDict()

    def acquire(self, account: AccountId) -> bool:
        if account in self._open:
            return False
        self._open.add(account)
        return True

    def may_open(self, account: AccountId, now: float) -> bool:
        """Whether its last login is long enough ago; ``now`` in seconds of any steady clock."""
        while self._again_at and next(iter(self._again_at.values())) <= now:
            self._again_at.popitem(last=False)
        return account not in self._again_at

    def opened(self, account: AccountId, again_at: float) -> None:
        """It was opened, and may be again at ``again_at``."""
        self._again_at.pop(account, None)
        self._again_at[account] = again_at

    def release(self, account: AccountId) -> None:
        self._open.discard(account)


@dataclass(frozen=True, slots=True)
class Services:
    """What stands behind all connections."""

    store: MailStore
    authenticator: Authenticator
    tls: ssl.SSLContext | None
    settings: Pop3Settings
    maildrops: MaildropBook
    clock: Clock
    locks: MaildropLocks = field(default_factory=MaildropLocks)


class Talk:
    """One connection's things."""

    __slots__ = ("connection", "exchange", "lines", "locked", "sent_octets", "services", "session", "welcome")

    def __init__(self, connection: Connection, services: Services) -> None:
        self.connection = connection
        self.services = services
        self.session = Session()
        self.lines = Lines()
        self.exchange: SaslExchange | None = None
        """A SASL exchange that waits for the client's next line."""
        self.welcome = False
        """SCRAM has proven itself to the client, who still owes an empty line."""
        self.locked: AccountId | None = None
        self.sent_octets = 0

    @property
    def has_tls(self) -> bool:
        return bool(self.connection.tls)

    def reply(self, data: bytes) -> None:
        language = self.session.language
        self.connection.write(data if language == texts.DEFAULT else texts.localised(data, language))

    def unlock(self) -> None:
        """Let others have the maildrop."""
        if self.locked is not None:
            self.services.locks.release(self.locked)
            self.locked = None

    def begin_exchange(self, exchange: SaslExchange) -> None:
        self.exchange = exchange
        self.lines.limit_octets = SASL_OCTETS

    async def send(self, pieces: list[bytes]) -> None:
        """Queue a long reply; now and then wait for a client that reads slowly."""
        if self.session.language != texts.DEFAULT:
            pieces = [texts.localised(pieces[0], self.session.language), *pieces[1:]]
        connection, most = self.connection, self.services.settings.drain_octets
        octets = sum(map(len, pieces))
        if octets <= most:
            connection.write_many(pieces)
            self.sent_octets += octets
            if self.sent_octets >= most:
                self.sent_octets = 0
                await connection.drain()
                connection.touch()
            return
        for piece in pieces:
            whole = memoryview(piece)
            for at in range(0, len(piece), most):
                connection.write(whole[at : at + most])
                await connection.drain()
                connection.touch()  # it still reads: that is a sign of life
