"""Signatures of ours in the eyes of others: OpenDKIM's verifier, and dkimpy both ways."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from courriel.mailauth.dkim_sign import SigningKey, sign
from courriel.mailauth.dkim_verify import verify
from courriel.model.verdict import Result
from tests.corpus import messages
from tests.mailauth.signing import MESSAGE, ed25519_key, record, rsa_key
from tests.mailauth.zone import Zone

pytestmark = pytest.mark.interop

RSA = SigningKey("example.org", "r", rsa_key())
ED = SigningKey("example.org", "e", ed25519_key())
ZONE = {"r._domainkey.example.org": [record(RSA.private)], "e._domainkey.example.org": [record(ED.private)]}


def _samples() -> list[bytes]:
    return [MESSAGE, *messages("spamassassin", 40)]


def test_dkimpy_takes_ours() -> None:
    dkim = pytest.importorskip("dkim")
    for message in _samples():
        signed = sign(message, [RSA, ED], time.time()) + message
        judged = dkim.DKIM(signed)
        for number in range(2):
            assert judged.verify(idx=number, dnsfunc=lambda name, timeout=5: ZONE[name.decode().rstrip(".")][0])


def test_we_take_dkimpys() -> None:
    dkim = pytest.importorskip("dkim")
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = RSA.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    for message in _samples():
        for forms in (
            (b"simple", b"simple"),
            (b"relaxed", b"relaxed"),
            (b"simple", b"relaxed"),
            (b"relaxed", b"simple"),
        ):
            signed = dkim.sign(message, b"r", b"example.org", pem, canonicalize=forms, include_headers=[b"from", b"to"])
            (verdict, *_) = asyncio.run(verify(signed + message, Zone(ZONE), time.time))
            assert verdict.result is Result.PASS, (forms, verdict)


@pytest.mark.skipif(shutil.which("opendkim") is None, reason="opendkim is not installed")
def test_opendkim_takes_ours(tmp_path: Path) -> None:
    zone, settings = tmp_path / "zone", tmp_path / "opendkim.conf"
    zone.write_text("".join(f"{name} {records[0].decode()}\n" for name, records in ZONE.items()))
    settings.write_text(f"TestDNSData {zone}\nMode v\n")
    for number, message in enumerate(_samples()):
        mail = tmp_path / f"{number}.eml"
        mail.write_bytes(sign(message, [RSA, ED], time.time()) + message)
        done = subprocess.run(["opendkim", "-x", settings, "-t", mail], capture_output=True, text=True, check=False)
        assert "(s=r, d=example.org, 2048-bit key) succeeded" in done.stdout, (done.stdout, done.stderr)
