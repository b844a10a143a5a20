"""Limits and habits of SMTP and LMTP, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One value for all doors unless the name says otherwise."""

    message_octets: int = 50 * 1024 * 1024
    """Largest message, announced by SIZE (RFC 1870).  Common among providers: 25–50 MB."""
    in_flight_octets: int = 256 * 1024 * 1024
    """Octets of messages being received or stored, over all connections; past it 452 4.3.1."""
    line_octets: int = 2_048
    """Command line without CRLF.  RFC 5321 §4.5.3.1.4 has 512; MAIL and RCPT grow by SIZE (26), SMTPUTF8 (10),
    BODY (16), AUTH (500), RET and ENVID (115), ORCPT and NOTIFY (530)."""
    auth_line_octets: int = 12_288
    """AUTH and its responses.  RFC 4954 §4."""
    text_line_octets: int = 1_048_576
    """Longest line of a message, kept as it is.  RFC 5321 §4.5.3.1.6 asks for 1,000; real mail has longer ones."""
    mx_recipients: int = 100
    """Recipients of one message from strangers.  RFC 5321 §4.5.3.1.8 asks for at least 100."""
    submission_recipients: int = 1_000
    """Recipients of one message from those logged in, and over LMTP."""
    patience_s: float = 300.0
    """Longest silence.  RFC 5321 §4.5.3.2.7."""
    line_s: float = 300.0
    """Longest time one command line may take to arrive (AUTH attack row 39: one octet in ten seconds)."""
    content_s: float = 1_800.0
    """Longest time one message may take to arrive: 50 MB at 28 KB/s."""
    errors: int = 20
    """Commands refused for syntax or order before we hang up (421).  Postfix's habit too."""
    unknown_recipients: int = 10
    """Unknown recipients answered at once; those after it wait ``tarpit_s`` each (AUTH attack row 35)."""
    refused_recipients: int = 20
    """Unknown recipients before we hang up (421)."""
    tarpit_s: float = 2.0
    """Wait before an answer to someone who guesses addresses.  RFC 5321 §4.5.3.2.3 gives clients 5 minutes."""
    failed_logins: int = 3
    """Failed logins on one connection before we hang up.  RFC 4954 §4 leaves the number to us."""
    idle_commands: int = 1_000
    """Commands that bring no message nearer (NOOP, RSET, VRFY, EHLO, …) between two messages, then 421."""
