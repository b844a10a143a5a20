"""Mail from people here: whose it may be, and what is added and taken away.  RFC 6409 §8, RFC 5322 §3.6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery.judge import judge
from courriel.delivery.settings import DeliverySettings
from courriel.delivery.submit import check_own, complete
from courriel.model.envelope import Address, Body
from courriel.model.refusals import BadMessage, NotYourAddress

SETTINGS = DeliverySettings("mail.courriel.test")
MINE = b"From: a@x.test\r\n"


def _may(address: Address) -> bool:
    return address.domain == "x.test"


def _check(content: bytes) -> None:
    check_own(content, judge(content, Body.SEVEN_BIT, SETTINGS), _may)


def _complete(content: bytes) -> bytes:
    return complete(content, judge(content, Body.SEVEN_BIT, SETTINGS), "mail.courriel.test", "ID", 1_800_000_000.0)


@pytest.mark.parametrize(
    "header",
    [
        MINE,
        b"From: a@x.test, b@x.test\r\nSender: a@x.test\r\n",
        MINE + b"Resent-From: c@x.test\r\nResent-Sender: d@x.test\r\n",
        # the older block is of somebody who had it before
        b"Resent-From: c@x.test\r\nResent-To: d@y.test\r\nResent-From: e@y.test\r\n" + MINE,
    ],
)
def test_own(header: bytes) -> None:
    _check(header + b"\r\nhello\r\nFrom: b@y.test\r\n")


@pytest.mark.parametrize(
    "header",
    [
        b"From: a@y.test\r\n",
        b"From: a@x.test, b@y.test\r\nSender: a@x.test\r\n",
        MINE + b"Sender: a@y.test\r\n",
        MINE + b"sender:\r\n a@y.test\r\n",
        MINE + b"Resent-From: a@y.test\r\n",
        MINE + b"Resent-From: a@x.test\r\nRESENT-SENDER :\r\n a@y.test\r\n",
        b"Resent-From: a@y.test\r\nResent-From: a@x.test\r\n" + MINE,
        # resent by oneself does not make it one's own
        b"Resent-From: a@x.test\r\nFrom: a@y.test\r\n",
    ],
)
def test_somebody_elses(header: bytes) -> None:
    with pytest.raises(NotYourAddress):
        _check(header + b"\r\nhello\r\n")


@pytest.mark.parametrize("header", [b"To: a@x.test\r\n", MINE + b"Resent-From: nobody\r\n", MINE + b"Sender: @\r\n"])
def test_unreadable(header: bytes) -> None:
    with pytest.raises(BadMessage):
        _check(header + b"\r\nhello\r\n")


KEPT = st.sampled_from(
    [
        b"Subject: Bcc: not a field\r\n",
        b"Subject: folded\r\n Bcc: x@y.test\r\n",
        b"X-Bcc: x@y.test\r\n",
        b"Bcc-Note: x\r\n",
        b"Resent-To: d@y.test\r\n",
        b"Resent-Message-ID: <r@y.test>\r\n",
        b"Resent-Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n",
        b"To: b@y.test,\r\n\tc@y.test\r\n",
    ]
)
TAKEN = st.sampled_from(
    [
        b"Bcc: s@y.test\r\n",
        b"BCC : s@y.test,\r\n t@y.test\r\n\tu@y.test\r\n",
        b"bcc:\r\n",
        b"Resent-Bcc: s@y.test\r\n",
        b"rEsEnT-bCc:\r\n s@y.test\r\n",
    ]
)
BODY = b"\r\nBcc: in the text\r\n"


@given(st.lists(st.tuples(st.booleans(), KEPT, TAKEN)))
def test_bcc_goes_and_all_else_stays_in_its_order(fields: list[tuple[bool, bytes, bytes]]) -> None:
    """RFC 5322 §3.6.3, §3.6.6: of every resending too."""
    content = b"".join(taken if is_taken else kept for is_taken, kept, taken in fields)
    wanted = b"".join(kept for is_taken, kept, _ in fields if not is_taken)
    added, found, rest = _complete(content + BODY).partition(wanted + BODY)
    assert found and not rest
    assert added == b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <ID@mail.courriel.test>\r\n"


@given(st.lists(KEPT | TAKEN), st.booleans(), st.booleans())
def test_a_complete_message_stays_as_it_is(fields: list[bytes], date: bool, message_id: bool) -> None:
    """A Resent-Date is no Date, a Resent-Message-ID no Message-ID; what is there is not added again."""
    content = b"".join(fields)
    content += b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n" * date + b"Message-ID: <m@x.test>\r\n" * message_id
    once = _complete(content + BODY)
    assert _complete(once) == once
    assert once.count(b"\nDate:") + once.startswith(b"Date:") == 1
    assert once.count(b"\nMessage-ID:") + once.startswith(b"Message-ID:") == 1
