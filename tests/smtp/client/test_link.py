"""Octets become replies the same way however they are cut, and what was not asked for breaks the link."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.smtp.client.link import Link
from courriel.smtp.wire.reply import LINE_OCTETS, LINES, REPLY_OCTETS
from tests.smtp.client.scripted import PATIENT

REPLIES = [
    b"250 ok\r\n", b"250-a\r\n250-b\r\n250 c\r\n", b"354 go\n", b"550 5.1.1 no\r\n", b"250\r\n", b"421 bye\r\n",
    b"250-a\r\n251 b\r\n", b"x\r\n", b"\r\n", b"250 " + b"y" * LINE_OCTETS + b"\r\n", b"\xff", b"250-", b"250 \r \n",
]  # fmt: skip


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


def _heard(pieces: list[bytes], wanted: int) -> tuple[list[tuple[int, str]], str]:
    """What a link that expects ``wanted`` replies makes of ``pieces``."""

    async def run() -> tuple[list[tuple[int, str]], str]:
        link, transport = Link(asyncio.get_running_loop(), PATIENT, None, [1.0] * wanted), _Transport()
        link.connection_made(transport)
        for piece in pieces:
            link.data_received(piece)
        said = [(one.code, one.text) for one in link.heard]
        reason = str(link.broken or "")
        assert transport.aborted is bool(reason)
        link.connection_lost(None)
        return said, reason

    return asyncio.run(run())


@given(st.lists(st.sampled_from(REPLIES), max_size=8).map(b"".join), st.lists(st.integers(0, 6_000)), st.integers(0, 6))
def test_any_cut_gives_the_same(data: bytes, cuts: list[int], wanted: int) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges) if end > start]
    whole, one_by_one = _heard([data] if data else [], wanted), _heard([bytes([octet]) for octet in data], wanted)
    assert _heard(pieces, wanted) == whole == one_by_one
    assert len(whole[0]) <= wanted


@pytest.mark.parametrize(
    ("data", "wanted", "codes", "reason"),
    [
        (b"250 a\r\n550 b\r\n", 2, [250, 550], ""),
        (b"250 a\r\n250 b\r\n", 1, [250], "unasked"),
        (b"250 a\r\n", 0, [], "unasked"),
        (b"421 4.3.2 bye\r\n250 a\r\n", 2, [421], "421 4.3.2 bye"),
        (b"421 bye\r\n", 0, [], "421 bye"),
        (b"250 a\r\nwhat\r\n250 c\r\n", 3, [250], "bad SMTP reply"),
        (b"250-a\r\n" * (LINES + 1), 1, [], "reply.lines"),
        (b"250-" + b"a" * 4_000 + b"\r\n" + (b"250-" + b"a" * 4_000 + b"\r\n") * 9, 1, [], "reply.octets"),
        (b"250 " + b"a" * LINE_OCTETS + b"\r\n", 1, [], "reply.line_octets"),
        (b"2" * (LINE_OCTETS + 2), 1, [], "reply.line_octets"),
    ],
)
def test_what_breaks_a_link(data: bytes, wanted: int, codes: list[int], reason: str) -> None:
    said, why = _heard([data], wanted)
    assert [code for code, _ in said] == codes
    assert (reason in why) if reason else why == ""


def test_a_reply_of_the_greatest_length() -> None:
    line = b"250-" + b"a" * 996
    lines = [line] * (REPLY_OCTETS // len(line) - 1) + [line.replace(b"-", b" ")]
    said, why = _heard([b"\r\n".join(lines) + b"\r\n"], 1)
    assert len(said) == 1 and why == ""


@pytest.mark.parametrize("rest", [b"2", b"250-half\r\n", b"\r"])
def test_a_reply_that_began_before_the_question_is_not_its_answer(rest: bytes) -> None:
    async def run() -> None:
        link, transport = Link(asyncio.get_running_loop(), PATIENT, None, [1.0]), _Transport()
        link.connection_made(transport)
        link.data_received(b"220 hi\r\n" + rest)
        assert link.broken is None
        link.expect([1.0])
        link.write(b"EHLO x\r\n")
        assert "unasked" in str(link.broken) and transport.written == b""
        assert await link.answers() == []
        link.connection_lost(None)

    asyncio.run(run())


def test_the_first_reason_stays() -> None:
    said, why = _heard([b"what\r\n", b"421 bye\r\n"], 1)
    assert said == [] and why.startswith("bad SMTP reply")


def test_a_tracer_sees_both_sides() -> None:
    traced: list[tuple[str, bytes]] = []

    async def run() -> None:
        link = Link(asyncio.get_running_loop(), PATIENT, lambda who, octets: traced.append((who, octets)), [1.0])
        link.connection_made(_Transport())
        link.data_received(b"220 hi\r\n")
        link.expect([1.0])
        link.write(b"MAIL\r\n")
        link.private = True
        link.write(b"secret\r\n")
        link.data_received(b"334 c2Fs")
        link.data_received(b"dA==\r\n")
        link.connection_lost(None)

    asyncio.run(run())
    assert traced == [("S", b"220 hi\r\n"), ("C", b"MAIL\r\n"), ("C", b"***\r\n"), ("S", b"334 ***\r\n")]
