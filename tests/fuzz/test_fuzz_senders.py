"""Fuzz targets for records and fields about senders: any octets give a value or a FormatError.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.reports import authres
from courriel.mailauth import dmarc_record, spf, spf_macro, spf_record
from courriel.mailauth.author import author_domains
from courriel.model.envelope import Address
from courriel.model.verdict import Result
from tests.zone import Zone


def fuzz_spf_record(data: bytes) -> None:
    """And what an evaluation of it does: it ends, asks within bounds, and its explanation is printable."""
    record = b"v=spf1 " + data
    zone = Zone({"d.example": {"TXT": [record], "A": ["192.0.2.1"], "MX": [(1, "d.example")]}})
    question = spf.of_mail("192.0.2.1", "h.example", Address("a", "d.example"), "me", 0.0)
    verdict = asyncio.run(spf.check(question, zone))
    assert len(zone.asked) <= 111 and verdict.explanation.isascii()
    if isinstance(spf_record.find((record,)), spf_record.Fault):
        assert verdict.result is Result.PERMERROR


def fuzz_spf_macro(data: bytes) -> None:
    text = data.decode("latin-1")
    for explanation in (False, True):
        with contextlib.suppress(FormatError):
            macro = spf_macro.parse_macro(text, explanation=explanation)
            values = dict.fromkeys("slodiphcrtv", "a.b-c")
            assert len(spf_macro.expand(macro, values)) <= 15 * len(text) + 1


def fuzz_dmarc_record(data: bytes) -> None:
    dmarc_record.find((b"v=DMARC1;" + data,))
    dmarc_record.find((data, data))


def fuzz_authentication_results(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        found = authres.parse(data)
        again = authres.parse(authres.render_value(found))
        assert [(one.method, one.result) for one in again.results] == [
            (one.method, one.result) for one in found.results
        ]
    kept = authres.without_claims(b"Authentication-Results: " + data + b"\r\n\r\n", len(data) + 26, "me.example")
    assert kept.endswith(b"\r\n")


def fuzz_author(data: bytes) -> None:
    for name in author_domains([data]):
        assert name.isascii() and name == name.lower()


TARGETS = [fuzz_spf_record, fuzz_spf_macro, fuzz_dmarc_record, fuzz_authentication_results, fuzz_author]
TOKENS = [
    *(
        "a",
        "mx",
        "ptr",
        "all",
        "include:",
        "exists:",
        "ip4:192.0.2.1",
        "ip6:::1",
        "redirect=",
        "exp=",
        "d.example",
        "%{",
    ),
    *(
        "%{d}",
        "%{p}",
        "%{i2r-}",
        "%%",
        "}",
        "/",
        "//",
        "24",
        " ",
        "-",
        "~",
        "?",
        ":",
        "=",
        ";",
        ".",
        "p=",
        "rua=mailto:a@b",
    ),
    *("me.example", "spf=pass", "smtp.mailfrom=", '"', "(", ")", "\\", "\r\n ", "@", "<", ">", ",", "é", "none"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: Callable[[bytes], None]) -> None:
    @given(
        st.binary(max_size=300)
        | st.lists(st.sampled_from(TOKENS), max_size=30).map(lambda words: "".join(words).encode())
    )
    def run(data: bytes) -> None:
        target(data)

    run()
