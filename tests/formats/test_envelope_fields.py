"""What ``envelope`` renders, ``envelope_fields`` reads back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from courriel.base.errors import Damaged
from courriel.formats.message.envelope_fields import (
    EnvelopeAddress,
    EnvelopeField,
    addresses,
    fields,
    first_address,
    text,
)
from courriel.formats.message.summary import summarise

HEADER = (
    b'From: "Bob \\"x\\" {3}" <bob@x.test>, caf\xc3\xa9 <e@y>\r\n'
    b'To: team: a@b, c@d;, e@f\r\nSubject: say  "q" \\ {3}\r\n'
    b"Message-ID: <1@x>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0200\r\n\r\n"
)


def test_every_field() -> None:
    found = fields(summarise(HEADER).envelope)
    assert text(found[EnvelopeField.DATE]) == b"Mon, 1 Jan 2024 10:00:00 +0200"
    assert text(found[EnvelopeField.SUBJECT]) == b'say "q" \\ {3}'
    assert text(found[EnvelopeField.MESSAGE_ID]) == b"<1@x>"
    assert text(found[EnvelopeField.IN_REPLY_TO]) is None
    assert addresses(found[EnvelopeField.FROM]) == [
        EnvelopeAddress(b'Bob "x" {3}', b"bob", b"x.test"),
        EnvelopeAddress(b"caf\xc3\xa9", b"e", b"y"),
    ]
    assert first_address(found[EnvelopeField.FROM]) == EnvelopeAddress(b'Bob "x" {3}', b"bob", b"x.test")
    assert [(one.mailbox, one.host) for one in addresses(found[EnvelopeField.TO])] == [
        (b"team", None),
        (b"a", b"b"),
        (b"c", b"d"),
        (None, None),
        (b"e", b"f"),
    ]
    assert addresses(found[EnvelopeField.CC]) == [] and first_address(found[EnvelopeField.CC]) is None


PIECES = (b'"', b"\\", b"{5}", b"\r\n x", b"(", b")", b"NIL", b"<a@b>", b",", b";", b":", b"\xff", b" ", b"a", b"@")
WORDS = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@given(WORDS, WORDS)
@example(b"{5}\r\n x", b'"')
def test_whatever_was_rendered_is_read(people: bytes, subject: bytes) -> None:
    raw = b"From: %b\r\nSubject: %b\r\nMessage-ID: %b\r\n\r\n" % (people, subject, people)
    found = fields(summarise(raw).envelope)
    assert len(found) == len(EnvelopeField)
    for field in (EnvelopeField.FROM, EnvelopeField.SENDER, EnvelopeField.REPLY_TO):
        people_found = addresses(found[field])
        assert first_address(found[field]) == (people_found[0] if people_found else None)


@pytest.mark.parametrize("envelope", [b"", b"()", b"(NIL NIL)", b'("a'])
def test_anything_else_is_damage(envelope: bytes) -> None:
    with pytest.raises(Damaged):
        fields(envelope)
