"""Tag lists: RFC 6376 §3.2, RFC 8616 §3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.tag_list import _FORBIDDEN, TAG_LIST_OCTETS, _is_plain, parse_tags, without_value

GOOD = [
    (b"v=1; a=b;", {"v": "1", "a": "b"}),
    (b" v = 1 ;\r\n\ta=\r\n b c \r\n", {"v": "1", "a": "b c"}),
    (b"p=", {"p": ""}),
    (b"x_1=a=b", {"x_1": "a=b"}),
    ("i=é@exämple".encode(), {"i": "é@exämple"}),
]
BAD = [b"", b";", b"v=1;;a=2", b"v=1; a", b"1v=1", b"v=1; v=2", b"v=a\0b", b"v=a\rb", b"v=a\nb", b"v=\xff", b"=1"]


@pytest.mark.parametrize(("raw", "tags"), GOOD)
def test_good(raw: bytes, tags: dict[str, str]) -> None:
    assert parse_tags(raw, "test") == tags


@pytest.mark.parametrize("raw", BAD)
def test_bad(raw: bytes) -> None:
    with pytest.raises(FormatError):
        parse_tags(raw, "test")


def test_limit() -> None:
    with pytest.raises(LimitExceeded) as caught:
        parse_tags(b"v=" + b"1" * TAG_LIST_OCTETS, "test")
    assert caught.value.rule == "tag_list.octets"


def test_the_signature_is_left_out_and_nothing_else() -> None:
    assert without_value(b" bh=b; b = a\r\n c ;d=b=1", b"b") == b" bh=b; b =;d=b=1"
    assert without_value(b"a=1", b"b") == b"a=1"


@given(
    st.lists(st.sampled_from([b"a=b", b";", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\x00", b"\x7f", b"\xc3\xa9"])).map(
        b"".join
    )
)
def test_what_counting_takes_for_plain_holds_nothing_forbidden(raw: bytes) -> None:
    assert not (_is_plain(raw) and _FORBIDDEN.search(raw))
