"""SASL exchanges of a server: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM (RFC 5802, RFC 7677).

Each is one client's one try.  They read and answer the mechanism's messages (already decoded from base64) and ask
a ``Gate`` about people and passwords.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from courriel.accounts import scram
from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.account import Account
from courriel.ports.credentials import SaslStep, ScramKeys

MESSAGE_OCTETS: Final = 4_096
"""Longest message of any mechanism here: two names and a password of 1,024 octets, and room."""

NONCE_OCTETS: Final = 18
"""Random octets in a SCRAM nonce: 24 characters of base64, no less than clients send."""


class Gate(Protocol):
    """What an exchange needs to know.  All raise AuthenticationFailed or Throttled."""

    async def password(self, login: str, password: str, authzid: str) -> Account: ...

    def scram_keys(self, login: str, hash_name: str) -> ScramKeys: ...

    async def proven(self, login: str, authzid: str, judge: Callable[[], bool]) -> Account:
        """Count a try of a proof; ``judge`` says whether it is right."""
        ...


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise FormatError(what, 0, "not UTF-8") from None


def _check_length(response: bytes, what: str) -> None:
    if len(response) > MESSAGE_OCTETS:
        raise LimitExceeded(what, MESSAGE_OCTETS, "message_octets")


class Plain:
    """``[authzid] NUL authcid NUL passwd``.  RFC 4616 §2."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def step(self, response: bytes) -> SaslStep:
        _check_length(response, "PLAIN message")
        parts = response.split(b"\0")
        if len(parts) != 3 or not parts[1] or not parts[2]:
            raise FormatError("PLAIN message", 0, "RFC 4616 §2")
        authzid, login, password = (_text(part, "PLAIN message") for part in parts)
        return SaslStep(None, await self._gate.password(login, password, authzid))

    def abort(self) -> None:
        """Nothing was begun."""


class Login:
    """Name, then password, each asked for by a prompt.  An initial response is the name."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._login: str | None = None

    async def step(self, response: bytes) -> SaslStep:
        _check_length(response, "LOGIN message")
        if self._login is None:
            if not response:
                return SaslStep(b"Username:")
            self._login = _text(response, "LOGIN name").rstrip("\0")
            return SaslStep(b"Password:")
        return SaslStep(None, await self._gate.password(self._login, _text(response, "LOGIN password"), ""))

    def abort(self) -> None:
        self._login = None


class Scram:
    """Four messages; the password never crosses the wire.  RFC 5802 §5."""

    def __init__(self, gate: Gate, hash_name: str, nonce: bytes) -> None:
        """``nonce`` is our half, printable."""
        self._gate = gate
        self._hash = hash_name
        self._nonce = nonce
        self._first: scram.ClientFirst | None = None
        self._keys: ScramKeys | None = None
        self._server_first = b""

    async def step(self, response: bytes) -> SaslStep:
        _check_length(response, "SCRAM message")
        if self._first is None or self._keys is None:
            return self._begin(scram.parse_client_first(response))
        final = scram.parse_client_final(response)
        first, keys = self._first, self._keys
        signed = scram.auth_message(first, self._server_first, final)
        account = await self._gate.proven(first.login, first.authzid, lambda: self._is_right(final, signed))
        return SaslStep(scram.render_server_final(keys, self._hash, signed), account)

    def abort(self) -> None:
        self._first = self._keys = None

    def _begin(self, first: scram.ClientFirst) -> SaslStep:
        self._first = first
        self._keys = self._gate.scram_keys(first.login, self._hash)
        self._server_first = scram.render_server_first(first.nonce + self._nonce, self._keys)
        return SaslStep(self._server_first)

    def _is_right(self, final: scram.ClientFinal, signed: bytes) -> bool:
        assert self._first is not None
        assert self._keys is not None
        # All three are compared in any case; a wrong nonce or header costs as much as a wrong proof.
        same_nonce = final.nonce == self._first.nonce + self._nonce
        same_header = final.gs2_header == self._first.gs2_header
        return scram.proof_is_right(self._keys, self._hash, signed, final.proof) and same_nonce and same_header
