"""Authentication-Results: read, written, and taken out where they claim to be ours.  RFC 8601."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.reports.authres import (
    AuthResults,
    MethodResult,
    Property,
    parse,
    render,
    render_value,
    without_claims,
)

VALUES = [
    (b"example.org 1; none", AuthResults("example.org")),
    (b"example.org; none", AuthResults("example.org")),
    (
        b"example.com;\r\n  spf=PASS smtp.MailFrom=a@b.example (comment)",
        AuthResults("example.com", (MethodResult("spf", "pass", (Property("smtp", "mailfrom", "a@b.example"),)),)),
    ),
    (
        b'example.com; dkim/2=pass reason="a;\\"b" header.d=x.example; arc=none',
        AuthResults(
            "example.com",
            (
                MethodResult("dkim", "pass", (Property("header", "d", "x.example"),), 'a;"b', 2),
                MethodResult("arc", "none"),
            ),
        ),
    ),
    (
        b'x; spf=pass smtp.mailfrom="a b"@c.example; iprev=pass policy.iprev=2001:db8::1;',
        AuthResults(
            "x",
            (
                MethodResult("spf", "pass", (Property("smtp", "mailfrom", "a b@c.example"),)),
                MethodResult("iprev", "pass", (Property("policy", "iprev", "2001:db8::1"),)),
            ),
        ),
    ),
    (
        "serveur.élan.example; auth=pass smtp.auth=zoé@élan.example".encode(),
        AuthResults(
            "serveur.élan.example", (MethodResult("auth", "pass", (Property("smtp", "auth", "zoé@élan.example"),)),)
        ),
    ),
    (
        b"x; dkim=pass header.b=a/b+c== header.i=@d.example",
        AuthResults(
            "x",
            (
                MethodResult(
                    "dkim", "pass", (Property("header", "b", "a/b+c=="), Property("header", "i", "@d.example"))
                ),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("value", "found"), VALUES)
def test_values(value: bytes, found: AuthResults) -> None:
    assert parse(value) == found
    assert parse(render_value(found)) == found


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"example.com",
        b"example.com;",
        b"; spf=pass",
        b"a b; none",
        b"a; none; none",
        b"a; spf",
        b"a; spf=",
        b"a; spf=pass smtp",
        b"a; spf=pass smtp.mailfrom",
        b"a; spf=pass smtp.mailfrom=",
        b"a; spf=pass smtp.mailfrom=x\r\nX-Evil: 1",
        b"a; spf=pass smtp.mailfrom=x\rX-Evil: 1",
        b"a; spf=pass smtp.mailfrom=x\x00y",
        b"a; spf=pass (unclosed",
        b'a; spf=pass reason="unclosed',
        b"a; spf=pass smtp.mailfrom=\xff",
        b"a;; spf=pass",
        b"a; spf=pass;;",
        b"a; -=pass",
    ],
)
def test_what_is_no_value(value: bytes) -> None:
    with pytest.raises(FormatError):
        parse(value)


words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
texts = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=40)
made = st.builds(
    AuthResults,
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.lists(
        st.builds(
            MethodResult,
            words.filter(lambda word: word != "none"),
            words,
            st.lists(st.builds(Property, words.filter(lambda word: word != "reason"), words, texts), max_size=4).map(
                tuple
            ),
            texts,
            st.integers(1, 9),
            texts,
        ),
        max_size=4,
    ).map(tuple),
)


@given(made)
def test_no_value_can_end_a_line_or_say_something_else(results: AuthResults) -> None:
    """AUTH attack row 11: what is written is read as the same methods, results and property names."""
    field = render(results)
    assert field.endswith(b"\r\n") and b"\n" not in field[:-2].replace(b"\r\n\t", b"") and b"\0" not in field
    found = parse(field.partition(b":")[2].strip().replace(b"\r\n\t", b" "))
    assert found.authserv_id == results.authserv_id
    assert [(one.method, one.result, one.version) for one in found.results] == [
        (one.method, one.result, one.version) for one in results.results
    ]
    for ours, theirs in zip(results.results, found.results, strict=True):
        assert [(one.ptype, one.name) for one in ours.properties] == [
            (one.ptype, one.name) for one in theirs.properties
        ]


def test_lines_are_folded() -> None:
    long = tuple(Property("header", f"p{number}", "x" * 60) for number in range(3))
    lines = render(AuthResults("a.example", (MethodResult("x", "pass", long),))).split(b"\r\n")
    assert max(map(len, lines)) <= 80 and all(line.startswith(b"\t") for line in lines[1:-1])


HOSTILE = {
    "open comments": b"a; " + b"(" * 1_000_000,
    "closed comments": b"a" + b"()" * 500_000 + b"; none",
    "properties": b"a; x=y " + b"p.q=r " * 160_000,
    "methods": b"a; " + b"x=y;" * 250_000,
    "quoted pairs": b'a; x=y reason="' + b"\\a" * 500_000,
    "blanks": b"a;" + b"\r\n " * 330_000,
    "half a fold": b"a;" + b"\r\n" * 500_000,
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_value_costs_little(value: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(FormatError):
        parse(value)
    without_claims(b"Authentication-Results: " + value + b"\r\n\r\n", len(value) + 26, "me.example")
    assert time.process_time() - began < 0.2


def test_the_body_and_other_fields_are_left_alone() -> None:
    message = b"Subject: Authentication-Results: me.example; none\r\n\r\nAuthentication-Results: me.example; none\r\n"
    assert without_claims(message, 51, "me.example") == message
    first = b"  Authentication-Results: me.example; none\r\nSubject: x\r\n\r\nhello\r\n"
    assert without_claims(first, 56, "me.example") == b"Subject: x\r\n\r\nhello\r\n"


def test_a_name_of_ours_in_u_labels_is_ours() -> None:
    message = "Authentication-Results: MÜLLER.example; spf=pass\r\nA: b\r\n\r\n".encode()
    assert without_claims(message, len(message) - 2, "xn--mller-kva.example") == b"A: b\r\n\r\n"
