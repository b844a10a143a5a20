"""Signatures of ours in the eyes of others: OpenDKIM's verifier, and dkimpy both ways."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


CHANGES = [
    (b"Hello Bob,  \r\n", b"Hello Bob,\r\n"),
    (b"Hello Bob,", b"Hello  Bob,"),
    (b"Hello Bob", b"hello Bob"),
    (b"what is it?\t\r\n", b"what is it?\r\n\r\n\r\n"),
    (b"what is it?\t\r\n", b"\r\nwhat is it?\r\n"),
    (b"Subject: A  question", b"SUBJECT:A question "),
    (b"Subject: A  question", b"Subject: A\r\n\t question"),
    (b"Subject: A  question", b"Subject: Aquestion"),
    (b"Subject: A  question\r\n", b""),
    (b"To: bob@example.net\r\n", b"To: bob@example.net\r\nTo: eve@example.net\r\n"),
    (b"Received: from a", b"Received: from b"),
    (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nX-New: 1\r\n"),
    (b"c=relaxed/relaxed", b"c=simple/relaxed"),
    (b"d=example.org", b"d=example.com"),
    (b"; s=r;", b"; s=e;"),
]
"""What a way may do to a message; some of it is allowed by relaxed canonicalization."""


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


_WORD = st.text(alphabet="abXY09;:=@<>().,-_", min_size=1, max_size=6)
_BLANK = st.sampled_from([" ", "  ", "\t", " \t "])
_FOLD = st.sampled_from(["\r\n ", " \r\n\t", "\r\n  \t"])
_FIELD = st.tuples(
    st.sampled_from(["To", "Subject", "sUBJECT", "Cc", "X-A", "References"]),
    st.sampled_from(["", " ", " \t"]),
    st.lists(st.tuples(_WORD, _BLANK | _FOLD), max_size=5).map(lambda words: "".join(map("".join, words)) + "z"),
    st.sampled_from(["", " ", "\t "]),
).map(lambda parts: "{}:{}{}{}\r\n".format(*parts))
_BODY = st.lists(_WORD | _BLANK | st.sampled_from(["\r\n", "\r\n\r\n"]), max_size=25).map(
    lambda parts: "".join([*parts, "\r\n"])
)


@given(
    st.lists(_FIELD, max_size=7),
    _BODY,
    st.sampled_from([b"simple", b"relaxed"]),
    st.sampled_from([b"simple", b"relaxed"]),
)
def test_any_blanks_are_seen_alike(fields: list[str], body: str, header_form: bytes, body_form: bytes) -> None:
    """Bodies end with CRLF, as SMTP gives them: of blanks behind the last one, dkimpy has another opinion."""
    dkim = pytest.importorskip("dkim")
    content = ("From: a@example.org\r\n" + "".join(fields) + "\r\n" + body).encode()
    ours = sign(content, [ED], time.time()) + content
    assert dkim.DKIM(ours).verify(dnsfunc=lambda name, timeout=5: ZONE[name.decode().rstrip(".")][0])
    names = [b"from", b"to", b"subject", b"subject", b"x-a", b"cc"]
    secret = base64.b64encode(ED.private.private_bytes_raw())
    theirs = dkim.sign(
        content, b"e", b"example.org", secret,
        canonicalize=(header_form, body_form), signature_algorithm=b"ed25519-sha256", include_headers=names,
    )  # fmt: skip
    [verdict] = asyncio.run(verify(theirs + content, Zone(ZONE), time.time))
    assert verdict.result is Result.PASS, verdict


def _opendkim(place: Path, message: bytes) -> bool:
    """Whether OpenDKIM's verifier believes the RSA signature; in a directory of the test's own."""
    zone, settings, mail = place / "zone", place / "opendkim.conf", place / "mail.eml"
    zone.write_text("".join(f"{name} {records[0].decode()}\n" for name, records in ZONE.items()))
    settings.write_text(f"TestDNSData {zone}\nMode v\n")
    mail.write_bytes(message)
    done = subprocess.run(["opendkim", "-x", settings, "-t", mail], capture_output=True, text=True, check=False)
    return "(s=r, d=example.org, 2048-bit key) succeeded" in done.stdout


@pytest.mark.skipif(shutil.which("opendkim") is None, reason="opendkim is not installed")
def test_opendkim_takes_ours(tmp_path: Path) -> None:
    for message in _samples():
        assert _opendkim(tmp_path, sign(message, [RSA, ED], time.time()) + message)


@pytest.mark.skipif(shutil.which("opendkim") is None, reason="opendkim is not installed")
@pytest.mark.parametrize("change", CHANGES, ids=[repr(old) for old, _ in CHANGES])
def test_what_was_changed_is_judged_alike_by_all(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    """One octet here and there: OpenDKIM, dkimpy and ours say the same."""
    dkim = pytest.importorskip("dkim")
    changed = (sign(MESSAGE, [RSA], time.time()) + MESSAGE).replace(*change, 1)
    [ours] = asyncio.run(verify(changed, Zone(ZONE), time.time))
    holds = ours.result is Result.PASS
    assert _opendkim(tmp_path, changed) is holds
    try:
        taken = dkim.DKIM(changed).verify(dnsfunc=lambda name, timeout=5: ZONE.get(name.decode().rstrip("."), [b""])[0])
    except dkim.DKIMException:  # so it says that the body is another
        taken = False
    assert taken is holds
