"""SCRAM, the server's side: messages and proofs.  RFC 5802 §5–7, RFC 7677.

Pure: bytes in, values out.  No channel binding (Python's ssl cannot give one for TLS 1.3, LIBRARIES §4.1).  Which
account, which keys, and counting tries is sasl.py's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.ports.credentials import ScramKeys

_CLIENT_FIRST: Final = re.compile(
    rb"([nyp](?:=[A-Za-z0-9.-]+)?),(?:a=([^,]+))?,n=([^,]+),r=([!-+\--~]+)((?:,[a-zA-Z]=[^,]*)*)"
)
"""gs2-header client-first-message-bare of RFC 5802 §7; a mandatory extension (``m=``) does not match."""

_CLIENT_FINAL: Final = re.compile(rb"c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[a-zA-Z]=[^,]*)*,p=([A-Za-z0-9+/=]+)")

_ESCAPE: Final = re.compile(r"=(2C|3D)?")

CLIENT_NONCE_OCTETS: Final = 256
"""Longest nonce taken; clients send 18–64."""


class ClientFirst(msgspec.Struct, frozen=True):
    """What the client opens with; ``bare`` is the part that is signed."""

    gs2_header: bytes
    authzid: str
    login: str
    nonce: bytes
    bare: bytes


class ClientFinal(msgspec.Struct, frozen=True):
    """The client's proof; ``without_proof`` is the part that is signed."""

    nonce: bytes
    gs2_header: bytes
    proof: bytes
    without_proof: bytes


def parse_client_first(message: bytes) -> ClientFirst:
    """RFC 5802 §7: client-first-message.  Raises FormatError, for channel binding too."""
    found = _CLIENT_FIRST.fullmatch(message)
    if found is None:
        raise FormatError("SCRAM client-first-message", 0, "RFC 5802 §7")
    binding, authzid, login, nonce, _ = found.groups()
    if binding not in (b"n", b"y"):
        raise FormatError("SCRAM client-first-message", 0, "channel binding is not on offer (RFC 5802 §6)")
    if len(nonce) > CLIENT_NONCE_OCTETS:
        raise FormatError("SCRAM client-first-message", -1, "client_nonce_octets")
    bare_at = found.start(3) - 2
    return ClientFirst(message[:bare_at], _name(authzid or b""), _name(login), nonce, message[bare_at:])


def _name(raw: bytes) -> str:
    """saslname: ``=2C`` is a comma, ``=3D`` an equals sign, any other ``=`` an error."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise FormatError("SCRAM saslname", 0, "not UTF-8") from None
    if "=" not in text:
        return text
    if any(escape.group(1) is None for escape in _ESCAPE.finditer(text)):
        raise FormatError("SCRAM saslname", 0, "RFC 5802 §5.1: = must be =3D")
    return text.replace("=2C", ",").replace("=3D", "=")


def parse_client_final(message: bytes) -> ClientFinal:
    """RFC 5802 §7: client-final-message.  Raises FormatError."""
    found = _CLIENT_FINAL.fullmatch(message)
    if found is None:
        raise FormatError("SCRAM client-final-message", 0, "RFC 5802 §7")
    gs2_header, proof = _base64(found.group(1)), _base64(found.group(3))
    return ClientFinal(found.group(2), gs2_header, proof, message[: found.start(3) - 3])


def _base64(raw: bytes) -> bytes:
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        raise FormatError("SCRAM base64", 0, "RFC 5802 §7") from None


def render_server_first(nonce: bytes, keys: ScramKeys) -> bytes:
    """RFC 5802 §7: server-first-message; ``nonce`` is the client's and ours."""
    return b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(keys.salt), keys.iterations)


def auth_message(first: ClientFirst, server_first: bytes, final: ClientFinal) -> bytes:
    """What both sides sign.  RFC 5802 §3."""
    return b",".join((first.bare, server_first, final.without_proof))


def proof_is_right(keys: ScramKeys, hash_name: str, signed: bytes, proof: bytes) -> bool:
    """H(ClientProof XOR ClientSignature) = StoredKey.  RFC 5802 §3."""
    signature = hmac.digest(keys.stored_key, signed, hash_name)
    if len(proof) != len(signature):
        return False
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hashlib.new(hash_name, client_key).digest(), keys.stored_key)


def render_server_final(keys: ScramKeys, hash_name: str, signed: bytes) -> bytes:
    """``v=`` ServerSignature: proves to the client that we know its keys."""
    return b"v=" + base64.b64encode(hmac.digest(keys.server_key, signed, hash_name))


def fake_keys(secret: bytes, login: str, hash_name: str, iterations: int, salt_octets: int) -> ScramKeys:
    """Keys nobody has, the same for the same name at all times, so that names cannot be told apart.  RFC 5802 §9."""
    size = hashlib.new(hash_name).digest_size
    seed = hmac.digest(secret, f"{hash_name}\0{login}".encode("utf-8", "surrogatepass"), "sha256")
    keys = hashlib.shake_256(seed).digest(salt_octets + 2 * size)
    return ScramKeys(keys[:salt_octets], iterations, keys[salt_octets : salt_octets + size], keys[salt_octets + size :])
