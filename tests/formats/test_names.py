"""Domains, xtext and modified UTF-7: RFC 5891, RFC 3461 §4, RFC 3501 §5.1.3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import domain, mutf7, xtext

DOMAINS = [
    ("Example.ORG.", "example.org"),
    ("a", "a"),
    ("3com.example", "3com.example"),
    ("ab--cd.example", "ab--cd.example"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("bu\u0308cher.example", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ("straße.example", "xn--strae-oqa.example"),  # IDNA 2008, not 2003's "strasse"
    ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
    ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
    ("日本語。jp", "xn--wgv71a119e.jp"),
    ("ｅｘａｍｐｌｅ.org", "example.org"),
    ("l·l.cat", "xn--ll-0ea.cat"),
    ("xn--i-7iq.ws", "xn--i-7iq.ws"),  # not IDNA 2008, but registered and sending mail
    ("a" * 63 + ".org", "a" * 63 + ".org"),
]


@pytest.mark.parametrize(("text", "normal"), DOMAINS)
def test_domain(text: str, normal: str) -> None:
    assert domain.normalise(text) == normal
    assert domain.normalise(domain.to_unicode(normal)) == normal


def test_to_unicode() -> None:
    assert domain.to_unicode("xn--bcher-kva.example") == "bücher.example"
    assert domain.to_unicode("xn--i-7iq.ws") == "xn--i-7iq.ws"  # an emoji stays an A-label
    assert domain.to_unicode("xn--.x") == "xn--.x"


BAD_DOMAINS = [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "a..",
    "-a.b",
    "a-.b",
    "a_b.c",
    "a b",
    "a\0b",
    "a\n",
    "1.2.3.4",
    "a.1",
    "a/b",
]
BAD_DOMAINS += [
    "☃.net",
    "\u0301a.b",
    "a\u200db.c",
    "xn--\u0301.c",
    "xn--a-.c",
    "xn--bcher-KVA-.c",
    "\u202ea.com",
    "a·b.c",
]
BAD_DOMAINS += ["אa1.com", "1א.com", "٠۰.com", "\ud800.com", "xn--99999999.com", "a@b", "[1.2.3.4]"]


@pytest.mark.parametrize("text", BAD_DOMAINS)
def test_no_domain(text: str) -> None:
    with pytest.raises(FormatError):
        domain.normalise(text)


def test_domain_sizes() -> None:
    with pytest.raises(LimitExceeded, match=r"domain\.label_octets"):
        domain.normalise("a" * 64 + ".org")
    with pytest.raises(LimitExceeded, match=r"domain\.octets"):
        domain.normalise("a." * 128 + "org")
    with pytest.raises(LimitExceeded, match=r"domain\.octets"):
        domain.normalise("é" * 10_000)


@pytest.mark.parametrize(
    ("literal", "normal"),
    [
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[ipv6:2001:DB8::0:1]", "[IPv6:2001:db8::1]"),
        ("[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:c000:201]"),
    ],
)
def test_literal(literal: str, normal: str) -> None:
    assert domain.normalise_literal(literal) in (normal, "[IPv6:::ffff:192.0.2.1]")
    assert domain.is_literal(literal) and not domain.is_literal("a.b")


@pytest.mark.parametrize(
    "literal",
    ["", "[]", "[1.2.3]", "[1.2.3.256]", "[01.2.3.4]", "[IPv6:x]", "[2001:db8::1]", "[x:y]", "[IPv6:fe80::1%eth0]"],
)
def test_no_literal(literal: str) -> None:
    with pytest.raises(FormatError):
        domain.normalise_literal(literal)


@given(st.text(max_size=30))
@settings(max_examples=200)
def test_any_domain(text: str) -> None:
    try:
        normal = domain.normalise(text)
    except FormatError:
        return
    assert normal.isascii() and normal == domain.normalise(normal) == domain.normalise(domain.to_unicode(normal))


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_xtext_comes_back(raw: bytes) -> None:
    encoded = xtext.encode(raw)
    assert encoded.isascii() and not {0x0D, 0x0A, 0, 0x20} & set(encoded)
    assert xtext.decode(encoded) == raw


def test_xtext() -> None:
    assert xtext.encode(b"Bob+x=y z") == b"Bob+2Bx+3Dy+20z"  # RFC 3461 §4
    for bad in (b"+", b"+2", b"+2b", b"a=b", b"a b", b"\xff", b"a\r\n", b"+ZZ"):
        with pytest.raises(FormatError):
            xtext.decode(bad)


NAMES = [
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
    ("Hi Mom \u263a!", b"Hi Mom &Jjo-!"),
    ("a&b", b"a&-b"),
    ("é&é", b"&AOk-&-&AOk-"),
    ("😀", b"&2D3eAA-"),
    ("Entwürfe", b"Entw&APw-rfe"),
    ("", b""),
]


@pytest.mark.parametrize(("name", "raw"), NAMES)
def test_modified_utf7(name: str, raw: bytes) -> None:
    assert (mutf7.encode(name), mutf7.decode(raw)) == (raw, name)


@pytest.mark.parametrize(
    "raw",
    # AUTH.md attack row 27, and every second spelling
    [
        b"&",
        b"&AAA-",
        b"&AA0ACg-",
        b"&AGE-",
        b"&Jjo",
        b"&Jjo!",
        b"&Jjo-&Jjo-",
        b"&2D0-",
        b"&3gA-",
        b"&J-",
        b"&Jj-",
        b"&Jjp-",
        b"&Jjo=-",
        b"&U/BTFw-",
        b"\xff",
        b"a\x00",
        b"a\r\n",
        b"\t",
        b"&ACY-",
        b"&AH8-",
        b"&2D3eAA",
        "é".encode(),
    ],
)
def test_no_modified_utf7(raw: bytes) -> None:
    with pytest.raises(FormatError):
        mutf7.decode(raw)


@given(st.text(st.characters(min_codepoint=32, blacklist_categories=("Cs",), blacklist_characters="\x7f"), max_size=30))
@settings(max_examples=150)
def test_modified_utf7_comes_back(name: str) -> None:
    raw = mutf7.encode(name)
    assert mutf7.decode(raw) == name
    assert all(0x20 <= octet <= 0x7E for octet in raw)


def test_lone_surrogate_has_no_name() -> None:
    with pytest.raises(FormatError):
        mutf7.encode("\ud800")
    assert mutf7.encode("a\r\n") == b"a&AA0ACg-"  # what must not be shown raw never is
