"""What others do of the same work: pyspf, dkimpy, authheaders and OpenDKIM's C library, where they are installed.

All are given their DNS answers from memory.  OpenDKIM's library is called from Python: some 15 calls of 1 µs a message.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib
import re
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.zone import Zone

FIELD: Final = re.compile(rb"[^\r\n]+(?:\r\n[ \t][^\r\n]*)*")


def module(name: str) -> Any:
    """The module, None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def txt(zone: Zone, name: str) -> bytes | None:
    """The one TXT record of a name."""
    zone.asked.clear()
    found = zone._find(name.rstrip("."), "TXT").records
    return found[0] if found else None


def pyspf(zone: Zone) -> Any:
    """pyspf, asking ``zone``."""
    spf = module("spf")
    if spf is not None:

        def answers(name: str, rdtype: str, *_: object, **__: object) -> list[Any]:
            zone.asked.clear()
            found = zone._find(name, rdtype).records
            return [((name, rdtype), (one,) if rdtype in ("TXT", "SPF") else one) for one in found]

        spf.DNSLookup = answers
    return spf


def dkimpy(zone: Zone) -> Callable[[bytes], bool] | None:
    """Verifies a message."""
    dkim = module("dkim")
    if dkim is None:
        return None
    return lambda message: dkim.verify(message, dnsfunc=lambda name, **_: txt(zone, name.decode()))


def dkimpy_signer(key: RSAPrivateKey, selector: bytes, domain: bytes) -> Callable[[bytes], bytes] | None:
    """Signs a message, relaxed."""
    dkim = module("dkim")
    if dkim is None:
        return None
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return lambda message: dkim.sign(message, selector, domain, pem, canonicalize=(b"relaxed", b"relaxed"))


def authheaders(zone: Zone, ip: str, sender: str) -> Callable[[bytes], str] | None:
    """Judges a message by SPF, DKIM and DMARC; gives the field."""
    library = module("authheaders")
    if library is None or pyspf(zone) is None:
        return None

    def ask(name: Any, **_: object) -> Any:
        """Octets for octets, text for text: its parts differ in what they ask."""
        if isinstance(name, bytes):
            return txt(zone, name.decode())
        found = txt(zone, name)
        return None if found is None else found.decode()

    return lambda message: library.authenticate_message(
        message, "here.example", spf=True, ip=ip, mail_from=sender, helo="mail.example.com", dnsfunc=ask, dmarcbis=True
    )


class OpenDkim:
    """``libopendkim``; its functions are those of dkim.h."""

    def __init__(self, library: ctypes.CDLL, zone: Zone) -> None:
        self._c = library
        for name in ("dkim_init", "dkim_verify"):
            getattr(library, name).restype = ctypes.c_void_p
        self._lookup = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
        )(lambda _dkim, signature, buffer, size: self._key(signature, buffer, size))  # fmt: skip
        self._zone = zone
        for name in ("dkim_sig_getselector", "dkim_sig_getdomain"):
            getattr(library, name).restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p(library.dkim_init(None, None))
        library.dkim_set_key_lookup(self._handle, self._lookup)

    def _key(self, signature: int, buffer: int, size: int) -> int:
        one = ctypes.c_void_p(signature)
        selector, domain = self._c.dkim_sig_getselector(one), self._c.dkim_sig_getdomain(one)
        record = txt(self._zone, f"{selector.decode()}._domainkey.{domain.decode()}") or b""
        ctypes.memmove(buffer, record[: size - 1] + b"\0", min(len(record), size - 1) + 1)
        return 0

    def verify(self, message: bytes) -> bool:
        """Whether the first signature holds."""
        c, status, testing = self._c, ctypes.c_int(), ctypes.c_bool()
        dkim = ctypes.c_void_p(c.dkim_verify(self._handle, b"id", None, ctypes.byref(status)))
        end = message.index(b"\r\n\r\n")
        for field in FIELD.findall(message[:end]):
            c.dkim_header(dkim, field, ctypes.c_size_t(len(field)))
        c.dkim_eoh(dkim)
        body = message[end + 4 :]
        c.dkim_body(dkim, body, ctypes.c_size_t(len(body)))
        holds = c.dkim_eom(dkim, ctypes.byref(testing)) == 0
        c.dkim_free(dkim)
        return bool(holds)


def opendkim(zone: Zone) -> Callable[[bytes], bool] | None:
    """Verifies a message."""
    name = ctypes.util.find_library("opendkim")
    return OpenDkim(ctypes.CDLL(name), zone).verify if name else None
