"""What each ManageSieve command does.  RFC 5804 §2.

Each takes the talk and its arguments; errors of the families in replies.py become responses at the caller.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

from courriel import __version__
from courriel.base.errors import FormatError
from courriel.base.i18n import translator
from courriel.base.log import Level
from courriel.managesieve import login, replies, wire
from courriel.managesieve.session import State
from courriel.managesieve.talk import Talk
from courriel.managesieve.wire import Argument
from courriel.model.script import TooManyScripts, canonical_script_name
from courriel.sieve.advice import advice
from courriel.sieve.check import compile_script
from courriel.sieve.extensions import CAPABILITIES
from courriel.sieve.problems import BadScript, Problem

ALWAYS: Final = frozenset({"comparator-i;octet", "comparator-i;ascii-casemap"})
"""Not named among the extensions: every implementation has them.  RFC 5228 §2.7.3."""

Arguments = Sequence[Argument]


def _string(arguments: Arguments, place: int) -> bytes:
    found = arguments[place]
    if not isinstance(found, bytes):
        raise FormatError("ManageSieve command", place, "a string is expected")
    return found


def _name(arguments: Arguments, place: int) -> str:
    try:
        return canonical_script_name(_string(arguments, place).decode("utf-8"))
    except UnicodeDecodeError:
        raise FormatError("script name", 0, "RFC 5804 §1.6: UTF-8") from None


# --- in every state -------------------------------------------------------------------------------------------------
def offer(talk: Talk) -> bytes:
    """The capabilities.  RFC 5804 §1.7."""
    services = talk.services
    rows: list[tuple[str, str | None]] = [
        ("IMPLEMENTATION", f"Courriel {__version__}"),
        ("SASL", " ".join(login.mechanisms(talk))),
        ("SIEVE", " ".join(sorted(CAPABILITIES - ALWAYS))),
        ("NOTIFY", "mailto"),
        ("MAXREDIRECTS", str(services.sieve.redirects)),
        ("LANGUAGE", services.language),
    ]
    if services.tls is not None and not talk.has_tls:
        rows.append(("STARTTLS", None))
    if talk.session.state is State.OWNER:
        rows.append(("OWNER", talk.session.account.login))
    rows += [("UNAUTHENTICATE", None), ("VERSION", "1.0")]
    return wire.capabilities(rows)


async def capability(talk: Talk, arguments: Arguments) -> None:
    talk.reply(offer(talk) + wire.ok())


async def noop(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.13: the string comes back."""
    talk.reply(wire.ok("", b"TAG " + wire.string(_string(arguments, 0))) if arguments else wire.ok())


async def logout(talk: Talk, arguments: Arguments) -> None:
    talk.reply(wire.ok())
    talk.connection.close()


# --- strangers ------------------------------------------------------------------------------------------------------
async def authenticate(talk: Talk, arguments: Arguments) -> None:
    await login.authenticate(talk, _string(arguments, 0), _string(arguments, 1) if len(arguments) > 1 else None)


async def starttls(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.2.  Whatever came in clear behind the command is dropped unread; then the capabilities anew."""
    say, context = translator(talk.services.language), talk.services.tls
    if context is None or talk.has_tls:
        talk.reply(replies.refuse(replies.TLS_IS_ON if talk.has_tls else replies.NO_TLS, say))
        return
    talk.reply(wire.ok())
    dropped = talk.commands.clear()
    if dropped:
        talk.connection.event("managesieve.starttls.plaintext_dropped", Level.WARNING, octets=dropped)
    try:
        await talk.connection.start_tls(context)
    except (OSError, ssl.SSLError) as error:
        talk.connection.event("managesieve.starttls.failed", reason=type(error).__name__)
        talk.connection.abort()
        return
    talk.reply(offer(talk) + wire.ok())


# --- owners ---------------------------------------------------------------------------------------------------------
async def unauthenticate(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.14.1."""
    talk.session.log_out()
    talk.reply(wire.ok())


async def have_space(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.5."""
    name, octets, sieve = _name(arguments, 0), arguments[1], talk.services.sieve
    if not isinstance(octets, int):
        raise FormatError("HAVESPACE", 1, "a number is expected")
    if octets > sieve.script_octets:
        talk.reply(replies.refuse(replies.TOO_LARGE, translator(talk.services.language)))
        return
    kept = await talk.services.scripts.scripts(talk.session.account.id)
    if len(kept) >= sieve.scripts and name not in [one.name for one in kept]:
        raise TooManyScripts(name)
    talk.reply(wire.ok())


async def put_script(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.6: a script with mistakes is not kept; the client is told all of them."""
    name, content = _name(arguments, 0), _string(arguments, 1)
    told = await _checked(talk, content)
    if told is not None:
        services = talk.services
        await services.scripts.put(talk.session.account.id, name, content, services.sieve.scripts)
        talk.connection.event("managesieve.put", login=talk.session.account.login, octets=len(content))
        talk.reply(told)


async def check_script(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.12."""
    told = await _checked(talk, _string(arguments, 0))
    if told is not None:
        talk.reply(told)


async def _checked(talk: Talk, content: bytes) -> bytes | None:
    """The OK for a script without mistakes, with what is odd about it; None: it was refused."""
    say, sieve = translator(talk.services.language), talk.services.sieve
    if len(content) > sieve.script_octets:
        talk.reply(replies.refuse(replies.TOO_LARGE, say))
        return None
    try:
        await asyncio.to_thread(compile_script, content, sieve)
    except BadScript as error:
        talk.reply(wire.no("\n".join(problem.sentence(say) for problem in error.problems)))
        return None
    boxes = await talk.services.store.mailboxes(talk.session.account.id)
    odd: Sequence[Problem] = advice(content, frozenset(box.path for box in boxes))
    if not odd:
        return wire.ok()
    return wire.ok("\n".join(one.sentence(say) for one in odd), b"WARNINGS")


async def list_scripts(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.7."""
    kept = await talk.services.scripts.scripts(talk.session.account.id)
    rows = [wire.string(one.name.encode()) + (b" ACTIVE\r\n" if one.is_active else b"\r\n") for one in kept]
    talk.reply(b"".join(rows) + wire.ok())


async def set_active(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.8: the empty name lets all scripts rest."""
    name = _name(arguments, 0) if arguments[0] != b"" else ""
    await talk.services.scripts.activate(talk.session.account.id, name)
    talk.connection.event("managesieve.active", login=talk.session.account.login, script=name)
    talk.reply(wire.ok())


async def get_script(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.9."""
    content = await talk.services.scripts.read(talk.session.account.id, _name(arguments, 0))
    talk.reply(b"{%d}\r\n%b\r\n" % (len(content), content) + wire.ok())


async def delete_script(talk: Talk, arguments: Arguments) -> None:
    await talk.services.scripts.remove(talk.session.account.id, _name(arguments, 0))
    talk.reply(wire.ok())


async def rename_script(talk: Talk, arguments: Arguments) -> None:
    """RFC 5804 §2.11."""
    await talk.services.scripts.rename(talk.session.account.id, _name(arguments, 0), _name(arguments, 1))
    talk.reply(wire.ok())
