"""What THREAD needs of a header.  RFC 5256 §3, REFERENCES."""

from __future__ import annotations

from array import array

import pytest

from courriel.formats.message import index
from courriel.formats.message.relatives import REFERENCES_LIMIT, of_header
from courriel.formats.message.summary import summarise


def numbers(header: bytes) -> list[int]:
    """By way of the message's stored parts, and of its header: the same."""
    raw = header + b"\r\nbody\r\n"
    stored = index.relatives(summarise(raw).parts)
    assert of_header(raw) == stored
    return array("Q", stored).tolist()


[A] = numbers(b"Message-ID: <a@x>\r\n")
[B] = numbers(b"Message-ID: <b@x>\r\n")

CASES = [
    (b"", [0]),
    (b"Message-ID: none\r\n", [0]),
    (b"Message-ID: (x) <a@x>\r\n", [A]),
    (b'Message-ID: <"a"@x>\r\n', [A]),  # §3: quoting does not count
    (b"Message-ID: <A@x>\r\n", None),  # but case does
    (b"Message-ID: <a@x>\r\nReferences: <b@x> <a@x>\r\n", [A, B, A]),
    (b"References: <b@x>\r\n\t<a@x>\r\nIn-Reply-To: <c@x>\r\n", [0, B, A]),
    (b"References: nothing\r\nIn-Reply-To: yours of <b@x> and <a@x>\r\n", [0, B]),  # only the first
]


@pytest.mark.parametrize(("header", "expected"), CASES)
def test_relatives(header: bytes, expected: list[int] | None) -> None:
    found = numbers(header)
    assert found == expected if expected is not None else found not in ([0], [A])


def test_of_many_the_first_and_the_last_are_kept() -> None:
    ids = [b"<%d@x>" % number for number in range(REFERENCES_LIMIT + 20)]
    found = numbers(b"References: %b\r\n" % b"\r\n ".join(ids))
    each = [numbers(b"Message-ID: %b\r\n" % id)[0] for id in ids]
    assert found == [0, each[0], *each[-REFERENCES_LIMIT + 1 :]]
