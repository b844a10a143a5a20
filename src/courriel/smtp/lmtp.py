"""LMTP: the same conversation for a local delivery agent's clients.  RFC 2033.

It differs in its greeting (LHLO), and in one answer per recipient after the message.  It listens on a unix socket
only: whoever can reach that may deliver to anyone here, and there are no logins.  Mail for elsewhere is refused.
"""

from __future__ import annotations

from dataclasses import replace

from courriel.model.envelope import Door
from courriel.smtp.server import Desk, SmtpService


def lmtp_service(desk: Desk) -> SmtpService:
    """A service for ``Listener.open_unix``."""
    return SmtpService(replace(desk, authenticator=None, tls=None), Door.LMTP)
