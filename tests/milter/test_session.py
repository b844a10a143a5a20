"""The milter protocol without a socket: packets, the order of a talk, what filters may change and what they may not."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.milter import changes, session, wire
from courriel.milter.content import Content
from courriel.milter.session import Facts, Verdict, Wait
from courriel.milter.settings import CHANGES, parse_address
from courriel.milter.wire import Action, Answer, PacketReader, Step, Terms
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient, address_of

MESSAGE = b"From: a@x.test\r\nSubject:  two\r\n\tlines\r\nX: 1\r\nX: 2\r\n\r\nhello\r\n"
ENVELOPE = Envelope(
    Door.MX,
    Client("192.0.2.1", 4321, "c.test", tls="TLSv1.3 AES"),
    Address("a", "x.test"),
    (Recipient(Address("b", "y.test")), Recipient(Address("c", "y.test"))),
)
ALL = Terms(6, wire.ALL_ACTIONS, Step(0))


def run(answers: list[Answer], terms: Terms = ALL, content: bytes = MESSAGE) -> tuple[Verdict, list[bytes]]:
    """The verdict, and what was sent with each turn."""
    talk = session.talk(terms, Facts("id1", "mail.test", ENVELOPE, Content(content)))
    sent, left = [], list(answers)
    answer: Answer | None = None
    while True:
        try:
            line = talk.send(answer)
        except StopIteration as end:
            return end.value, sent
        sent.append(line.octets)
        if line.wait is Wait.NOTHING:
            answer = None
        elif left:
            answer = left.pop(0)
        else:
            answer = wire.Continue()


def letters(octets: bytes) -> str:
    reader, found = PacketReader(), ""
    reader.receive(octets)
    while (packet := reader.next()) is not None:
        found += chr(packet[0])
    return found


def changed(*made: wire.Change, content: bytes = MESSAGE) -> tuple[bytes, Envelope]:
    message = Content(content)
    envelope = changes.apply(made, message, ENVELOPE, leading_space=True)
    return message.octets(), envelope


def test_the_whole_talk_in_order() -> None:
    verdict, sent = run([])
    assert verdict == Verdict()
    assert [letters(one) for one in sent] == [
        *("DC", "DH", "DM", "DR", "DR", "DT"),
        *("L", "L", "L", "L", "DN", "B", "DE"),
    ]
    everything = b"".join(sent)
    assert b"Subject\0 two\n\tlines\0" in everything  # one blank taken, the fold as libmilter has it
    assert b"{client_addr}\x00192.0.2.1\0" in everything and b"{tls_version}\0TLSv1.3\0{cipher}\0AES\0" in everything
    assert b"[192.0.2.1]\x004" + struct.pack(">H", 4321) + b"192.0.2.1\0" in everything
    assert b"M<a@x.test>\0" in everything and b"auth_authen" not in everything


def test_what_a_filter_does_not_want_is_not_said() -> None:
    steps = Step.NO_CONNECT | Step.NO_HELO | Step.NO_MAIL | Step.NO_RCPT | Step.NO_DATA | Step.NO_BODY
    _, sent = run([], Terms(6, wire.ALL_ACTIONS, steps | Step.SILENT_HEADER | Step.LEADING_SPACE))
    assert [letters(one) for one in sent] == ["LLLLDN", "DE"]
    assert b"From\0 a@x.test\0" in sent[0] and b"Subject\0  two\n\tlines\0" in sent[0]


def test_a_silent_filter_gets_a_long_body_by_and_by() -> None:
    silent = Step(0x0FF080)
    _, sent = run([], Terms(6, wire.ALL_ACTIONS, silent), b"S: x\r\n\r\n" + b"y" * 300_000)
    assert len(sent) == 5 and max(map(len, sent)) < 2 * 65_536 + 4_096
    assert b"".join(sent).count(b"y") >= 300_000


def test_skip_ends_the_body() -> None:
    body = b"S: x\r\n\r\n" + b"y" * 200_000
    _, sent = run([wire.Continue()] * 8 + [wire.Skip()], content=body)
    assert [letters(one) for one in sent][-2:] == ["B", "DE"]
    with pytest.raises(FormatError):
        run([wire.Skip()])


@pytest.mark.parametrize("place", range(13))
def test_a_refusal_may_come_with_every_command(place: int) -> None:
    verdict, sent = run([wire.Continue()] * place + [wire.REJECT])
    assert verdict.refusal == wire.REJECT and len(sent) == place + 1


def test_progress_goes_on_and_accept_ends() -> None:
    verdict, sent = run([wire.Progress(), wire.Progress(), wire.Accept()])
    assert verdict == Verdict() and sent[1:] == [b"", b""]
    assert run([wire.Discard()])[0].discarded


def test_changes_come_only_at_the_end_only_as_negotiated_and_not_for_ever() -> None:
    field = wire.AddHeader(b"X", b"1")
    with pytest.raises(FormatError):
        run([field])
    with pytest.raises(FormatError, match="was not negotiated"):
        run([wire.Continue()] * 12 + [field], Terms(6, Action.CHANGE_BODY, Step(0)))
    with pytest.raises(LimitExceeded, match=r"milter\.changes"):
        run([wire.Continue()] * 12 + [field] * (CHANGES + 1))
    assert run([wire.Continue()] * 12 + [field] * CHANGES)[0].changes == (field,) * CHANGES


def test_a_body_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BODY_OCTETS", 10)
    with pytest.raises(LimitExceeded, match=r"milter\.body_octets"):
        run([wire.Continue()] * 12 + [wire.ReplaceBody(b"123456")] * 2)


# --- changes --------------------------------------------------------------------------------------------------------
def test_header_fields_are_added_changed_and_deleted() -> None:
    octets, _ = changed(
        wire.AddHeader(b"Last", b" z"),
        wire.AddHeader(b"First", b" a", 0),
        wire.AddHeader(b"Second", b" b", 2),
        wire.ChangeHeader(2, b"x", b" two"),
        wire.ChangeHeader(1, b"subject", b""),
        wire.ChangeHeader(9, b"Absent", b""),
        wire.ChangeHeader(1, b"New", b" n"),
    )
    assert octets == (
        b"First: a\r\nFrom: a@x.test\r\nSecond: b\r\nX: 1\r\nX: two\r\nLast: z\r\nNew: n\r\n\r\nhello\r\n"
    )


def test_a_body_is_replaced_with_proper_line_ends() -> None:
    octets, _ = changed(wire.ReplaceBody(b"one\ntwo\r"), wire.ReplaceBody(b"\nthree\r"))
    assert octets.endswith(b"X: 2\r\n\r\none\r\ntwo\r\nthree\r\n")


def test_the_envelope_changes() -> None:
    _, envelope = changed(
        wire.AddRecipient(b"<d@z.test>"),
        wire.AddRecipient(b"B@Y.test"),
        wire.DeleteRecipient(b"<c@y.test>"),
        wire.ChangeFrom(b"<>"),
    )
    assert [str(one.address) for one in envelope.recipients] == ["b@y.test", "d@z.test"]
    assert envelope.reverse_path.is_null and changed(wire.ChangeFrom(b"q@q.test"))[1].reverse_path == address_of(
        "q@q.test"
    )
    for bad in (wire.AddRecipient(b"<>"), wire.AddRecipient(b"x"), wire.ChangeFrom(b"<a@b.test> SIZE=1")):
        with pytest.raises(FormatError):
            changed(bad)


@given(st.binary(max_size=300))
def test_a_message_is_kept_to_the_octet(raw: bytes) -> None:
    assert Content(raw).octets() == raw


# --- packets --------------------------------------------------------------------------------------------------------
REPLIES = [
    (b"550 5.7.1 no", wire.Refuse(550, "5.7.1", ("no",))),
    (b"451 later 100%%", wire.Refuse(451, "", ("later 100%",))),
    (b"550-5.7.1 one\r\n550 5.7.1 two", wire.Refuse(550, "5.7.1", ("one", "two"))),
    (b"550 4.7.1 mixed", wire.Refuse(550, "", ("mixed",))),
    (b"554", wire.Refuse(554, "", ("",))),
    ("550 5.7.1 \r caf\xe9".encode(), wire.Refuse(550, "5.7.1", ("? caf??",))),
    (b"250 2.0.0 yes", None),
    (b"550 no\n250 yes", None),
    (b"", None),
]


@pytest.mark.parametrize(("raw", "expected"), REPLIES)
def test_texts_of_refusals(raw: bytes, expected: wire.Refuse | None) -> None:
    if expected is None:
        with pytest.raises(FormatError):
            wire.read(b"y" + raw + b"\0")
    else:
        assert wire.read(b"y" + raw + b"\0") == expected


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b"one\n two", b"one\r\n two"),
        (b"one\ntwo", b"one\r\n\ttwo"),
        (b"one\r\n\r\nBody", b"one\r\n\tBody"),
        (b"one\n \n\n", b"one"),
        (b"\nBcc: x", b"\r\n\tBcc: x"),
    ],
)
def test_a_value_cannot_end_its_field(value: bytes, kept: bytes) -> None:
    assert wire.read(b"hX\0" + value + b"\0") == wire.AddHeader(b"X", kept)


@pytest.mark.parametrize(
    "raw", [b"", b"Z", b"hX\0", b"hX: y\0v\0", b"h\0v\0", b"iX", b"O\0\0\0\6", b"+a@b", b"O" + b"\xff" * 12]
)
def test_packets_that_make_no_sense(raw: bytes) -> None:
    with pytest.raises(FormatError):
        wire.read(raw)


@given(st.binary(max_size=200))
def test_any_octets_are_an_answer_or_a_fault(raw: bytes) -> None:
    with contextlib.suppress(FormatError):
        answer = wire.read(raw)
        if isinstance(answer, wire.AddHeader | wire.ChangeHeader):
            octets = Content(MESSAGE)
            changes.apply([answer], octets, ENVELOPE, leading_space=False)
            assert octets.octets().count(b"\r\n\r\n") == 1
        if isinstance(answer, wire.Refuse):
            assert all(line.isascii() and line.isprintable() for line in answer.lines)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.integers(1, 20))
def test_packets_come_in_any_pieces(packets: list[bytes], step: int) -> None:
    stream = b"".join(struct.pack(">I", len(one)) + one for one in packets)
    reader, found = PacketReader(), []
    for at in range(0, len(stream), step):
        reader.receive(stream[at : at + step])
        while (one := reader.next()) is not None:
            found.append(one)
    assert found == packets and reader.is_empty


def test_packets_are_bounded() -> None:
    for length, kind in ((wire.PACKET_OCTETS + 1, LimitExceeded), (0, FormatError)):
        reader = PacketReader()
        reader.receive(struct.pack(">I", length))
        with pytest.raises(kind):
            reader.next()


def test_addresses_of_filters() -> None:
    assert parse_address("inet:127.0.0.1:11332") == ("127.0.0.1", 11332)
    assert parse_address("inet6:[::1]:99") == ("::1", 99)
    assert parse_address("unix:/run/x.sock") == ("/run/x.sock", 0)
    for bad in ("inet:host", "inet:host:0", "unix:relative", "127.0.0.1:1", ""):
        with pytest.raises(FormatError):
            parse_address(bad)
