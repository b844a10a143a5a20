"""What a client asks of a server's TLS: nothing, encryption, a name, or a TLSA record.

RFC 3207; RFC 7435 (opportunistic), RFC 8461 §4.2 (MTA-STS), RFC 7672 (DANE), RFC 8314 (TLS first, port 465).
Which policy holds for a host is the caller's decision; here it is carried out.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from courriel.base.errors import CourrielError, FormatError
from courriel.model.tls_session import TlsSubject
from courriel.net import dane, peer_certificate
from courriel.net.tls import unverified_context, verified_context
from courriel.ports.resolver import Tlsa


class TlsMode(Enum):
    """How much is asked for."""

    NONE = "none"
    """Stay in clear: this machine, a unix socket, or the second try after a handshake that failed."""
    OPPORTUNISTIC = "opportunistic"
    """TLS where it is offered, whoever is there."""
    REQUIRED = "required"
    """TLS or no mail, whoever is there."""
    VERIFIED = "verified"
    """TLS with a certificate from a known authority for one of ``names``."""
    DANE = "dane"
    """TLS with a certificate that a TLSA record vouches for."""


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """``names``: whom the certificate must name (VERIFIED, DANE usage 2).  ``first``: TLS before the greeting.

    ``ca``: a file of further authorities (PEM) beside the system's.  ``subject``: under whose name its sessions are
    counted, None for not at all.  ``testing``: what fails is counted, and mail travels as if there were no policy.
    """

    mode: TlsMode = TlsMode.OPPORTUNISTIC
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    ca: Path | None = None
    first: bool = False
    subject: TlsSubject | None = None
    testing: bool = False

    @property
    def is_required(self) -> bool:
        """Whether mail must not go in clear."""
        return self.first or self.mode in (TlsMode.REQUIRED, TlsMode.VERIFIED, TlsMode.DANE)

    @property
    def is_verifying(self) -> bool:
        """Whether the session tells who the server is."""
        return self.mode in (TlsMode.VERIFIED, TlsMode.DANE)


CLEAR: Final = TlsPolicy(TlsMode.NONE)
OPPORTUNISTIC: Final = TlsPolicy()
REQUIRED: Final = TlsPolicy(TlsMode.REQUIRED)


def verified(*names: str, ca: Path | None = None, first: bool = False) -> TlsPolicy:
    """A certificate from a known authority for one of ``names``."""
    return TlsPolicy(TlsMode.VERIFIED, names, ca=ca, first=first)


def dane_policy(records: Iterable[Tlsa], names: tuple[str, ...]) -> TlsPolicy:
    """DNSSEC-secure TLSA records.  Where none of them is usable: TLS with whoever is there (RFC 7672 §2.2)."""
    usable = dane.usable(records)
    return TlsPolicy(TlsMode.DANE, names, usable) if usable else REQUIRED


class TlsFailure(CourrielError):
    """TLS is not as the policy wants it.  ``kind`` is the result type of a report, RFC 8460 §4.3."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def context_for(policy: TlsPolicy) -> ssl.SSLContext:
    """A context for the handshake.  It does not look at names: ``check`` does, before anything is said."""
    return verified_context(policy.ca) if policy.mode is TlsMode.VERIFIED else unverified_context()


def check(policy: TlsPolicy, connection: ssl.SSLObject, now: datetime.datetime) -> None:
    """Raises TlsFailure unless the server is the one that the policy wants."""
    if policy.mode is TlsMode.VERIFIED:
        _check_name(policy.names, connection)
    elif policy.mode is TlsMode.DANE:
        try:
            dane.check(policy.tlsa, peer_certificate.unverified_chain(connection), policy.names, now)
        except dane.NoMatch as error:
            raise TlsFailure("certificate-not-trusted", f"DANE: {error}") from None


def _check_name(names: tuple[str, ...], connection: ssl.SSLObject) -> None:
    try:
        certificate = peer_certificate.load(connection.getpeercert(binary_form=True) or b"")
    except FormatError as error:
        raise TlsFailure("validation-failure", str(error)) from None
    if not peer_certificate.is_for(certificate, names):
        raise TlsFailure("certificate-host-mismatch", f"the certificate is not for {' or '.join(names)}")


_KINDS: Final = {
    9: "certificate-expired",  # X509_V_ERR_CERT_NOT_YET_VALID
    10: "certificate-expired",  # X509_V_ERR_CERT_HAS_EXPIRED
    18: "certificate-not-trusted",  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: "certificate-not-trusted",  # SELF_SIGNED_CERT_IN_CHAIN
    20: "certificate-not-trusted",  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: "certificate-not-trusted",  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
}


def handshake_failure(error: Exception) -> TlsFailure:
    """What a handshake that failed means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailure(_KINDS.get(error.verify_code, "validation-failure"), error.verify_message)
    reason = (error.reason if isinstance(error, ssl.SSLError) else None) or str(error) or type(error).__name__
    return TlsFailure("validation-failure", f"TLS handshake failed: {reason}")


def describe(connection: ssl.SSLObject) -> str:
    """Protocol and cipher: "TLSv1.3 TLS_AES_256_GCM_SHA384"."""
    cipher = connection.cipher()
    return f"{connection.version()} {cipher[0]}" if cipher else str(connection.version())
