"""AUTHENTICATE and what follows.  RFC 5804 §2.1; SASL RFC 4422.

Success may carry the server's last word (SCRAM) in its code, so that the client need not answer it.
"""

from __future__ import annotations

import base64

from courriel.base.errors import CourrielError, FormatError
from courriel.base.i18n import translator
from courriel.base.log import Level
from courriel.managesieve import replies, wire
from courriel.managesieve.talk import Talk
from courriel.model.account import Account
from courriel.model.refusals import AuthenticationFailed, MailRefusal


def mechanisms(talk: Talk) -> tuple[str, ...]:
    """Those a stranger may use on this connection, LOGIN left out: RFC 5804 has clients that take initial responses."""
    offered = talk.services.authenticator.mechanisms(tls=talk.has_tls, loopback=talk.connection.is_local)
    return tuple(one for one in offered if one != "LOGIN")


async def authenticate(talk: Talk, mechanism: bytes, initial: bytes | None) -> None:
    """Begin an exchange."""
    say = translator(talk.services.language)
    name = mechanism.decode("ascii", "replace").upper()
    exchange = None
    if name in mechanisms(talk):
        exchange = talk.services.authenticator.begin(
            name, ip=talk.connection.peer_ip, protocol="managesieve", tls=talk.has_tls
        )
    if exchange is None:
        may = talk.services.authenticator.may_log_in(tls=talk.has_tls, loopback=talk.connection.is_local)
        talk.reply(replies.refuse(replies.NO_MECHANISM if may else replies.NEEDS_TLS, say))
        return
    talk.exchange = exchange
    if initial is None:
        talk.reply(wire.challenge(b""))
    else:
        await step(talk, initial)


async def step(talk: Talk, response: bytes) -> None:
    """The client's next string; ``*`` ends the exchange."""
    exchange = talk.exchange
    assert exchange is not None
    if response == b"*":
        end(talk)
        talk.reply(replies.refuse(replies.CANCELLED, translator(talk.services.language)))
        return
    try:
        found = await exchange.step(wire.parse_sasl(response))
    except (MailRefusal, FormatError) as error:
        end(talk)
        _refuse(talk, error)
        return
    if found.account is None:
        talk.reply(wire.challenge(found.data or b""))
        return
    talk.exchange = None
    _welcome(talk, found.account, found.data)


def end(talk: Talk) -> None:
    """Give up an exchange, if there is one."""
    if talk.exchange is not None:
        talk.exchange.abort()
        talk.exchange = None


def _welcome(talk: Talk, account: Account, data: bytes | None) -> None:
    talk.session.log_in(account)
    talk.connection.patience_s = talk.services.settings.patience_s
    talk.connection.identify(account.id)
    talk.connection.event("managesieve.login", login=account.login)
    talk.reply(wire.ok("", b"SASL " + wire.string(base64.b64encode(data)) if data is not None else b""))


def _refuse(talk: Talk, error: CourrielError) -> None:
    session, say = talk.session, translator(talk.services.language)
    if isinstance(error, AuthenticationFailed | FormatError):
        session.failed_logins += 1
    talk.reply(replies.reply_for(error, say))
    if session.failed_logins >= talk.services.settings.failed_logins:
        talk.connection.event("managesieve.login.given_up", Level.WARNING, ip=talk.connection.peer_ip)
        talk.reply(wire.bye(say(replies.TOO_MANY_ERRORS)))
        talk.connection.close()
