"""What a ManageSieve command has at hand: the connection, the session, and the services behind them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from courriel.managesieve.session import Session
from courriel.managesieve.settings import ManageSieveSettings
from courriel.managesieve.wire import Commands
from courriel.net.connection import Connection
from courriel.ports.credentials import Authenticator, SaslExchange
from courriel.ports.sieve import SieveStore
from courriel.ports.store import MailStore
from courriel.sieve.settings import SieveSettings


@dataclass(frozen=True, slots=True)
class Services:
    """What stands behind all connections.  ``language`` is that of texts for people."""

    scripts: SieveStore
    store: MailStore
    authenticator: Authenticator
    tls: ssl.SSLContext | None = None
    settings: ManageSieveSettings = field(default_factory=ManageSieveSettings)
    sieve: SieveSettings = field(default_factory=SieveSettings)
    language: str = "en"


class Talk:
    """One connection's things."""

    __slots__ = ("commands", "connection", "exchange", "services", "session")

    def __init__(self, connection: Connection, services: Services) -> None:
        self.connection = connection
        self.services = services
        self.session = Session()
        self.commands = Commands(services.sieve.script_octets + 1)
        self.exchange: SaslExchange | None = None
        """A SASL exchange that waits for the client's next string."""

    @property
    def has_tls(self) -> bool:
        return bool(self.connection.tls)

    def reply(self, data: bytes) -> None:
        self.connection.write(data)
