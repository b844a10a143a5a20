"""The one table in which reasons become SMTP replies.  RFC 5321 §4.2.2–4.2.3, RFC 3463, RFC 4954 §6, RFC 3207 §4.

Texts to strangers are generic; details go to the log.  A test walks every family of errors and fails on a hole.
"""

from __future__ import annotations

from typing import Final

from courriel.base.errors import CourrielError, Damaged, FormatError, LimitExceeded, Unavailable
from courriel.model import refusals
from courriel.smtp.wire import faults
from courriel.smtp.wire.reply import Reply

OK: Final = b"250 2.0.0 OK\r\n"
SENDER_OK: Final = b"250 2.1.0 OK\r\n"
RECIPIENT_OK: Final = b"250 2.1.5 OK\r\n"
START_INPUT: Final = b"354 End data with <CR><LF>.<CR><LF>\r\n"
READY_FOR_TLS: Final = b"220 2.0.0 Ready to start TLS\r\n"
LOGGED_IN: Final = b"235 2.7.0 Authentication successful\r\n"
MAYBE: Final = b"252 2.5.0 Cannot verify, but send some mail and it will be tried\r\n"
HELP_TEXT: Final = b"214 2.0.0 See RFC 5321; commands are announced by EHLO\r\n"

CANCELLED: Final = Reply(501, "5.7.0", "Authentication cancelled")
BAD_BASE64: Final = Reply(501, "5.5.2", "That is not base64 of this mechanism")
NO_SUCH_MECHANISM: Final = Reply(504, "5.5.4", "Mechanism not offered")
NEEDS_LOGIN: Final = Reply(530, "5.7.0", "Authentication required")
NEEDS_TLS: Final = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
LOGIN_NEEDS_TLS: Final = Reply(538, "5.7.11", "Encryption required for authentication")
TOO_LARGE: Final = Reply(552, "5.3.4", "Message larger than the limit")
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors, closing connection")
TOO_IDLE: Final = Reply(421, "4.7.0", "Too many commands without mail, closing connection")
TOO_SLOW: Final = Reply(421, "4.4.2", "Too slow, closing connection")
TOO_BUSY: Final = Reply(421, "4.3.2", "Too many connections, try later")
STOPPING: Final = Reply(421, "4.3.2", "The server stops, closing connection")
"""RFC 5321 §3.8."""
OUR_FAULT: Final = Reply(421, "4.3.0", "Local error, closing connection; try later")

REPLIES: Final[dict[type[CourrielError], Reply]] = {
    # commands
    faults.UnknownVerb: Reply(500, "5.5.1", "Command not recognised"),
    faults.NotOurLanguage: Reply(500, "5.5.1", "This is a mail server"),
    faults.LineTooLong: Reply(500, "5.5.2", "Line too long"),
    faults.BareLineEnd: Reply(500, "5.5.2", "CR or LF alone; lines end with CR LF"),
    faults.NotOffered: Reply(502, "5.5.1", "Command not offered here"),
    faults.BadArgument: Reply(501, "5.5.4", "Syntax error in arguments"),
    faults.BadChunk: Reply(501, "5.5.4", "Chunk size cannot be read, closing connection"),
    faults.BadSender: Reply(501, "5.1.7", "That reverse-path is no address"),
    faults.BadRecipient: Reply(501, "5.1.3", "That forward-path is no address"),
    faults.UnknownParameter: Reply(555, "5.5.4", "Parameter not offered"),
    faults.OutOfOrder: Reply(503, "5.5.1", "Bad sequence of commands"),
    faults.CommandFault: Reply(500, "5.5.2", "Syntax error"),
    LimitExceeded: Reply(552, "5.3.4", "Larger than the limit"),
    FormatError: Reply(501, "5.5.2", "Syntax error"),
    # reasons of services
    refusals.NoSuchAddress: Reply(550, "5.1.1", "No such address here"),
    refusals.NoSuchMailbox: Reply(550, "5.2.0", "No such mailbox"),
    refusals.MailboxExists: Reply(550, "5.2.0", "Mailbox exists"),
    refusals.MailboxNotAllowed: Reply(550, "5.2.0", "Mailbox not allowed"),
    refusals.MailboxGone: Reply(451, "4.2.0", "Mailbox has gone, try later"),
    refusals.RelayDenied: Reply(554, "5.7.1", "Relaying denied"),
    refusals.AccountDisabled: Reply(550, "5.2.1", "Account disabled"),
    refusals.NotYourAddress: Reply(550, "5.7.1", "You may not send as this address"),
    refusals.OverQuota: Reply(552, "5.2.2", "Mailbox full"),
    refusals.MessageTooLarge: TOO_LARGE,
    refusals.TooManyRecipients: Reply(452, "4.5.3", "Too many recipients"),
    refusals.TooManyHops: Reply(554, "5.4.6", "Too many hops, mail loop"),
    refusals.BadMessage: Reply(550, "5.6.0", "Message breaks the format"),
    refusals.SentEnough: Reply(450, "4.7.1", "You have sent as much as you may for now"),
    refusals.WishNotGranted: Reply(501, "5.5.4", "That is past the limits announced by EHLO"),
    refusals.TooManyAnnotations: Reply(550, "5.2.0", "Too many annotations"),
    refusals.TooManyKeywords: Reply(550, "5.2.0", "Too many keywords"),
    refusals.AuthenticationFailed: Reply(535, "5.7.8", "Authentication credentials invalid"),
    refusals.Throttled: Reply(454, "4.7.0", "Too many failures, try later"),
    refusals.NotPermitted: Reply(550, "5.7.1", "Not permitted"),
    refusals.SenderNotProven: Reply(550, "5.7.1", "The sender is not proven"),
    refusals.Rejected: Reply(550, "5.7.1", "Refused by the recipient"),
    refusals.FilterVerdict: Reply(554, "5.7.1", "Refused by a filter"),
    refusals.FilterRefused: Reply(550, "5.7.1", "Refused by a filter"),
    refusals.FilterDeferred: Reply(451, "4.7.1", "A filter wants this message later"),
    refusals.TryLater: Reply(452, "4.3.1", "Short of resources, try later"),
    refusals.MailRefusal: Reply(554, "5.0.0", "Refused"),
    # the outside
    Unavailable: Reply(451, "4.3.0", "Cannot be stored now, try later"),
    Damaged: Reply(451, "4.3.0", "Local error, try later"),
}


def reply_for(error: CourrielError) -> Reply:
    """The reply for a reason: that of its class, or of the nearest one above; a filter has words of its own."""
    if isinstance(error, refusals.FilterVerdict) and error.code:
        *before, last = error.lines or ("",)
        return Reply(error.code, error.status, last, tuple(before))
    if isinstance(error, refusals.SenderNotProven) and error.lines:
        return Reply(550, error.status, error.lines[-1], error.lines[:-1])
    if isinstance(error, refusals.Rejected):
        return _in_their_words(error)
    for kind in type(error).__mro__:
        reply = REPLIES.get(kind)
        if reply is not None:
            return _until(reply, error)
    return OUR_FAULT


REASON_CHARACTERS: Final = 400
"""``smtp.reason``: of a recipient's words in one line; RFC 5321 §4.5.3.1.5 has 512 octets for all of it."""


def _in_their_words(error: refusals.Rejected) -> Reply:
    """On one line and in ASCII, as replies are without SMTPUTF8 (RFC 5429 §2.1.1; RFC 6531 §3.7.4)."""
    plain = REPLIES[refusals.Rejected]
    words = " ".join(
        "".join(one if " " <= one <= "~" else " " if one.isspace() else "?" for one in error.words).split()
    )
    text = words[:REASON_CHARACTERS] or plain.text
    return Reply(plain.code, plain.enhanced, text)


def _until(reply: Reply, error: CourrielError) -> Reply:
    """Who has sent enough is told when to come again, or that this message is too much for any day."""
    if not isinstance(error, refusals.SentEnough):
        return reply
    text = f"come again after {error.until}" if error.until else "this message has too many recipients for one day"
    return Reply(reply.code, reply.enhanced, f"{reply.text}; {text}")
