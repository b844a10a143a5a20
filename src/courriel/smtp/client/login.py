"""AUTH from the client's side: the best mechanism on offer.  RFC 4954 §4; RFC 7677, RFC 4616, LOGIN.

A generator of lines: each yields what to send, and is sent the reply.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Generator
from typing import Final, TypeAlias

from courriel.base.errors import CourrielError, FormatError
from courriel.smtp import scram
from courriel.smtp.wire.reply import Answer

ASKS: Final = 334
SUCCEEDED: Final = 235


class LoginRefused(CourrielError):
    """The server's answer is not the one that goes on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


Exchange: TypeAlias = Generator[bytes, Answer, None]


def exchange(offered: str, user: str, password: str) -> Exchange | None:
    """The lines of a login; None where no mechanism of ours is ``offered`` (the parameters of the keyword AUTH).

    It raises LoginRefused, and FormatError for a server that breaks the rules.
    """
    if "\0" in user + password:
        raise FormatError("SMTP login", -1, "RFC 4616 §2: no NUL")
    words = offered.upper().split()
    if scram.MECHANISM in words:
        return _scram(user, password)
    if "PLAIN" in words:
        return _plain(user, password)
    return _login(user, password) if "LOGIN" in words else None


def _plain(user: str, password: str) -> Exchange:
    secret = base64.b64encode(b"\0%b\0%b" % (user.encode(), password.encode()))
    _expect((yield b"AUTH PLAIN " + secret), SUCCEEDED)


def _login(user: str, password: str) -> Exchange:
    _expect((yield b"AUTH LOGIN"), ASKS)
    _expect((yield base64.b64encode(user.encode())), ASKS)
    _expect((yield base64.b64encode(password.encode())), SUCCEEDED)


def _scram(user: str, password: str) -> Exchange:
    client = scram.ScramClient(user, password, os.urandom(scram.NONCE_OCTETS))
    server_first = _challenge((yield b"AUTH SCRAM-SHA-256 " + base64.b64encode(client.first())))
    # A server that says 235 here has not shown that it knows the key: that is not taken for a login.
    client.check(_challenge((yield base64.b64encode(client.final(server_first)))))
    _expect((yield b""), SUCCEEDED)


def _challenge(answer: Answer) -> bytes:
    _expect(answer, ASKS)
    try:
        return base64.b64decode(answer.text, validate=True)
    except ValueError:
        raise FormatError("SMTP login", 0, "RFC 4954 §4: base64") from None


def _expect(answer: Answer, code: int) -> None:
    if answer.code != code:
        raise LoginRefused(answer)
