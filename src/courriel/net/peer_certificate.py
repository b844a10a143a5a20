"""What the other side of a TLS connection has shown: its chain, and whom the first certificate names.

``unverified_chain`` is the one place that reaches into ``ssl``: public from Python 3.13, private before.
Names are compared as RFC 9525 §6.3 says: subjectAltName only, never the common name.
"""

from __future__ import annotations

import ipaddress
import ssl
import sys
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from courriel.base.errors import FormatError
from courriel.formats import domain as domains


def unverified_chain(connection: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    """The certificates as the server sent them, its own first, DER.  Empty where there was no handshake."""
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain())
    inner: Any = connection._sslobj  # type: ignore[union-attr]
    return tuple([one.public_bytes(ssl._ssl.ENCODING_DER) for one in inner.get_unverified_chain() or ()])  # type: ignore[attr-defined]


_UNREADABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What ``cryptography`` raises for the certificates of people who mean harm."""


def load(der: bytes) -> x509.Certificate:
    """Raises FormatError for what is no certificate, or one with extensions that cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions
    except _UNREADABLE as error:
        raise FormatError("certificate", -1, str(error)) from None
    return certificate


def is_for(certificate: x509.Certificate, names: tuple[str, ...]) -> bool:
    """Whether the certificate names one of ``names`` (host names or IP addresses)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    presented = alternatives.get_values_for_type(x509.DNSName)
    addresses = alternatives.get_values_for_type(x509.IPAddress)
    for name in names:
        try:
            if ipaddress.ip_address(name) in addresses:
                return True
        except ValueError:
            if any(_matches(one, name) for one in presented):
                return True
    return False


def _matches(presented: str, name: str) -> bool:
    """RFC 9525 §6.3: equal labels, or ``*`` for the whole first one.  ``*.org`` covers nobody."""
    try:
        wanted = domains.normalise(name)
    except FormatError:
        return False
    shown = presented.lower().removesuffix(".")
    if not shown.startswith("*."):
        return shown == wanted
    rest = shown[1:]
    return rest.count(".") >= 2 and wanted.partition(".")[2] == rest[1:] and not wanted.startswith(".")
