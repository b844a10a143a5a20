"""OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's older form of it): a token in the place of a password.

The exchange reads and answers the mechanisms' messages; whether a token is good is a ``TokenJudge``'s business, and
without one neither mechanism is offered.  A refusal takes two steps: the reason in JSON, the client's empty answer,
then the end (RFC 7628 §3.2.3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, Protocol

from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.account import Account
from courriel.model.refusals import AuthenticationFailed
from courriel.ports.credentials import SaslStep

BEARER_OCTETS: Final = 12_288
"""Longest message: tokens of large providers, with groups in them, are some 8 KB.  A line of IMAP before login holds
8,192 octets, which is 6 KB of token."""

_OAUTH: Final = re.compile(rb"n,(?:a=([^,\x01]{1,1024}))?,\x01((?:[A-Za-z]+=[^\x01]*\x01)+)\x01")
_XOAUTH2: Final = re.compile(rb"user=([^\x01]{1,1024})\x01((?:[A-Za-z]+=[^\x01]*\x01)+)\x01")
_TOKEN: Final = re.compile(rb"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)


class TokenGate(Protocol):
    """What an exchange needs to know.  Raises AuthenticationFailed or Throttled."""

    async def token(self, token: str, authzid: str) -> Account: ...


class Bearer:
    """One client's one try.  ``hints``: what the error tells the client beside its status (scope and the like)."""

    def __init__(self, gate: TokenGate, mechanism: str, hints: Mapping[str, str]) -> None:
        self._gate = gate
        self._is_older = mechanism == "XOAUTH2"
        self._hints = hints
        self._refused = False

    async def step(self, response: bytes) -> SaslStep:
        if self._refused:
            raise AuthenticationFailed("bearer token")
        authzid, token = read(response, self._is_older)
        if token is None:
            self._refused = True
            return SaslStep(self._error("invalid_request"))
        try:
            return SaslStep(None, await self._gate.token(token, authzid))
        except AuthenticationFailed:
            self._refused = True
            return SaslStep(self._error("invalid_token"))

    def abort(self) -> None:
        """Nothing was begun."""

    def _error(self, status: str) -> bytes:
        """RFC 7628 §3.2.2; XOAUTH2 has HTTP's number for it."""
        if self._is_older:
            status = "400" if status == "invalid_request" else "401"
        return json.dumps({"status": status, "schemes": "bearer", **self._hints}).encode()


def read(message: bytes, is_older: bool) -> tuple[str, str | None]:
    """The identity to act as ("": the token's own), and the token; None when there is no bearer token in it.

    client-resp = gs2-header kvsep *kvpair kvsep.  RFC 7628 §3.1.  Raises FormatError.
    """
    what = "XOAUTH2 message" if is_older else "OAUTHBEARER message"
    if len(message) > BEARER_OCTETS:
        raise LimitExceeded(what, BEARER_OCTETS, "bearer_octets")
    match = (_XOAUTH2 if is_older else _OAUTH).fullmatch(message)
    if match is None:
        raise FormatError(what, 0, "RFC 7628 §3.1")
    pairs = dict(pair.split(b"=", 1) for pair in match[2].split(b"\x01") if pair)
    given = _TOKEN.fullmatch(pairs.get(b"auth", b""))
    try:
        # saslname: "," and "=" are written =2C and =3D (RFC 5801 §4)
        authzid = (match[1] or b"").replace(b"=2C", b",").replace(b"=3D", b"=").decode()
    except UnicodeDecodeError:
        raise FormatError(what, 0, "not UTF-8") from None
    return authzid, None if given is None else given[1].decode()
