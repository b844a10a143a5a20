"""Getting in: STARTTLS, LOGIN, AUTHENTICATE.  RFC 9051 §6.2; SASL-IR RFC 4959; codes RFC 5530.

After STARTTLS nothing is kept of what came before, the bytes behind the command included (AUTH attack row 2).
"""

from __future__ import annotations

import binascii
from typing import Final

from courriel.base.errors import CourrielError, FormatError
from courriel.imap import capabilities
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire.plain import Authenticate, Login, Nothing
from courriel.model.account import Account
from courriel.model.refusals import AuthenticationFailed
from courriel.ports.credentials import SaslExchange

PROTOCOL: Final = "imap"


async def starttls(peer: Peer, asked: Nothing) -> bytes:
    """The handshake itself is the server's: it begins behind the tagged reply."""
    if not capabilities.can_start_tls(peer):
        raise FormatError("IMAP command", -1, "TLS is not on offer, or is on already")
    peer.starting_tls = True
    return b"OK Begin TLS now"


async def login(peer: Peer, asked: Login) -> bytes:
    if not capabilities.may_log_in(peer):
        raise No(codes.PRIVACYREQUIRED + b"Passwords are taken over TLS only")
    try:
        name, password = asked.name.decode("utf-8"), asked.password.decode("utf-8")
    except UnicodeDecodeError:  # nobody's: names and passwords are UTF-8 (RFC 6855 §5)
        name, password = "", ""
    account = await peer.shared.authenticator.password(name, password, ip=peer.connection.peer_ip, protocol=PROTOCOL)
    return enter(peer, account)


def enter(peer: Peer, account: Account) -> bytes:
    """The client is who it says; returns the tagged reply."""
    connection, settings = peer.connection, peer.shared.settings
    peer.session.logged_in(account)
    peer.fragments.line_limit = settings.line_octets
    connection.patience_s = settings.autologout_s
    connection.touch()
    connection.identify(account.id)
    connection.event("imap.login", login=account.login, tls=bool(connection.tls))
    return b"OK [CAPABILITY %b] Logged in" % capabilities.of(peer)


async def authenticate(peer: Peer, asked: Authenticate) -> bytes:
    """Begin an exchange; b"" when the client's next line is waited for."""
    connection = peer.connection
    tls, loopback = bool(connection.tls), connection.is_local
    authenticator = peer.shared.authenticator
    exchange = None
    if asked.mechanism in authenticator.mechanisms(tls=tls, loopback=loopback):
        exchange = authenticator.begin(asked.mechanism, ip=connection.peer_ip, protocol=PROTOCOL, tls=tls)
    if exchange is None:
        raise No(codes.CANNOT + b"This mechanism is not on offer")
    if asked.initial is not None:
        return await step(peer, exchange, asked.initial)
    if asked.mechanism == "LOGIN":  # the one mechanism in which the server speaks first
        return await step(peer, exchange, b"")
    peer.exchange = exchange
    peer.write(b"+ \r\n")
    return b""


async def step(peer: Peer, exchange: SaslExchange, response: bytes) -> bytes:
    """Give the mechanism one message.  Returns the tagged reply, b"" when another is waited for."""
    try:
        said = await exchange.step(response)
    except CourrielError:
        exchange.abort()
        raise
    if said.data is not None:
        # A mechanism's last word goes out as a challenge that the client answers with nothing (RFC 4422 §3.4).
        peer.exchange = exchange
        peer.finishing = said.account
        peer.write(b"+ %b\r\n" % binascii.b2a_base64(said.data, newline=False))
        return b""
    if said.account is None:
        raise AuthenticationFailed("the exchange ended without an account")
    return enter(peer, said.account)
