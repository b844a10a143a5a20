"""Messages without one safe reading are refused, all others pass.  AUTH attack rows 1, 7, 10, 12, 37."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery.judge import check_foreign_sender, header_length, judge
from courriel.delivery.settings import DeliverySettings
from courriel.model.envelope import Body
from courriel.model.refusals import BadMessage, MailRefusal, MessageTooLarge, TooManyHops

SETTINGS = DeliverySettings("h.test")
HOP = b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n"

CASES: list[tuple[str, bytes, type[MailRefusal] | None]] = [
    ("no header at all", b"hello\r\n", None),
    ("empty", b"", None),
    ("body only", b"\r\nhello\r\n", None),
    ("no From", b"Subject: x\r\n\r\nFrom: in the body\r\nFrom: twice\r\n", None),
    ("one From", b"From: a@b.example\r\n\r\n", None),
    ("From with a blank before its colon (RFC 5322 §4.5)", b"From : a@b.example\r\n\r\n", None),
    ("folded value", b"From:\r\n a@b.example\r\n\r\n", None),
    ("mbox line is no From field", b"Subject: x\r\nFrom-Line: y\r\n\r\n", None),
    ("two From", b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n", BadMessage),
    ("two From, other case and blank", b"from: a@b.example\r\nTo: x@y\r\nFROM : c@d.example\r\n\r\n", BadMessage),
    ("colon folded away", b"From\r\n : a@b.example\r\n\r\n", BadMessage),
    ("blank before the first field", b" From: a@b.example\r\nFrom: c@d.example\r\n\r\n", BadMessage),
    ("two addresses", b"From: <a@b.example>, <c@d.example>\r\n\r\n", None),
    ("unquoted comma, one address (sloppy, two readings)", b"From: Doe, John <j@x.example>\r\n\r\n", BadMessage),
    ("route", b"From: <@a.example,@b.example:c@d.example>\r\n\r\n", None),
    ("encoded word as address", b"From:=?utf-8?B?PGFAYi5jPg==?=,<c@d.example>\r\n\r\n", BadMessage),
    ("quoted pair outside quotes", b"From: <a@b.example>\\,<c@d.example>\r\n\r\n", BadMessage),
    ("a From past its bound", b"From: " + b"a," * 5_000 + b"\r\n\r\n", BadMessage),
    ("no address, one reading", b"From: undisclosed\r\n\r\n", None),
    ("NUL in the header", b"From: a@b.example\x00\r\n\r\n", BadMessage),
    ("NUL in the body", b"From: a@b.example\r\n\r\n\x00\r\n", BadMessage),
    ("50 hops", HOP * 50 + b"\r\n", None),
    ("51 hops", HOP * 51 + b"\r\n", TooManyHops),
    ("hops in the body do not count", b"\r\n" + HOP * 60, None),
    ("1,000 fields", b"X: y\r\n" * 1_000 + b"\r\n", None),
    ("1,001 fields", b"X: y\r\n" * 1_001 + b"\r\n", MessageTooLarge),
    ("few fields of many lines", b"X: y\r\n" + b" z\r\n" * 5_000 + b"\r\n", None),
    ("1 MB of header", b"X: " + b"y" * 1_048_571 + b"\r\n\r\n", None),
    ("more than 1 MB of header", b"X: " + b"y" * 1_048_572 + b"\r\n\r\n", MessageTooLarge),
]


def _judge(content: bytes, body: Body = Body.SEVEN_BIT) -> None:
    check_foreign_sender(judge(content, body, SETTINGS))


@pytest.mark.parametrize(("content", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_table(content: bytes, reason: type[MailRefusal] | None) -> None:
    if reason is None:
        _judge(content)
    else:
        with pytest.raises(reason):
            _judge(content)


def test_nul_is_fine_in_binary_mail() -> None:
    """RFC 3030 §3."""
    _judge(b"From: a@b.example\r\n\r\n\x00", Body.BINARY_MIME)


@pytest.mark.parametrize(
    ("content", "length"), [(b"", 0), (b"\r\nx", 0), (b"A: b\r\n\r\nx", 6), (b"A: b\r\n", 6), (b"A: b", 4)]
)
def test_header_length(content: bytes, length: int) -> None:
    assert header_length(content) == length


@given(st.lists(st.sampled_from([b"From", b":", b" ", b"\r\n", b"\t", b"a@b.c", b"<", b">", b",", b"X", b"\x00"])))
def test_refuses_or_passes_and_never_breaks(words: list[bytes]) -> None:
    with contextlib.suppress(MailRefusal):
        _judge(b"".join(words))


HOSTILE = [
    b"From\r\n " * 150_000,
    b"From: " + b"a," * 500_000 + b"\r\n\r\n",
    b"From: " + b"(" * 1_000_000 + b"\r\n\r\n",
    b"from" * 250_000,
    b"\nfrom \t" * 140_000,
    b"X: y\r\n" + b" \r\n" * 300_000,
]


@pytest.mark.slow
@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_megabytes_cost_little(content: bytes) -> None:
    """AUTH attack rows 5–10 allow 50 ms of CPU a MB; asked here with room for a slow machine."""
    before = time.process_time()
    with_reason = None
    try:
        _judge(content)
    except MailRefusal as reason:
        with_reason = reason
    assert time.process_time() - before < 0.5, with_reason
