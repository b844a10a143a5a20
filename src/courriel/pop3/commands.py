"""What each POP3 command does.  RFC 1939 §4–7; CAPA RFC 2449; STLS RFC 2595; AUTH RFC 5034; UTF8 RFC 6856.

Each takes the talk and the argument; errors of the families in replies.py become replies at the caller.
"""

from __future__ import annotations

import ssl
from typing import Final

from courriel.base.errors import CourrielError, FormatError
from courriel.base.log import Level
from courriel.model.ids import MessageId
from courriel.model.maildrop import RECENT_DAYS, PopView
from courriel.model.refusals import AuthenticationFailed, MailRefusal
from courriel.pop3 import replies, texts, wire
from courriel.pop3.login import open_maildrop
from courriel.pop3.session import State
from courriel.pop3.talk import Talk

IMPLEMENTATION: Final = b"Courriel"


# --- in every state ---------------------------------------------------------------------------------------------
async def capa(talk: Talk, argument: bytes) -> None:
    """RFC 2449 §5."""
    before_login = talk.session.state is State.AUTHORIZATION
    lines = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", _expire(talk), b"UTF8 USER", b"LANG"]
    if delay_s := talk.services.settings.login_delay_s:
        lines.append(b"LOGIN-DELAY %d" % delay_s)
    if before_login:
        if _may_log_in(talk):
            lines.append(b"USER")
        mechanisms = _mechanisms(talk)
        if mechanisms:
            lines.append(b"SASL " + b" ".join(mechanisms))
        if _can_start_tls(talk):
            lines.append(b"STLS")
    lines.append(b"IMPLEMENTATION " + IMPLEMENTATION)
    talk.reply(wire.multi(b"Capabilities", lines))


async def quit(talk: Talk, argument: bytes) -> None:
    """RFC 1939 §6: only here are messages deleted, all in one change."""
    session = talk.session
    reply = wire.ok(b"Bye")
    if session.maildrop is not None:
        session.state = State.UPDATE
        maildrop = session.maildrop
        doomed = maildrop.doomed()
        try:
            removed = await talk.services.store.expunge(maildrop.account, maildrop.mailbox, doomed) if doomed else ()
            talk.connection.event("pop3.closed", retrieved=session.retrieved, deleted=len(removed))
        except CourrielError as error:
            talk.connection.event("pop3.delete.failed", Level.ERROR, reason=type(error).__name__, doomed=len(doomed))
            reply = replies.NOT_REMOVED
        talk.unlock()
    talk.reply(reply)
    talk.connection.close()


# --- AUTHORIZATION ----------------------------------------------------------------------------------------------
async def user(talk: Talk, argument: bytes) -> None:
    """RFC 1939 §7.  Says "yes" to every name: who lives here is nobody's business."""
    if not _may_log_in(talk):
        talk.reply(replies.NEEDS_TLS)
        return
    talk.session.user = argument.strip()
    talk.reply(wire.ok())


async def pass_(talk: Talk, argument: bytes) -> None:
    """RFC 1939 §7: the argument is one, blanks and all."""
    name, talk.session.user = talk.session.user, None
    if not _may_log_in(talk):
        talk.reply(replies.NEEDS_TLS)
        return
    if name is None:
        talk.reply(wire.err(b"USER first"))
        return
    try:
        login, password = name.decode(), argument.decode()
    except UnicodeDecodeError:  # nobody's, RFC 6856 §2.2 has only UTF-8
        login, password = "", ""
    connection = talk.connection
    try:
        account = await talk.services.authenticator.password(login, password, ip=connection.peer_ip, protocol="pop3")
    except MailRefusal as refusal:
        _refuse_login(talk, refusal)
        return
    await open_maildrop(talk, account)


async def auth(talk: Talk, argument: bytes) -> None:
    """RFC 5034 §4: ``AUTH mechanism [initial-response]``; alone, the list of mechanisms, as old clients ask for it."""
    if not argument:
        talk.reply(wire.multi(b"Mechanisms", _mechanisms(talk)))
        return
    mechanism, blank, initial = argument.partition(b" ")
    connection = talk.connection
    exchange = talk.services.authenticator.begin(
        mechanism.decode("ascii", "replace"), ip=connection.peer_ip, protocol="pop3", tls=talk.has_tls
    )
    if exchange is None:
        talk.reply(replies.NEEDS_TLS if not _may_log_in(talk) else wire.err(b"Mechanism not on offer"))
        return
    talk.begin_exchange(exchange)
    if blank:
        await exchange_step(talk, b"" if initial == b"=" else initial)
    elif mechanism.upper() == b"LOGIN":
        await exchange_step(talk, b"")
    else:
        talk.reply(b"+ \r\n")


async def exchange_step(talk: Talk, line: bytes) -> None:
    """The client's next line in a SASL exchange; ``*`` ends it (RFC 5034 §4)."""
    exchange = talk.exchange
    assert exchange is not None
    if talk.welcome:
        await _after_last_message(talk)
        return
    if line == b"*":
        exchange.abort()
        _end_exchange(talk)
        talk.reply(wire.err(b"Cancelled"))
        return
    try:
        step = await exchange.step(wire.parse_sasl(line))
    except (MailRefusal, FormatError) as error:
        _end_exchange(talk)
        _refuse_login(talk, error)
        return
    if step.account is None:
        talk.reply(wire.challenge(step.data or b""))
        return
    talk.session.account = step.account
    if step.data is None:
        await _after_last_message(talk)
    else:
        talk.welcome = True
        talk.reply(wire.challenge(step.data))


async def _after_last_message(talk: Talk) -> None:
    account, talk.session.account = talk.session.account, None
    _end_exchange(talk)
    assert account is not None
    await open_maildrop(talk, account)


def _end_exchange(talk: Talk) -> None:
    talk.exchange = None
    talk.welcome = False
    talk.lines.limit_octets = wire.COMMAND_OCTETS


def _refuse_login(talk: Talk, error: CourrielError) -> None:
    session = talk.session
    if isinstance(error, AuthenticationFailed | FormatError):
        session.failed_logins += 1
    talk.reply(replies.reply_for(error))
    if session.failed_logins >= talk.services.settings.failed_logins:
        talk.connection.event("pop3.login.given_up", Level.WARNING, ip=talk.connection.peer_ip)
        talk.connection.close()


async def stls(talk: Talk, argument: bytes) -> None:
    """RFC 2595 §4.  Whatever came in clear behind the command is dropped unread."""
    if not _can_start_tls(talk):
        talk.reply(wire.err(b"TLS is on already" if talk.has_tls else b"No TLS here"))
        return
    context = talk.services.tls
    assert context is not None
    talk.reply(wire.ok(b"Begin TLS"))
    dropped = talk.lines.clear()
    if dropped:
        talk.connection.event("pop3.stls.plaintext_dropped", Level.WARNING, octets=dropped)
    talk.session.forget()
    try:
        await talk.connection.start_tls(context)
    except (OSError, ssl.SSLError) as error:
        talk.connection.event("pop3.stls.failed", reason=type(error).__name__)
        talk.connection.abort()


async def utf8(talk: Talk, argument: bytes) -> None:
    """RFC 6856 §2.  Messages are never changed on their way, so nothing else depends on it; without UTF8 they are
    sent as they are too, since a message refused would stop a client's whole run (RFC 6856 §2.1 would refuse)."""
    talk.session.utf8 = True
    talk.reply(wire.ok(b"UTF-8"))


async def lang(talk: Talk, argument: bytes) -> None:
    """RFC 6856 §3: the languages there are, or the one to speak from this reply on."""
    if not argument:
        lines = [f"{tag} {name}".encode() for tag, name in texts.LANGUAGES.items()]
        talk.reply(wire.multi(b"Languages", lines))
        return
    language = texts.choose(argument.decode("ascii", "replace"))
    if language is None:
        talk.reply(wire.err(b"No such language here"))
        return
    talk.session.language = language
    talk.reply(wire.ok(language.encode() + b" Language changed"))


# --- TRANSACTION ------------------------------------------------------------------------------------------------
async def stat(talk: Talk, argument: bytes) -> None:
    drop = talk.session.drop()
    talk.reply(b"+OK %d %d\r\n" % (drop.count, drop.octets))


async def list_(talk: Talk, argument: bytes) -> None:
    drop = talk.session.drop()
    if argument:
        number = wire.parse_number(argument)
        talk.reply(b"+OK %d %d\r\n" % (number, drop.size(number)))
    else:
        await talk.send([b"+OK %d messages\r\n" % drop.count, drop.scan_listing(), wire.END])


async def uidl(talk: Talk, argument: bytes) -> None:
    drop = talk.session.drop()
    if argument:
        number = wire.parse_number(argument)
        talk.reply(b"+OK %d %s\r\n" % (number, drop.unique_id(number)))
    else:
        await talk.send([b"+OK\r\n", drop.unique_listing(), wire.END])


async def retr(talk: Talk, argument: bytes) -> None:
    session = talk.session
    drop = session.drop()
    number = wire.parse_number(argument)
    content = await talk.services.store.read(drop.account, MessageId(drop.message(number)))
    session.retrieved += 1
    await talk.send([b"+OK %d octets\r\n" % len(content), *wire.stuffed(content)])


async def top(talk: Talk, argument: bytes) -> None:
    drop = talk.session.drop()
    number, blank, lines = argument.partition(b" ")
    if not blank:
        raise FormatError("TOP", len(argument), "RFC 1939 §7: two arguments")
    message, count = drop.message(wire.parse_number(number)), wire.parse_number(lines)
    content = await talk.services.store.read(drop.account, MessageId(message))
    await talk.send([b"+OK\r\n", *wire.stuffed(wire.top(content, count))])


async def dele(talk: Talk, argument: bytes) -> None:
    talk.session.drop().delete(wire.parse_number(argument))
    talk.reply(wire.ok(b"Deleted"))


async def rset(talk: Talk, argument: bytes) -> None:
    drop = talk.session.drop()
    drop.reset()
    talk.reply(wire.ok(b"%d messages (%d octets)" % (drop.count, drop.octets)))


async def noop(talk: Talk, argument: bytes) -> None:
    talk.reply(wire.ok())


# --- what is on offer -------------------------------------------------------------------------------------------
def _expire(talk: Talk) -> bytes:
    """RFC 2449 §6.7: nothing is ever deleted, but one view no longer shows what is older; before the login, the
    shortest that any account can have."""
    account = talk.session.account if talk.session.state is not State.AUTHORIZATION else None
    if account is None:
        return b"EXPIRE %d USER" % RECENT_DAYS
    return b"EXPIRE %d" % RECENT_DAYS if account.pop_view is PopView.RECENT else b"EXPIRE NEVER"


def _may_log_in(talk: Talk) -> bool:
    return talk.services.authenticator.may_log_in(tls=talk.has_tls, loopback=talk.connection.is_local)


def _mechanisms(talk: Talk) -> list[bytes]:
    offered = talk.services.authenticator.mechanisms(tls=talk.has_tls, loopback=talk.connection.is_local)
    return [mechanism.encode() for mechanism in offered]


def _can_start_tls(talk: Talk) -> bool:
    return talk.services.tls is not None and not talk.has_tls
