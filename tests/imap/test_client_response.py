"""Responses as a client reads them: RFC 9051's examples, any chunking, bounds."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.imap.wire import client_response
from courriel.imap.wire.client_response import Response, Responses, fetch_items, parse

STREAM = (
    b"* OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready\r\n"
    b'* LIST (\\HasNoChildren) "/" "Entw\\"urf"\r\n'
    b"* 12 FETCH (FLAGS (\\Seen) UID 7 BODY[HEADER.FIELDS (DATE FROM)] {5}\r\nab\r\nc BODY[TEXT]<0> NIL)\r\n"
    b"* SEARCH 2 84 882\r\n"
    b"+ go ahead\r\n"
    b"c1 NO [TRYCREATE] no such mailbox\r\n"
)


def _all(pieces: list[bytes]) -> list[Response]:
    responses, found = Responses(), []
    for piece in pieces:
        responses.receive(piece)
        while (one := responses.next()) is not None:
            found.append(one)
    return found


def test_each_kind_of_response() -> None:
    ok, listing, fetch, search, more, no = _all([STREAM])
    assert (ok.name, ok.code, ok.text) == (b"OK", [b"CAPABILITY", b"IMAP4rev2", b"AUTH=PLAIN"], b"ready")
    assert listing.values == [[b"\\HasNoChildren"], b"/", b'Entw"urf']
    assert (fetch.name, fetch.number) == (b"FETCH", 12)
    assert fetch_items(fetch) == {
        b"FLAGS": [b"\\Seen"],
        b"UID": b"7",
        b"BODY[HEADER.FIELDS_{DATE_FROM}]": b"ab\r\nc",
        b"BODY[TEXT]<0>": None,
    }
    assert search.values == [b"2", b"84", b"882"]
    assert more == Response(b"+", b"+", text=b"go ahead")
    assert (no.tag, no.name, no.code) == (b"c1", b"NO", [b"TRYCREATE"])


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_chunking_gives_the_same(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert _all([STREAM[a:b] for a, b in itertools.pairwise(edges)]) == _all([STREAM])


@pytest.mark.parametrize("line", [b"", b"* LIST (a", b"* LIST a)", b"* 1 FETCH " + b"(" * 1000])
def test_broken_responses_are_said_to_be(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse(line, [])


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitExceeded):
        _all([b"* 1 FETCH (BODY[] {999999999999}\r\n"])
    monkeypatch.setattr(client_response, "LINE_OCTETS", 100)
    with pytest.raises(LimitExceeded):
        _all([b"* SEARCH " + b"1 " * 200])


@given(st.binary(max_size=200))
def test_no_server_can_make_it_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        _all([data])


def test_words_alone_are_what_they_are_among_lists() -> None:
    """The short way for SEARCH gives what the long one gives."""
    words = b"1 22 NIL nil Nil NILS \\Seen"
    assert parse(b"* SEARCH " + words, []).values == parse(b"* SEARCH " + words + b" ()", []).values[:-1]


def test_a_response_has_a_bounded_number_of_tokens() -> None:
    assert parse(b"* LIST (" + b"a " * (client_response.TOKENS - 2) + b")", []).values
    with pytest.raises(LimitExceeded, match="tokens"):
        parse(b"* LIST (" + b"a " * client_response.TOKENS + b")", [])
    assert len(parse(b"* SEARCH " + b"7 " * 2 * client_response.TOKENS, []).values) == 2 * client_response.TOKENS
