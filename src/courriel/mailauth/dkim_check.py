"""Whether octets are what a key signed: the part of DKIM that ARC shares.  RFC 6376 §3.7, RFC 8463 §3.

Pure, but for time: an RSA-2048 check takes 30 µs, an Ed25519 one 110 µs, a body 3 ms a MB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from courriel.formats.message.canonical_body import Canon, canonicaliser
from courriel.formats.message.canonical_header import FieldPicker, RawField, canonical_field
from courriel.formats.tag_list import without_value
from courriel.mailauth.dkim_key import Material

__all__ = ["ALGORITHMS", "CHUNK_OCTETS", "BodyWish", "hash_bodies", "is_signed", "signed_octets"]

ALGORITHMS: Final = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
"""Those that may pass, and the kind of key each wants.  rsa-sha1 is none of them: RFC 8301 §3.1."""

CHUNK_OCTETS: Final = 262_144
"""Pieces in which a body is canonicalised: they stay in the processor's cache (1 MB: 3.4 → 2.8 ms)."""

BodyWish = tuple[Canon, int | None]
"""A form, and how many octets of it are hashed (l=), None for all."""

_PADDING: Final = PKCS1v15()
_SHA256: Final = SHA256()


def hash_bodies(content: bytes, start: int, wishes: Collection[BodyWish]) -> dict[BodyWish, tuple[bytes, int]]:
    """SHA-256 of the body from ``start`` as each wish has it, and the octets of the whole canonical form.

    Each form is made once, however many wishes there are.
    """
    found: dict[BodyWish, tuple[bytes, int]] = {}
    for form in Canon:
        limits = {limit for wanted, limit in wishes if wanted is form}
        if limits:
            hashes, octets = _hash_body(content, start, form, limits)
            found.update({(form, limit): (digest, octets) for limit, digest in hashes.items()})
    return found


def _hash_body(content: bytes, start: int, form: Canon, limits: set[int | None]) -> tuple[dict[int | None, bytes], int]:
    canon, octets = canonicaliser(form), 0
    running = {limit: hashlib.sha256() for limit in limits}
    for at in range(start, len(content) + 1, CHUNK_OCTETS):
        last = at + CHUNK_OCTETS > len(content)
        piece = canon.feed(content[at : at + CHUNK_OCTETS])
        if last:
            piece += canon.finish()
        for limit, hasher in running.items():
            if limit is None:
                hasher.update(piece)
            elif limit > octets:
                hasher.update(piece[: limit - octets])
        octets += len(piece)
    return {limit: hasher.digest() for limit, hasher in running.items()}, octets


def signed_octets(picker: FieldPicker, names: Sequence[bytes], own: RawField, form: Canon) -> bytes:
    """The header as signed: the fields of ``names``, then the signature's own field without its b=."""
    name, colon, value = own
    bare = without_value(value.removesuffix(b"\n").removesuffix(b"\r"), b"b")
    return picker.canonical(names, form) + canonical_field((name, colon, bare), form).removesuffix(b"\r\n")


def is_signed(material: Material, signature: bytes, octets: bytes) -> bool:
    """Whether the key made ``signature`` over ``octets``; Ed25519 signs their SHA-256 (RFC 8463 §3)."""
    try:
        if isinstance(material, Ed25519PublicKey):
            material.verify(signature, hashlib.sha256(octets).digest())
        else:
            material.verify(signature, octets, _PADDING, _SHA256)
    except InvalidSignature:
        return False
    return True
