"""Names as callers write them, and the text they are remembered under."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.net.dns.names import parse, reverse, text_of, to_name

CASES = [
    ("Example.ORG.", "example.org"),
    ("_25._tcp.MX.example.org", "_25._tcp.mx.example.org"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("_25._tcp.bücher。example", "_25._tcp.xn--bcher-kva.example"),
    ("s._domainkey.BÜCHER.example", "s._domainkey.xn--bcher-kva.example"),
    ("a b.example", r"a\032b.example"),
    ("nul\0.example", r"nul\000.example"),
    (r"back\slash.example", r"back\\slash.example"),
    ("x" * 63 + ".example", "x" * 63 + ".example"),
    ("", None),
    (".", None),
    ("a..b", None),
    (".example", None),
    ("x" * 64 + ".example", None),
    (".".join(["x" * 49] * 6), None),
    ("bü cher.example", None),
    ("bücher._tcp.example", None),
]


@pytest.mark.parametrize(("asked", "text"), CASES)
def test_a_name_has_one_text(asked: str, text: str | None) -> None:
    assert parse(asked) == text


def test_a_dot_inside_a_label_does_not_divide_it() -> None:
    """An alias may point at such a name; a caller who writes a backslash means a backslash."""
    odd = dns.name.Name((b"a.b", b"example", b""))
    assert text_of(odd) == r"a\.b.example"
    assert to_name(text_of(odd)) == odd
    assert parse(r"a\.b.example") == r"a\\.b.example"


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none(asked: str) -> None:
    text = parse(asked)
    if text is not None:
        assert text_of(to_name(text)) == text


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8))
def test_every_name_of_the_wire_comes_back_from_its_text(labels: list[bytes]) -> None:
    name = dns.name.Name((*labels, b""))
    assert to_name(text_of(name)) == name


REVERSE = [
    ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
    ("[192.0.2.1]", "1.2.0.192.in-addr.arpa"),
    ("2001:db8::1", "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2.ip6.arpa"),
    ("[IPv6:2001:db8::1]", "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2.ip6.arpa"),
    ("fe80::1%eth0", "1.0.0.0." + "0.0.0.0." * 6 + "0.8.e.f.ip6.arpa"),
    ("host.example", None),
    ("", None),
    ("[", None),
]


@pytest.mark.parametrize(("ip", "name"), REVERSE)
def test_the_reverse_name_of_an_address(ip: str, name: str | None) -> None:
    assert reverse(ip) == name
