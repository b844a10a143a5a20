"""What can be wrong with a command line; ``replies`` says each of them in SMTP.  RFC 5321 §4.2.2, RFC 3463 §3.6."""

from __future__ import annotations

from courriel.base.errors import FormatError


class CommandFault(FormatError):
    """Root of the faults below."""

    def __init__(self, rule: str = "", offset: int = -1) -> None:
        super().__init__("SMTP command", offset, rule)


class UnknownVerb(CommandFault):
    """No command of this name."""


class NotOffered(CommandFault):
    """A command that exists and is not for this door (AUTH on port 25, EXPN anywhere)."""


class LineTooLong(CommandFault):
    """A command line past the limit.  RFC 5321 §4.5.3.1.4."""


class BareLineEnd(CommandFault):
    """CR or LF without the other: what follows cannot be trusted.  RFC 5321 §2.3.8, AUTH attack row 1."""


class BadArgument(CommandFault):
    """The verb is known, its argument is not of its grammar."""


class BadChunk(BadArgument):
    """BDAT without a size that can be read: where its octets end cannot be known.  RFC 3030 §2."""


class BadSender(CommandFault):
    """The reverse-path is no address."""


class BadRecipient(CommandFault):
    """The forward-path is no address."""


class UnknownParameter(CommandFault):
    """A parameter of MAIL or RCPT that we did not announce.  RFC 5321 §4.1.1.11."""


class OutOfOrder(CommandFault):
    """A command at the wrong time.  RFC 5321 §4.1.4."""


class NotOurLanguage(CommandFault):
    """HTTP or a TLS greeting on a plain port: nobody here for that (AUTH attack row 4)."""
