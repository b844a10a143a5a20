"""DANE: a server's certificate against the TLSA records of its host.  RFC 6698, RFC 7671, RFC 7672 §3.

Usage 3 (DANE-EE) asks for one certificate or key and nothing else.  Usage 2 (DANE-TA) names an authority that the
certificate must come from, by a chain that is walked here: signatures, dates, names, who may issue.  Usages 0 and 1
have no meaning for mail between servers (RFC 7672 §3.1.3).  That the records are DNSSEC-secure is the caller's word.

Stricter than the text in two points: an authority given as a bare key (2 1 0) must be in the chain that the server
sends, and chains with name constraints are not trusted.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from courriel.base.errors import CourrielError, FormatError
from courriel.net import peer_certificate
from courriel.ports.resolver import Tlsa

CHAIN_CERTIFICATES: Final = 10
"""``dane.chain``: most certificates of a server that are looked at; real chains have two to four."""

DANE_TA: Final = 2
DANE_EE: Final = 3
WHOLE_CERTIFICATE: Final = 0
PUBLIC_KEY: Final = 1

_DIGESTS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: lambda octets: hashlib.sha256(octets).digest(),
    2: lambda octets: hashlib.sha512(octets).digest(),
}
_LENGTHS: Final = {1: 32, 2: 64}
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
"""Critical extensions that do not make a certificate unusable.  RFC 5280 §4.2."""

_BROKEN_HASHES: Final = frozenset({"md5", "sha1"})
"""Signatures that can be forged; newer releases of ``cryptography`` do not check them at all."""


class NoMatch(CourrielError):
    """The certificate is not what the TLSA records ask for."""


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that can be used; of two digests of the same thing only the stronger (RFC 7671 §9)."""
    known = [one for one in records if _is_known(one)]
    strong = {(one.usage, one.selector) for one in known if one.matching == 2}
    return tuple([one for one in known if one.matching != 1 or (one.usage, one.selector) not in strong])


def _is_known(record: Tlsa) -> bool:
    return (
        record.usage in (DANE_TA, DANE_EE)
        and record.selector in (WHOLE_CERTIFICATE, PUBLIC_KEY)
        and record.matching in _DIGESTS
        and len(record.data) == _LENGTHS.get(record.matching, len(record.data) or -1)
    )


def check(records: Sequence[Tlsa], chain: Sequence[bytes], names: tuple[str, ...], now: datetime.datetime) -> None:
    """Raises NoMatch unless a usable record vouches for ``chain`` (DER, the server's own certificate first).

    ``names`` are the names that an authority may have certified (RFC 7672 §3.2.2); usage 3 asks for none.
    """
    try:
        certificates = [peer_certificate.load(der) for der in chain[:CHAIN_CERTIFICATES]]
    except FormatError as error:
        raise NoMatch(str(error)) from None
    if not certificates:
        raise NoMatch("the server showed no certificate")
    leaf = certificates[0]
    if any(record.usage == DANE_EE and _is_meant(record, leaf) for record in records):
        return
    authorities = [record for record in records if record.usage == DANE_TA]
    if not authorities:
        raise NoMatch("the certificate is not the one in the TLSA records")
    if not peer_certificate.is_for(leaf, names):
        raise NoMatch(f"the certificate is not for {' or '.join(names)}")
    if not _Walk(authorities, certificates, now).reaches_an_anchor(leaf):
        raise NoMatch("no chain leads to an authority of the TLSA records")


def _is_meant(record: Tlsa, certificate: x509.Certificate) -> bool:
    try:
        selected = (
            certificate.public_bytes(serialization.Encoding.DER)
            if record.selector == WHOLE_CERTIFICATE
            else certificate.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    except (UnsupportedAlgorithm, ValueError):
        return False
    return _DIGESTS[record.matching](selected) == record.data


class _Walk:
    """From the server's certificate up to an authority.  Each certificate is visited once: at most n² signatures."""

    def __init__(
        self, authorities: Sequence[Tlsa], certificates: Sequence[x509.Certificate], now: datetime.datetime
    ) -> None:
        self._now = now
        self._anchors = [
            one for one in certificates[1:] if any(_is_meant(record, one) for record in authorities)
        ] + _certificates_within(authorities)
        self._issuers = self._anchors + [one for one in certificates[1:] if one not in self._anchors]
        self._visited: set[x509.Certificate] = set()

    def reaches_an_anchor(self, leaf: x509.Certificate) -> bool:
        return self._is_current(leaf) and _may_serve(leaf) and self._climb(leaf, 0)

    def _climb(self, certificate: x509.Certificate, below: int) -> bool:
        """``below``: how many intermediate certificates stand below the issuer that is looked for."""
        for issuer in self._issuers:
            if issuer in self._visited or not self._issued(issuer, certificate, below):
                continue
            self._visited.add(issuer)
            if issuer in self._anchors or self._climb(issuer, below + 1):
                return True
        return False

    def _issued(self, issuer: x509.Certificate, certificate: x509.Certificate, below: int) -> bool:
        if not (self._is_current(issuer) and _may_issue(issuer, below)):
            return False
        try:
            hash_ = certificate.signature_hash_algorithm
            if hash_ is not None and hash_.name in _BROKEN_HASHES:
                return False
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return True

    def _is_current(self, certificate: x509.Certificate) -> bool:
        return certificate.not_valid_before_utc <= self._now <= certificate.not_valid_after_utc


def _certificates_within(authorities: Iterable[Tlsa]) -> list[x509.Certificate]:
    """Authorities that the DNS holds whole (2 0 0): the server need not send them.  RFC 7671 §5.2."""
    found = []
    for record in authorities:
        if record.selector == WHOLE_CERTIFICATE and record.matching == 0:
            try:
                found.append(peer_certificate.load(record.data))
            except FormatError:
                continue
    return found


def _may_issue(certificate: x509.Certificate, below: int) -> bool:
    """RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4."""
    extensions = {one.oid: one.value for one in certificate.extensions}
    basic = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    return (
        _is_understood(certificate)
        and isinstance(basic, x509.BasicConstraints)
        and basic.ca
        and (basic.path_length is None or basic.path_length >= below)
        and (not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign)
    )


def _may_serve(certificate: x509.Certificate) -> bool:
    """RFC 5280 §4.2.1.12."""
    purposes = [one.value for one in certificate.extensions if isinstance(one.value, x509.ExtendedKeyUsage)]
    return _is_understood(certificate) and all(
        ExtendedKeyUsageOID.SERVER_AUTH in one or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in one for one in purposes
    )


def _is_understood(certificate: x509.Certificate) -> bool:
    return all(
        one.oid != ExtensionOID.NAME_CONSTRAINTS and (one.oid in _UNDERSTOOD or not one.critical)
        for one in certificate.extensions
    )
