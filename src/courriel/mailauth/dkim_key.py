"""The key a signer publishes: the TXT record below ``_domainkey``.  RFC 6376 §3.6.1, RFC 8301 §3.2, RFC 8463 §3.

Keys are kept parsed: loading an RSA key takes 15 µs, and most mail comes from few signers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from courriel.base.errors import FormatError
from courriel.formats.tag_list import parse_tags
from courriel.mailauth.dkim_signature import base64_value

__all__ = ["CACHED_KEYS", "DkimKey", "Material", "first_key", "parse_key", "unfit"]

WHAT: Final = "DKIM key"
CACHED_KEYS: Final = 2_048
"""``dkim.cached_keys``: parsed records that are kept, about 3 KB each."""
RSA_BITS: Final = (1_024, 4_096)
"""RFC 8301 §3.2: verifiers do not take fewer than 1024 bits, and need not take more than 4096; a longer key is there
to cost time (AUTH attack row 15)."""
RECORDS_TRIED: Final = 4
"""``dkim.records_tried``: of several TXT records of one name (RFC 6376 §3.6.2.2 leaves it open), until one is a key."""

_ED25519_OCTETS: Final = 32

Material: TypeAlias = RSAPublicKey | Ed25519PublicKey


class DkimKey(msgspec.Struct, frozen=True):
    """``material`` is None when the key was revoked (p= empty).  ``hashes`` None: any."""

    kind: str
    material: Material | None
    hashes: frozenset[str] | None
    for_email: bool
    testing: bool
    strict: bool
    """t=s: i= has to be the very domain of d=."""


@lru_cache(maxsize=CACHED_KEYS)
def parse_key(record: bytes, rsa_bits: int = RSA_BITS[1]) -> DkimKey:
    """Raises FormatError for what is no key, or none that may be used: RSA keys of more than ``rsa_bits``."""
    tags = parse_tags(record, WHAT)
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise _fault("v= is not DKIM1, or not first")
    if "p" not in tags:
        raise _fault("p= is missing")
    kind, flags = tags.get("k", "rsa"), _words(tags.get("t", ""))
    return DkimKey(
        kind,
        _material(kind, base64_value(tags["p"], "p="), rsa_bits),
        _words(tags["h"]) if "h" in tags else None,
        bool(_words(tags.get("s", "*")) & {"*", "email"}),
        "y" in flags,
        "s" in flags,
    )


def unfit(key: DkimKey, kind: str) -> str:
    """Why a key does not check signatures of ``kind`` over SHA-256, "" when it does.  RFC 6376 §6.1.2."""
    if key.material is None:
        return "it was revoked"
    if key.kind != kind:
        return f"it is an {key.kind} key"
    if key.hashes is not None and "sha256" not in key.hashes:
        return "it is not for sha256"
    return "" if key.for_email else "it is not for mail"


def first_key(records: Iterable[bytes], rsa_bits: int = RSA_BITS[1]) -> DkimKey:
    """The first of a name's records that is a key.  Raises FormatError: why the first is none."""
    why: FormatError | None = None
    for number, record in enumerate(records):
        if number == RECORDS_TRIED:
            break
        try:
            return parse_key(record, rsa_bits)
        except FormatError as error:
            why = why or error
    raise why or _fault("no record")


def _material(kind: str, octets: bytes, rsa_bits: int) -> Material | None:
    if kind not in ("rsa", "ed25519"):
        raise _fault(f"k={kind} is not known")
    if not octets:
        return None
    return _ed25519(octets) if kind == "ed25519" else _rsa(octets, rsa_bits)


def _ed25519(octets: bytes) -> Material:
    if len(octets) != _ED25519_OCTETS:
        raise _fault("p= is no Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(octets)


def _rsa(octets: bytes, rsa_bits: int) -> Material:
    """SubjectPublicKeyInfo, or the bare RSAPublicKey that RFC 6376 §3.6.1 speaks of."""
    try:
        key = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        try:
            key = load_der_public_key(_as_key_info(octets))
        except (ValueError, UnsupportedAlgorithm):
            raise _fault("p= is no RSA key") from None
    if not isinstance(key, RSAPublicKey):
        raise _fault("p= is no RSA key")
    if not RSA_BITS[0] <= key.key_size <= rsa_bits:
        raise _fault(f"an RSA key of {key.key_size} bits (RFC 8301 §3.2)")
    return key


# AlgorithmIdentifier rsaEncryption with NULL parameters, RFC 3279 §2.3.1, in DER.
_RSA_ENCRYPTION: Final = bytes.fromhex("300d06092a864886f70d0101010500")


def _as_key_info(rsa_public_key: bytes) -> bytes:
    bits = b"\0" + rsa_public_key
    inside = _RSA_ENCRYPTION + b"\x03" + _length(len(bits)) + bits
    return b"\x30" + _length(len(inside)) + inside


def _length(octets: int) -> bytes:
    """DER, definite form."""
    if octets < 0x80:
        return bytes([octets])
    raw = octets.to_bytes((octets.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip(" \t\r\n") for word in text.split(":"))


def _fault(rule: str) -> FormatError:
    return FormatError(WHAT, -1, rule)
