"""Why a conversation cannot go on, or never began."""

from __future__ import annotations

from courriel.base.errors import CourrielError
from courriel.model.attempt import Attempt


class Broken(CourrielError):
    """The connection is of no more use: lost, silent for too long, or its server breaks the rules.

    ``status`` is an enhanced status code (RFC 3463 §3.5).
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NoSession(CourrielError):
    """There is no session to send over: connecting, greeting, TLS or login failed.

    ``attempt`` says so for every recipient.  ``code`` is of the server's reply, 0 without one.  ``tls_failure`` is a
    result type of RFC 8460 §4.3, "" where TLS is not what failed.
    """

    def __init__(self, attempt: Attempt, code: int = 0, tls_failure: str = "", *, clear_may_help: bool = False) -> None:
        super().__init__(attempt.reply)
        self.attempt = attempt
        self.code = code
        self.tls_failure = tls_failure
        self.clear_may_help = clear_may_help
        """The policy would be content with mail in clear: another connection without TLS may do."""
