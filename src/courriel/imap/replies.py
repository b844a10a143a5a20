"""Every reason to say no, in IMAP's words: one table.  RFC 9051 §7.1, RFC 5530.

Text to strangers is generic; the detail of a refusal goes to the log.
"""

from __future__ import annotations

from typing import Final

from courriel.base.errors import CourrielError, Damaged, FormatError, LimitExceeded, Refusal, Unavailable
from courriel.formats.message.section import UnknownEncoding
from courriel.imap.wire import codes
from courriel.imap.wire.mailbox import NameRefused
from courriel.imap.wire.notify import UnknownEvent
from courriel.imap.wire.search import UnknownCharset
from courriel.imap.wire.sets import UidRequired
from courriel.model import refusals


class No(Refusal):
    """A command's own reason for a NO.  ``text`` has its response code in front."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.text = text


REFUSALS: Final[dict[type[refusals.MailRefusal], bytes]] = {
    refusals.NoSuchAddress: codes.NONEXISTENT + b"No such address",
    refusals.NoSuchMailbox: codes.NONEXISTENT + b"No such mailbox",
    refusals.MailboxExists: codes.ALREADYEXISTS + b"There is such a mailbox already",
    refusals.MailboxNotAllowed: codes.CANNOT + b"Not possible with this mailbox",
    refusals.MailboxGone: codes.NONEXISTENT + b"The mailbox was deleted",
    refusals.RelayDenied: codes.NOPERM + b"Not allowed",
    refusals.AccountDisabled: codes.AUTHENTICATIONFAILED + b"Wrong name or password",
    refusals.NotYourAddress: codes.NOPERM + b"Not your address",
    refusals.OverQuota: codes.OVERQUOTA + b"The account is full",
    refusals.MessageTooLarge: codes.TOOBIG + b"The message is too large",
    refusals.TooManyRecipients: codes.LIMIT + b"Too many recipients",
    refusals.TooManyHops: codes.CANNOT + b"The message is in a loop",
    refusals.BadMessage: codes.CANNOT + b"The message is malformed",
    refusals.SentEnough: codes.LIMIT + b"You have sent as much as you may for now",
    refusals.WishNotGranted: codes.LIMIT + b"Past the limits",
    refusals.TooManyKeywords: codes.LIMIT + b"The account has too many keywords",
    refusals.TooManyAnnotations: codes.METADATA_TOOMANY + b"The account has too many annotations",
    refusals.AuthenticationFailed: codes.AUTHENTICATIONFAILED + b"Wrong name or password",
    refusals.Throttled: codes.UNAVAILABLE + b"Too many failures, try again later",
    refusals.NotPermitted: codes.NOPERM + b"Not allowed",
    refusals.TryLater: codes.UNAVAILABLE + b"Try again later",
}


def reply(error: CourrielError) -> bytes:
    """The tagged reply for an error, from ``NO``/``BAD`` on."""
    if isinstance(error, No):
        return b"NO " + error.text
    for kind in type(error).__mro__:
        if kind in REFUSALS:
            return b"NO " + REFUSALS[kind]
    if isinstance(error, Unavailable):
        return b"NO " + codes.UNAVAILABLE + b"Try again later"
    if isinstance(error, Damaged):
        return b"NO " + codes.SERVERBUG + b"Stored data is damaged"
    if isinstance(error, UnknownCharset):
        return b"NO " + codes.BADCHARSET + b"Unknown charset"
    if isinstance(error, UnknownEncoding):
        return b"NO " + codes.UNKNOWN_CTE + b"Unknown transfer encoding"
    if isinstance(error, NameRefused):
        return b"NO " + codes.CANNOT + b"No mailbox can have this name: " + _plain(error.rule)
    if isinstance(error, UnknownEvent):
        return b"NO " + codes.BADEVENT + b"Of this nothing can be told"
    if isinstance(error, LimitExceeded):
        return b"NO " + codes.LIMIT + b"Over the limit " + _plain(error.rule)
    if isinstance(error, UidRequired):
        return b"BAD " + codes.UIDREQUIRED + b"Sequence numbers are switched off"
    if isinstance(error, FormatError):
        return b"BAD " + _plain(str(error))
    return b"NO " + codes.SERVERBUG + b"Internal error"


def _plain(text: str) -> bytes:
    """Text that cannot break a line."""
    return text.encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ").replace(b"\0", b" ")
