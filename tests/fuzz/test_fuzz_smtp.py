"""Fuzz targets for SMTP: any octets give values or faults, memory stays bounded, and only one end ends a message.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.model.envelope import Address, Recipient
from courriel.smtp.budget import Budget
from courriel.smtp.session import AuthLine, Chunk, Content, Session
from courriel.smtp.settings import SmtpSettings
from courriel.smtp.wire.command import Auth, Data, Hello, Mail, Rcpt, parse
from courriel.smtp.wire.data import stuff, unstuff
from courriel.smtp.wire.faults import CommandFault
from courriel.smtp.wire.reply import AnswerReader

SMALL = SmtpSettings(message_octets=300, line_octets=100, auth_line_octets=150, in_flight_octets=500)


def fuzz_smtp_command(data: bytes) -> None:
    for smtputf8 in (False, True):
        with contextlib.suppress(CommandFault):
            command = parse(data, smtputf8=smtputf8)
            if isinstance(command, Mail | Rcpt):
                address = command.reverse_path if isinstance(command, Mail) else command.forward_path
                assert not {"\r", "\n", "\0"} & set(address.local + address.domain)
            if isinstance(command, Hello):
                assert not {"\r", "\n", "\0", " "} & set(command.name)


def _drive(session: Session, data: bytes, step: int) -> tuple[bytes, list[bytes]]:
    """Feed a session in steps, say yes to all it asks; what it said and the messages that came out."""
    messages: list[bytes] = []
    for at in range(0, len(data), step):
        session.receive(data[at : at + step])
        while (event := session.next_event()) is not None:
            _accept(session, event, messages)
        assert len(session._buffer) - session._at <= max(step, SMALL.auth_line_octets) + 5
        if session.closed:
            break
    return b"".join(session.out), messages


def _accept(session: Session, event: object, messages: list[bytes]) -> None:
    if isinstance(event, Hello):
        session.greeted()
    elif isinstance(event, Mail):
        session.began(event)
    elif isinstance(event, Rcpt):
        session.took_recipient(Recipient(event.forward_path))
    elif isinstance(event, Data):
        session.opens_data()
    elif isinstance(event, Auth):
        session.authenticating = True
    elif isinstance(event, AuthLine):
        session.authenticating = False
    elif isinstance(event, Content):
        if event.fault is None:
            messages.append(event.octets)
        session.finished()
        if event.fatal:
            session.close()
    elif not isinstance(event, Chunk):
        session.say(b"250 OK\r\n")


def fuzz_smtp_session(data: bytes) -> None:
    """The whole conversation: the same whatever the cuts, and all octets given back."""
    results = []
    for step in (len(data) or 1, 7, 1):
        budget = Budget(SMALL.in_flight_octets)
        session = Session(SMALL, budget)
        results.append(_drive(session, data, step))
        session.lost()
        assert budget.used == 0
    assert results[0] == results[1] == results[2]


def _within_a_message() -> Session:
    session = Session(SMALL, Budget(SMALL.in_flight_octets))
    session.greeted()
    session.began(Mail(Address("", "")))
    session.took_recipient(Recipient(Address("a", "b")))
    return session


def fuzz_data_framing(data: bytes) -> None:
    """After DATA: nothing but CRLF "." CRLF ends, and no message holds a CR or LF alone."""
    for step in (len(data) or 1, 3, 1):
        session = _within_a_message()
        session.opens_data()
        _, messages = _drive(session, data, step)
        end = (b"\r\n" + data).find(b"\r\n.\r\n")
        if end < 0:
            assert messages == [] and (session.is_receiving_content or session.closed)
            continue
        raw = data[:end]
        clean = raw.replace(b"\r\n", b"")
        if b"\r" in clean or b"\n" in clean:
            assert messages == [] and session.closed
        elif len(raw) <= SMALL.message_octets:
            assert messages[0] == unstuff(raw)
            assert unstuff(stuff(messages[0])[: len(stuff(messages[0])) - 3]) == messages[0]


def fuzz_bdat(data: bytes) -> None:
    """Chunks are taken by count: the sizes are the first octets of the input, the rest is content."""
    sizes = [octet % 50 for octet in data[:3]]
    content = data[3 : 3 + sum(sizes)]
    if len(content) < sum(sizes):
        return
    wire, at = b"", 0
    for number, size in enumerate(sizes, 1):
        last = b" LAST" if number == len(sizes) else b""
        wire += b"BDAT %d%b\r\n" % (size, last) + content[at : at + size]
        at += size
    if not sizes:
        return
    for step in (len(wire), 5, 1):
        session = _within_a_message()
        _, messages = _drive(session, wire + b"QUIT\r\n", step)
        rest = content.replace(b"\r\n", b"")
        assert messages == ([] if b"\r" in rest or b"\n" in rest else [content])


def fuzz_smtp_reply(data: bytes) -> None:
    reader = AnswerReader()
    with contextlib.suppress(FormatError):
        for line in data.split(b"\n"):
            answer = reader.line(line.removesuffix(b"\r"))
            assert answer is None or 200 <= answer.code <= 599


TARGETS = [fuzz_smtp_command, fuzz_smtp_session, fuzz_data_framing, fuzz_bdat, fuzz_smtp_reply]
WORDS = [b"EHLO c\r\n", b"MAIL FROM:<a@b.c>", b"RCPT TO:<a@b.c>", b" SIZE=10", b" BODY=BINARYMIME", b" SMTPUTF8"]
WORDS += [b"DATA\r\n", b"BDAT 5 LAST\r\n", b"BDAT 3\r\n", b"hello", b".", b"\r\n.\r\n", b"\r\n", b"\n", b"\r"]
WORDS += [
    b"RSET\r\n",
    b"NOOP\r\n",
    b"AUTH PLAIN\r\n",
    b"QUIT\r\n",
    b"STARTTLS\r\n",
    b"x" * 120,
    b"250-a\r\n",
    b"250 b\r\n",
]
WORDS += [b"\0", b"\xc3\xa9", b'"', b"+2B", b" NOTIFY=NEVER", b" ORCPT=rfc822;a@b"]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
@given(st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join)))
def test_fuzz(target: Callable[[bytes], None], data: bytes) -> None:
    target(data)
