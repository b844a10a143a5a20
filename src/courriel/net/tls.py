"""TLS contexts for every port, and a private certificate authority for the first run.

ECDSA P-256 by default: its handshake costs half of RSA's (PERFORMANCE §4.6).  RFC 8446, RFC 9325.
"""

from __future__ import annotations

import asyncio.sslproto
import datetime
import ipaddress
import os
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from courriel.base.errors import Damaged

READ_BUFFER_OCTETS: Final = 16 * 1024
"""asyncio's buffer per TLS connection: 256 KiB as shipped makes an idle client cost 278 KiB, 16 KiB makes it
38 KiB (STORAGE §0.7).  One TLS record is 16 KiB, so nothing is gained by more."""

CA_DAYS: Final = 3650
LEAF_DAYS: Final = 397
"""Longest life that clients accept for a server certificate (CA/Browser Forum baseline, 398 days)."""

RENEW_DAYS: Final = 30
"""A server certificate with less than this left is replaced at the next start."""

_CA_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Courriel private CA")])

asyncio.sslproto.SSLProtocol.max_size = READ_BUFFER_OCTETS


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate chain and its key, PEM."""

    certificate: Path
    key: Path


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """A context for accepting clients: TLS 1.2 and up, no compression, no renegotiation."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!MD5")
    context.num_tickets = 1  # 2 as shipped; a mail client opens few connections (PERFORMANCE rule 7)
    context.load_cert_chain(files.certificate, files.key)
    return context


def client_context(ca: Path | None = None) -> ssl.SSLContext:
    """A context for our own clients: verified names, the system's authorities and ``ca``."""
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context


@lru_cache(maxsize=64)
def verified_context(ca: Path | None = None) -> ssl.SSLContext:
    """A shared context for talking to other servers: known authorities only.  Names are the caller's to compare.

    Reading the system's authorities takes some 20 ms, so a context is kept; new ones are seen after a restart.
    """
    context = client_context(ca)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@lru_cache(maxsize=1)
def unverified_context() -> ssl.SSLContext:
    """A shared context that encrypts with whoever is there (RFC 7435), or for a certificate judged later (DANE)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    return context


@dataclass(frozen=True, slots=True)
class PrivateAuthority:
    """Files of our own certificate authority and of the certificate it gave this server."""

    ca: Path
    ca_key: Path
    server: CertificateFiles


def private_authority(directory: Path, names: tuple[str, ...], now: datetime.datetime) -> PrivateAuthority:
    """Find or make a private CA in ``directory`` and a certificate for ``names`` (host names, IP addresses).

    The server's certificate is made anew when its names changed or RENEW_DAYS are left.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = PrivateAuthority(
        directory / "ca.pem",
        directory / "ca.key",
        CertificateFiles(directory / "server.pem", directory / "server.key"),
    )
    if not (files.ca.exists() and files.ca_key.exists()):
        _make_authority(files, now)
    if not _still_good(files.server, names, now):
        _make_server_certificate(files, names, now)
    return files


def _make_authority(files: PrivateAuthority, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(_CA_NAME, key.public_key(), key, now, CA_DAYS, names=())
    _write_key(files.ca_key, key)
    files.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _make_server_certificate(files: PrivateAuthority, names: tuple[str, ...], now: datetime.datetime) -> None:
    ca_key = serialization.load_pem_private_key(files.ca_key.read_bytes(), password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise Damaged(f"{files.ca_key} is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = _certificate(name, key.public_key(), ca_key, now, LEAF_DAYS, names)
    _write_key(files.server.key, key)
    files.server.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _still_good(files: CertificateFiles, names: tuple[str, ...], now: datetime.datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    wanted = x509.SubjectAlternativeName([_alternative_name(name) for name in names])
    has = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return has == wanted and certificate.not_valid_after_utc - now > datetime.timedelta(days=RENEW_DAYS)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_private(path, pem)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    days: int,
    names: tuple[str, ...],
) -> x509.Certificate:
    """A CA certificate when ``names`` is empty, else a server certificate for them.  RFC 5280 §4.2."""
    is_ca = not names
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_CA_NAME)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_key_usage(is_ca), critical=True)
    )
    if not is_ca:
        alternatives = x509.SubjectAlternativeName([_alternative_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
