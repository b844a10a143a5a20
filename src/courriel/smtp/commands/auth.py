"""AUTH and the lines of a login.  RFC 4954.  Names, passwords and lockout are the authenticator's business."""

from __future__ import annotations

import binascii

from courriel.base.errors import CourrielError, FormatError, Unavailable
from courriel.base.log import Level
from courriel.model.account import Account
from courriel.model.refusals import AccountDisabled, AuthenticationFailed, MailRefusal
from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.session import AuthLine
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Auth
from courriel.smtp.wire.faults import NotOffered, OutOfOrder

SERVER_FIRST = frozenset({"LOGIN"})
"""Mechanisms in which the server speaks first; the others get an empty challenge.  RFC 4954 §4."""


async def run(talk: Talk, auth: Auth) -> None:
    """AUTH mechanism [initial-response]."""
    session, desk = talk.session, talk.service.desk
    if not talk.service.takes_logins or desk.authenticator is None:
        session.error(reply_for(NotOffered()))
        return
    if talk.client.is_logged_in:
        session.error(reply_for(OutOfOrder()))
        return
    if auth.mechanism not in talk.mechanisms():
        with_tls = desk.authenticator.mechanisms(tls=True, loopback=False)
        session.error(replies.LOGIN_NEEDS_TLS if auth.mechanism in with_tls else replies.NO_SUCH_MECHANISM)
        return
    tls = bool(talk.client.tls)
    exchange = desk.authenticator.begin(auth.mechanism, ip=talk.client.ip, protocol=talk.login_protocol, tls=tls)
    if exchange is None:
        session.error(replies.NO_SUCH_MECHANISM)
        return
    talk.exchange = exchange
    session.authenticating = True
    if auth.initial is not None:
        await _step(talk, b"" if auth.initial == b"=" else auth.initial)
    elif auth.mechanism in SERVER_FIRST:
        await _step(talk, b"")
    else:
        session.say(b"334 \r\n")


async def run_line(talk: Talk, answer: AuthLine) -> None:
    """The client's next response, or ``*`` to stop."""
    if answer.line == b"*":
        if talk.exchange is not None:
            talk.exchange.abort()
        _end(talk)
        talk.session.error(replies.CANCELLED)
    elif talk.pending_account is not None:  # SCRAM's last message was a challenge; its answer says nothing
        _succeed(talk, talk.pending_account)
    else:
        await _step(talk, answer.line)


async def _step(talk: Talk, response: bytes) -> None:
    session, exchange = talk.session, talk.exchange
    assert exchange is not None
    talk.send()
    try:
        step = await exchange.step(_decode(response))
    except (FormatError, MailRefusal, Unavailable) as error:
        _end(talk)
        _refuse(talk, error)
        return
    if step.account is not None and step.data:
        talk.pending_account = step.account
    elif step.account is not None:
        _succeed(talk, step.account)
        return
    session.say(b"334 " + binascii.b2a_base64(step.data or b"", newline=False) + b"\r\n")


def _decode(response: bytes) -> bytes:
    try:
        return binascii.a2b_base64(response, strict_mode=True)
    except binascii.Error:
        raise FormatError("SASL response", -1, "RFC 4648 §4") from None


def _succeed(talk: Talk, account: Account) -> None:
    _end(talk)
    talk.logged_in(account)
    talk.connection.event("smtp.login", login=account.login)
    talk.session.say(replies.LOGGED_IN)


def _refuse(talk: Talk, error: CourrielError) -> None:
    session = talk.session
    if isinstance(error, FormatError):
        session.error(replies.BAD_BASE64)
        return
    if isinstance(error, AccountDisabled):  # one text for all that is wrong with a login
        error = AuthenticationFailed()
    talk.connection.event("smtp.login.refused", Level.WARNING, reason=type(error).__name__)
    session.error(reply_for(error))
    talk.failed_logins += 1
    if talk.failed_logins >= talk.settings.failed_logins:
        session.close(replies.TOO_MANY_ERRORS)


def _end(talk: Talk) -> None:
    talk.exchange = None
    talk.pending_account = None
    talk.session.authenticating = False
