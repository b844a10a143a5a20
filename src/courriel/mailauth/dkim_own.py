"""Keys of our own domains: made, read, and looked for in the DNS.  RFC 6376 §3.3, RFC 8301 §3.2, RFC 8463 §4."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from courriel.base.errors import Damaged, FormatError
from courriel.formats.tag_list import parse_tags
from courriel.mailauth.dkim_sign import PrivateKey, SigningKey
from courriel.mailauth.dkim_signature import base64_value
from courriel.mailauth.dkim_verify import key_name
from courriel.model.dkim_key import Algorithm, DomainKey, Look
from courriel.ports.resolver import DnsFailure, Resolver

__all__ = ["RSA_BITS", "generate", "load", "look"]

RSA_BITS: Final = 2_048
"""RFC 8301 §3.2: signers should use at least 2048; a longer record finds no room in one UDP answer everywhere."""
_EXPONENT: Final = 65_537


def generate(algorithm: Algorithm) -> tuple[bytes, bytes]:
    """A new key: what p= says, and the private part as PKCS#8 in PEM.  An RSA key takes some 100 ms."""
    private: PrivateKey
    if algorithm is Algorithm.ED25519:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
    else:
        private = generate_private_key(_EXPONENT, RSA_BITS)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load(domain: str, selector: str, pem: bytes) -> SigningKey:
    """Raises Damaged."""
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError):  # what the library says may quote the key
        raise Damaged(f"the private key {selector} of {domain} cannot be read") from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise Damaged(f"the private key {selector} of {domain} is neither RSA nor Ed25519")
    return SigningKey(domain, selector, private)


async def look(resolver: Resolver, domain: str, key: DomainKey) -> Look:
    """Whether the DNS has the key as it is to be published, alone at its name."""
    try:
        answer = await resolver.txt(key_name(key.selector, domain))
    except DnsFailure:
        return Look.UNKNOWN
    records = answer.records
    return Look.SEEN if len(records) == 1 and _is_record_of(key, records[0]) else Look.ABSENT


def _is_record_of(key: DomainKey, record: bytes) -> bool:
    """Tags beside k= and p= are people's own choice, but not t=y: nobody would heed our signatures."""
    try:
        tags = parse_tags(record, "DKIM key")
        public = base64_value(tags.get("p", ""), "p=")
    except FormatError:
        return False
    testing = "y" in tags.get("t", "").replace(" ", "").split(":")
    return tags.get("k", "rsa") == key.algorithm.value and public == key.public and not testing
