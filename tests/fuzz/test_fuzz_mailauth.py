"""Fuzz targets for what strangers write about who they are: any octets give a value or a FormatError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.message.canonical_body import Canon, canonical_body
from courriel.mailauth import dkim2_verify
from courriel.mailauth.arc import validate
from courriel.mailauth.arc_seal import seal
from courriel.mailauth.dkim_key import parse_key
from courriel.mailauth.dkim_sign import SigningKey
from courriel.mailauth.dkim_signature import parse_signature
from courriel.mailauth.dkim_verify import verify
from courriel.model.verdict import Result
from tests.mailauth.signing import ed25519_key
from tests.mailauth.zone import Zone

ZONE = Zone({})
KEY = SigningKey("a.test", "e", ed25519_key())


def fuzz_dkim_signature(data: bytes) -> None:
    for raw in (data, b"v=1; a=rsa-sha256; d=a.b; s=c; h=from; bh=AA==; b=AA==; " + data):
        try:
            found = parse_signature(raw)
        except FormatError:
            continue
        assert b"from" in found.names
        assert found.identity_domain.endswith(found.domain)


def fuzz_dkim_key(data: bytes) -> None:
    for raw in (data, b"v=DKIM1; p=" + data, b"v=DKIM1; k=ed25519; p=" + data):
        try:
            key = parse_key(raw)
        except FormatError:
            continue
        assert key.kind in ("rsa", "ed25519")


def fuzz_dkim_message(data: bytes) -> None:
    verdicts = asyncio.run(verify(data, ZONE, lambda: 0.0))
    assert all(one.result is Result.PERMERROR for one in verdicts)


def fuzz_arc(data: bytes) -> None:
    verdict = asyncio.run(validate(data, ZONE))
    assert verdict.result in (Result.NONE, Result.FAIL)
    seal(data, b"a.test; none", verdict, KEY, 0.0)


def fuzz_dkim2(data: bytes) -> None:
    verdict = asyncio.run(dkim2_verify.verify(data, "<a@b>", ["<c@d>"], ZONE, 0.0))
    assert verdict.result in (Result.NONE, Result.PERMERROR, Result.FAIL)


def fuzz_canonical_body(data: bytes) -> None:
    for form in Canon:
        once = canonical_body(data, form)
        assert canonical_body(once, form) == once


@pytest.mark.parametrize(
    "target", [fuzz_dkim_signature, fuzz_dkim_key, fuzz_dkim_message, fuzz_arc, fuzz_dkim2, fuzz_canonical_body]
)
def test_holds(target: Callable[[bytes], None]) -> None:
    @settings(max_examples=150)
    @given(st.binary(max_size=300) | st.text(alphabet="vabdhstxp=;: \t\r\n@.1A\0é", max_size=200).map(str.encode))
    def run(data: bytes) -> None:
        target(data)

    run()
