"""SCRAM-SHA-256, the client's side: the password stays here, and the server must prove that it knows its key.

RFC 5802 §3, §5, §7; RFC 7677.  No channel binding, as on our server's side.  Pure; the nonce is handed in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

from courriel.accounts.passwords import saslprep
from courriel.base.errors import FormatError, LimitExceeded

MECHANISM: Final = "SCRAM-SHA-256"

NONCE_OCTETS: Final = 18
"""Random octets of our nonce, before base64."""

MOST_ITERATIONS: Final = 1_000_000
"""More than this a server may not ask for: about half a second of our time (RFC 7677 §4 has at least 4,096)."""

_SERVER_FIRST: Final = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})(?:,[^\x00]*)?")


class ScramClient:
    """One login: ``first``, ``final``, ``check``, in this order."""

    def __init__(self, user: str, password: str, randomness: bytes) -> None:
        self._nonce = base64.b64encode(randomness)
        name = saslprep(user).replace("=", "=3D").replace(",", "=2C").encode()
        self._bare = b"n=%b,r=%b" % (name, self._nonce)
        self._password = saslprep(password).encode()
        self._server_signature = b""

    def first(self) -> bytes:
        """client-first-message."""
        return b"n,," + self._bare

    def final(self, server_first: bytes) -> bytes:
        """client-final-message.  Raises FormatError for a server that breaks the rules."""
        found = _SERVER_FIRST.fullmatch(server_first)
        if found is None or not found[1].startswith(self._nonce) or found[1] == self._nonce:
            raise FormatError("SCRAM server-first-message", 0, "RFC 5802 §5.1")
        iterations = int(found[3])
        if iterations > MOST_ITERATIONS:
            raise LimitExceeded("SCRAM server-first-message", -1, "scram.most_iterations")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, _base64(found[2]), iterations)
        client_key = _hmac(salted, b"Client Key")
        without_proof = b"c=biws,r=" + found[1]
        signed = b"%b,%b,%b" % (self._bare, server_first, without_proof)
        self._server_signature = _hmac(_hmac(salted, b"Server Key"), signed)
        signature = _hmac(hashlib.sha256(client_key).digest(), signed)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return b"%b,p=%b" % (without_proof, base64.b64encode(proof))

    def check(self, server_final: bytes) -> None:
        """server-final-message.  Raises FormatError when the server did not prove itself."""
        said = _base64(server_final[2:].partition(b",")[0]) if server_final.startswith(b"v=") else b""
        if not self._server_signature or not hmac.compare_digest(said, self._server_signature):
            raise FormatError("SCRAM server-final-message", 0, "the server does not know the key (RFC 5802 §3)")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _base64(raw: bytes) -> bytes:
    try:
        return binascii.a2b_base64(raw, strict_mode=True)
    except binascii.Error:
        raise FormatError("SCRAM message", 0, "base64 (RFC 4648 §4)") from None
