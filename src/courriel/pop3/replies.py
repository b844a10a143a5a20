"""Why not, in POP3: one table from refusals to replies.  Codes RFC 2449 §8.1, RFC 3206 §4–5.

Texts to strangers say nothing about who lives here.
"""

from __future__ import annotations

from typing import Final

from courriel.base.errors import CourrielError, Damaged, FormatError, Unavailable
from courriel.model import refusals
from courriel.pop3 import wire
from courriel.pop3.session import NoSuchMessage

_AUTH: Final = b"AUTH"
_SYS_TEMP: Final = b"SYS/TEMP"
_SYS_PERM: Final = b"SYS/PERM"

REPLIES: Final[dict[type[CourrielError], bytes]] = {
    NoSuchMessage: wire.err(b"No such message"),
    FormatError: wire.err(b"Syntax error"),
    Unavailable: wire.err(b"Temporarily unavailable, try again later", _SYS_TEMP),
    Damaged: wire.err(b"The stored message cannot be read", _SYS_PERM),
    refusals.AuthenticationFailed: wire.err(b"Wrong name or password", _AUTH),
    refusals.AccountDisabled: wire.err(b"Wrong name or password", _AUTH),
    refusals.Throttled: wire.err(b"Too many logins, try again later", _SYS_TEMP),
    refusals.TryLater: wire.err(b"Temporarily unavailable, try again later", _SYS_TEMP),
    refusals.SentEnough: wire.err(b"Temporarily unavailable, try again later", _SYS_TEMP),
    refusals.FilterDeferred: wire.err(b"Temporarily unavailable, try again later", _SYS_TEMP),
    refusals.NoSuchMailbox: wire.err(b"No maildrop", _SYS_PERM),
    refusals.MailboxGone: wire.err(b"The maildrop is gone", _SYS_PERM),
    refusals.NotPermitted: wire.err(b"Not permitted", _SYS_PERM),
}

_OTHERWISE: Final = wire.err(b"Not possible", _SYS_PERM)

IN_USE: Final = wire.err(b"The maildrop is open in another session", b"IN-USE")
TOO_SOON: Final = wire.err(b"You logged in a moment ago, try again later", b"LOGIN-DELAY")
NOT_NOW: Final = wire.err(b"Not in this state")
UNKNOWN: Final = wire.err(b"Unknown command")
TOO_LONG: Final = wire.err(b"Line too long")
NEEDS_TLS: Final = wire.err(b"Cleartext login needs TLS: STLS first", _AUTH)
TOO_MANY_ERRORS: Final = wire.err(b"Too many errors")
TOO_MANY_CONNECTIONS: Final = wire.err(b"Too many connections, try again later", _SYS_TEMP)
INTERNAL: Final = wire.err(b"Internal error", _SYS_TEMP)
NOT_REMOVED: Final = wire.err(b"Some deleted messages were not removed", _SYS_TEMP)


def reply_for(error: CourrielError) -> bytes:
    """The reply of the nearest kind in the table."""
    for kind in type(error).__mro__:
        if kind in REPLIES:
            return REPLIES[kind]
    return _OTHERWISE
