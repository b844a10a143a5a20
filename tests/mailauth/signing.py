"""Keys and messages for tests: made once, thrown away after."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    RSAPublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MESSAGE = (
    b"Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: A  question\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n\r\n"
    b"Hello Bob,  \r\n\r\nwhat is it?\t\r\n\r\n"
)


@cache
def rsa_key(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def record(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    """What is published for a key."""
    if isinstance(key, RSAPrivateKey):
        return _rsa_record(key.public_key())
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_key().public_bytes_raw())


def public_record(bits: int) -> bytes:
    """What looks like an RSA key of so many bits; nobody has its private part."""
    return _rsa_record(RSAPublicNumbers(65537, (1 << bits - 1) + 1).public_key())


def _rsa_record(key: RSAPublicKey) -> bytes:
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
