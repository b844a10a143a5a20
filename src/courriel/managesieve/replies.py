"""Why not, in ManageSieve: one table from refusals to responses.  Codes RFC 5804 §1.3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from courriel.base.errors import CourrielError, Damaged, FormatError, Unavailable
from courriel.base.i18n import N_
from courriel.managesieve import wire
from courriel.model import refusals, script

REPLIES: Final[dict[type[CourrielError], tuple[str, bytes]]] = {
    FormatError: (N_("That command cannot be read"), b""),
    Unavailable: (N_("Not possible just now, try again later"), b"TRYLATER"),
    Damaged: (N_("What is stored cannot be read"), b""),
    refusals.AuthenticationFailed: (N_("Wrong name or password"), b""),
    refusals.AccountDisabled: (N_("Wrong name or password"), b""),
    refusals.Throttled: (N_("Too many logins, try again later"), b"TRYLATER"),
    refusals.TryLater: (N_("Not possible just now, try again later"), b"TRYLATER"),
    script.NoSuchScript: (N_("There is no script of that name"), b"NONEXISTENT"),
    script.ScriptExists: (N_("There is a script of that name"), b"ALREADYEXISTS"),
    script.ScriptActive: (N_("That script is at work; activate another one first"), b"ACTIVE"),
    script.TooManyScripts: (N_("You have as many scripts as you can keep; delete one"), b"QUOTA/MAXSCRIPTS"),
}

OTHERWISE: Final = (N_("Not possible"), b"")
UNKNOWN: Final = (N_("Unknown command"), b"")
NOT_NOW: Final = (N_("Not in this state"), b"")
TOO_LARGE: Final = (N_("The script is too large"), b"QUOTA/MAXSIZE")
NEEDS_TLS: Final = (N_("A password needs TLS: STARTTLS first"), b"ENCRYPT-NEEDED")
NO_MECHANISM: Final = (N_("That way to log in is not on offer"), b"")
CANCELLED: Final = (N_("Cancelled"), b"")
TLS_IS_ON: Final = (N_("TLS is on already"), b"")
NO_TLS: Final = (N_("No TLS here"), b"")

TOO_MANY_ERRORS: Final = N_("Too many errors")
TOO_MANY_CONNECTIONS: Final = wire.bye("Too many connections, try again later", b"TRYLATER")
INTERNAL: Final = wire.bye("Internal error", b"TRYLATER")
EXPIRED: Final = N_("You were silent too long")
STOPPING: Final = N_("The server stops")


def reply_for(error: CourrielError, say: Callable[[str], str]) -> bytes:
    """The response of the nearest kind in the table."""
    for kind in type(error).__mro__:
        if kind in REPLIES:
            return refuse(REPLIES[kind], say)
    return refuse(OTHERWISE, say)


def refuse(row: tuple[str, bytes], say: Callable[[str], str]) -> bytes:
    """One row of the above as NO."""
    text, code = row
    return wire.no(say(text), code)
