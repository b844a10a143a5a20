"""Commands, parameters, contents and replies: tables of octets and values."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.envelope import Address, Body
from courriel.model.wishes import Deadline, Wishes
from courriel.smtp.wire import faults
from courriel.smtp.wire import offer as offers
from courriel.smtp.wire.command import (
    Auth,
    Bdat,
    Data,
    Expn,
    Hello,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    parse,
)
from courriel.smtp.wire.data import Pieces, has_line_longer_than, starts_with_end, stuff, stuffed_blocks, unstuff
from courriel.smtp.wire.offer import Offer
from courriel.smtp.wire.reply import LINE_OCTETS, LINES, Answer, AnswerReader, Reply, render_lines

A = Address("a", "b.example")
NULL = Address("", "")

COMMANDS = [
    # RFC 5321 §4.1.1.1
    (b"EHLO client.example", Hello(b"EHLO", "client.example")),
    (b"helo [192.0.2.1]", Hello(b"HELO", "[192.0.2.1]")),
    (b"LHLO foo.edu", Hello(b"LHLO", "foo.edu")),
    (b"EHLO", faults.BadArgument),
    (b"HELO two words", faults.BadArgument),
    (b"EHLO " + b"x" * 256, faults.BadArgument),
    (b"EHLO a\x00b", faults.BadArgument),
    (b"EHLO a\x1bb", faults.BadArgument),
    # §4.1.1.2, §4.1.2
    (b"MAIL FROM:<a@b.example>", Mail(A)),
    (b"mail from:<a@B.example>  ", Mail(A)),
    (b"MAIL FROM: <a@b.example>", Mail(A)),
    (b"MAIL FROM:<>", Mail(NULL)),
    (b"MAIL FROM:<@x.example,@y.example:a@b.example>", Mail(A)),
    (b'MAIL FROM:<"a b"@b.example>', Mail(Address("a b", "b.example"))),
    (b'MAIL FROM:<"a>b"@b.example> SIZE=1', Mail(Address("a>b", "b.example"), 1)),
    (b"MAIL FROM:<a@[192.0.2.1]>", Mail(Address("a", "[192.0.2.1]"))),
    (b"MAIL", faults.BadArgument),
    (b"MAIL TO:<a@b.example>", faults.BadArgument),
    (b"MAIL FROM:", faults.BadSender),
    (b"MAIL FROM:a@b.example", faults.BadSender),
    (b"MAIL FROM:<a@b.example", faults.BadSender),
    (b"MAIL FROM:<a@b.example>SIZE=1", faults.BadSender),
    (b"MAIL FROM:<a>", faults.BadSender),
    (b"MAIL FROM:<postmaster>", faults.BadSender),
    (b"MAIL FROM:<a@b@c.example>", faults.BadSender),
    (b"MAIL FROM:<a b@c.example>", faults.BadSender),
    (b"MAIL FROM:<(any@legitimate.com>", faults.BadSender),
    (b"MAIL FROM:< >", faults.BadSender),
    (b"MAIL FROM:<a\x00@b.example>", faults.BadSender),
    (b"MAIL FROM:<a@b..example>", faults.BadSender),
    (b"MAIL FROM:<" + b"a" * 65 + b"@b.example>", faults.BadSender),  # §4.5.3.1.1
    (b"MAIL FROM:<a@" + b"b." * 130 + b"example>", faults.BadSender),  # §4.5.3.1.2
    # RFC 1870, 6152, 3030
    (b"MAIL FROM:<a@b.example> SIZE=500000 body=8bitmime", Mail(A, 500_000, Body.EIGHT_BIT_MIME)),
    (b"MAIL FROM:<a@b.example> BODY=BINARYMIME", Mail(A, None, Body.BINARY_MIME)),
    (b"MAIL FROM:<a@b.example> SIZE=", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> SIZE", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> SIZE=-1", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> SIZE=1x", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> SIZE=" + b"1" * 21, faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BODY=9BIT", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BODY=\xc3\xa9", faults.BadArgument),
    # RFC 6531
    ("MAIL FROM:<é@b.example> SMTPUTF8".encode(), Mail(Address("é", "b.example"), smtputf8=True)),
    ("MAIL FROM:<é@b.example>".encode(), faults.BadSender),
    (b"MAIL FROM:<\xff@b.example> SMTPUTF8", faults.BadSender),
    (b"MAIL FROM:<a@b.example> SMTPUTF8=1", faults.BadArgument),
    # RFC 3461 §4.3–4.4
    (b"MAIL FROM:<a@b.example> ENVID=" + b"+2B" * 100, Mail(A, envid="+" * 100)),
    (b"MAIL FROM:<a@b.example> ENVID=" + b"x" * 101, faults.BadArgument),
    (b"MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ+2B1", Mail(A, ret="HDRS", envid="QQ+1")),
    (b"MAIL FROM:<a@b.example> RET=full", Mail(A, ret="FULL")),
    (b"MAIL FROM:<a@b.example> RET=BODY", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> ENVID=", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> ENVID=a+0Ab", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> ENVID=a+b", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> ENVID=" + b"x" * 101, faults.BadArgument),
    # RFC 4954 §5
    (b"MAIL FROM:<a@b.example> AUTH=<>", Mail(A)),
    (b"MAIL FROM:<a@b.example> AUTH=e+3Dmc2@example.com", Mail(A)),
    (b"MAIL FROM:<a@b.example> AUTH", faults.BadArgument),
    # RFC 4865 §4, with eid2040
    (b"MAIL FROM:<a@b.example> HOLDFOR=86400", Mail(A, wishes=Wishes(hold_s=86_400))),
    (b"MAIL FROM:<a@b.example> HOLDUNTIL=2027-01-15T08:00:00Z", Mail(A, wishes=Wishes(hold_until=1_800_000_000.0))),
    (b"MAIL FROM:<a@b.example> HOLDUNTIL=2027-01-15T09:00:00+01:00", Mail(A, wishes=Wishes(0, 1_800_000_000.0))),
    (b"MAIL FROM:<a@b.example> HOLDFOR=0", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDFOR=1234567890", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDFOR", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDUNTIL=2027-13-15T08:00:00Z", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDUNTIL=2027-01-15T08:00:00", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDUNTIL=tomorrow", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> HOLDFOR=60 HOLDUNTIL=2027-01-15T08:00:00Z", faults.BadArgument),
    # RFC 2852 §4
    (b"MAIL FROM:<a@b.example> BY=98765;R", Mail(A, wishes=Wishes(deadline=Deadline(98_765.0, True)))),
    (b"MAIL FROM:<a@b.example> by=-12;nt", Mail(A, wishes=Wishes(deadline=Deadline(-12.0, False, True)))),
    (b"MAIL FROM:<a@b.example> BY=0;R", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BY=1234567890;N", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BY=60", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BY=60;X", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> BY", faults.BadArgument),
    # RFC 6710 §4
    (b"MAIL FROM:<a@b.example> MT-PRIORITY=3", Mail(A, wishes=Wishes(priority=3))),
    (b"MAIL FROM:<a@b.example> MT-PRIORITY=-9", Mail(A, wishes=Wishes(priority=-9))),
    (b"MAIL FROM:<a@b.example> MT-PRIORITY=10", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> MT-PRIORITY=high", faults.BadArgument),
    # RFC 8689 §2
    (b"MAIL FROM:<a@b.example> REQUIRETLS", Mail(A, wishes=Wishes(require_tls=True))),
    (b"MAIL FROM:<a@b.example> REQUIRETLS=1", faults.BadArgument),
    # RFC 5321 §4.1.1.11
    (b"MAIL FROM:<a@b.example> X-ODD=1", faults.UnknownParameter),
    (b"MAIL FROM:<a@b.example> NOTIFY=NEVER", faults.UnknownParameter),
    (b"MAIL FROM:<a@b.example> SIZE=1 SIZE=1", faults.BadArgument),
    (b"MAIL FROM:<a@b.example> =1", faults.BadArgument),
    # §4.1.1.3
    (b"RCPT TO:<a@b.example>", Rcpt(A)),
    (b"RCPT TO: <a@b.example>", Rcpt(A)),
    (b"rcpt to:<@hosta.int,@jkl.org:userc@d.bar.org>", Rcpt(Address("userc", "d.bar.org"))),
    (b"RCPT TO:<Postmaster>", Rcpt(Address("Postmaster", ""))),
    (b"RCPT TO:<>", faults.BadRecipient),
    (b"RCPT TO:<someone>", faults.BadRecipient),
    (b"RCPT TO:<user@evil@here.example>", faults.BadRecipient),
    (b"RCPT FROM:<a@b.example>", faults.BadArgument),
    ("RCPT TO:<é@b.example>".encode(), faults.BadRecipient),
    # RFC 3461 §4.1–4.2
    (b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,delay", Rcpt(A, frozenset({"SUCCESS", "DELAY"}))),
    (b"RCPT TO:<a@b.example> NOTIFY=NEVER", Rcpt(A, frozenset({"NEVER"}))),
    (b"RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS", faults.BadArgument),
    (b"RCPT TO:<a@b.example> NOTIFY=SUCCESS,SUCCESS", faults.BadArgument),
    (b"RCPT TO:<a@b.example> NOTIFY=", faults.BadArgument),
    (b"RCPT TO:<a@b.example> NOTIFY", faults.BadArgument),
    (b"RCPT TO:<a@b.example> ORCPT=rfc822;Bob@Ex.example", Rcpt(A, None, "rfc822;Bob@Ex.example")),
    (b"RCPT TO:<a@b.example> ORCPT=rfc822;a+2Bb@c.example", Rcpt(A, None, "rfc822;a+b@c.example")),
    (b"RCPT TO:<a@b.example> ORCPT=rfc822", faults.BadArgument),
    (b"RCPT TO:<a@b.example> ORCPT=;a@b.example", faults.BadArgument),
    (b"RCPT TO:<a@b.example> ORCPT=rfc822;a+0D+0Ab", faults.BadArgument),
    (b"RCPT TO:<a@b.example> ORCPT=rfc822;" + b"x" * 500, faults.BadArgument),
    (b"RCPT TO:<a@b.example> SIZE=1", faults.UnknownParameter),
    # the rest
    (b"DATA", Data()),
    (b"DATA ", Data()),
    (b"DATA now", faults.BadArgument),
    (b"BDAT 86 LAST", Bdat(86, True)),
    (b"bdat 0 last", Bdat(0, True)),
    (b"BDAT 100000", Bdat(100_000, False)),
    (b"BDAT", faults.BadChunk),
    (b"BDAT LAST", faults.BadChunk),
    (b"BDAT -1", faults.BadChunk),
    (b"BDAT +1", faults.BadChunk),
    (b"BDAT 0x10", faults.BadChunk),
    (b"BDAT 10 LASTS", faults.BadChunk),
    (b"BDAT 10 LAST LAST", faults.BadChunk),
    (b"BDAT " + b"9" * 21, faults.BadChunk),
    (b"RSET", Rset()),
    (b"RSET now", faults.BadArgument),
    (b"noop  anything ", Noop()),
    (b"QUIT", Quit()),
    (b"QUIT now", faults.BadArgument),
    (b"VRFY alice", Vrfy()),
    (b"VRFY", faults.BadArgument),
    (b"EXPN staff", Expn()),
    (b"EXPN", faults.BadArgument),
    (b"HELP MAIL", Help()),
    (b"STARTTLS", StartTls()),
    (b"STARTTLS now", faults.BadArgument),
    (b"AUTH PLAIN", Auth("PLAIN", None)),
    (b"auth scram-sha-256 =", Auth("SCRAM-SHA-256", b"=")),
    (b"AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=", Auth("PLAIN", b"dGVzdAB0ZXN0ADEyMzQ=")),  # RFC 4954 §6
    (b"AUTH PLAIN a b", faults.BadArgument),
    (b"AUTH", faults.BadArgument),
    (b"AUTH PL@IN", faults.BadArgument),
    (b"", faults.UnknownVerb),
    (b"\x00", faults.UnknownVerb),
    (b" NOOP", faults.UnknownVerb),
    (b"SEND FROM:<a@b.example>", faults.UnknownVerb),
    (b"NOOPS", faults.UnknownVerb),
    (b"\xc5\xbfEND", faults.UnknownVerb),
    # AUTH attack row 4
    (b"GET / HTTP/1.1", faults.NotOurLanguage),
    (b"POST /x HTTP/1.1", faults.NotOurLanguage),
    (b"PRI * HTTP/2.0", faults.NotOurLanguage),
    (b"\x16\x03\x01\x02\x00\x01", faults.NotOurLanguage),
]


@pytest.mark.parametrize(("line", "expected"), COMMANDS, ids=lambda value: repr(value)[:50])
def test_commands(line: bytes, expected: object) -> None:
    if isinstance(expected, type):
        with pytest.raises(faults.CommandFault) as caught:
            parse(line)
        assert type(caught.value) is expected
    else:
        assert parse(line) == expected


def test_utf8_in_forward_paths_where_mail_asked_for_it() -> None:
    """RFC 6531 §3.4; ORCPT of type utf-8: RFC 6533 §3."""
    line = "RCPT TO:<zoé@b.example> ORCPT=utf-8;zoé@b.example".encode()
    assert parse(line, smtputf8=True) == Rcpt(Address("zoé", "b.example"), None, "utf-8;zoé@b.example")
    with pytest.raises(faults.BadRecipient):
        parse(line)


# --- contents ---------------------------------------------------------------------------------------------------
STUFFED = [
    (b"", b".\r\n"),
    (b"a\r\n", b"a\r\n.\r\n"),
    (b"a", b"a\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b"a\r\n.\r\nb\r\n..c\r\n", b"a\r\n..\r\nb\r\n...c\r\n.\r\n"),
]


@pytest.mark.parametrize(("content", "sent"), STUFFED)
def test_stuffing(content: bytes, sent: bytes) -> None:
    assert stuff(content) == sent
    assert unstuff(sent[:-3]) in (content, content + b"\r\n")


def test_unstuffing_takes_one_dot_of_any_line() -> None:
    """RFC 5321 §4.5.2: also where the sender did not need to put it."""
    assert unstuff(b".a\r\n.b\r\n..c\r\n") == b"a\r\nb\r\n.c\r\n"


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b" "]), max_size=40))
def test_stuffed_content_ends_once_and_comes_back(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    sent = stuff(content)
    end = (b"\r\n" + sent).find(b"\r\n.\r\n")
    assert end == len(sent) - 3
    assert unstuff(sent[:-3]) in (content, content + b"\r\n")


@pytest.mark.parametrize(
    ("head", "answer"),
    [(b"", None), (b".", None), (b".\r", None), (b".\r\n", True), (b".\n\r", False), (b"a", False), (b"..", False)],
)
def test_an_end_right_at_the_start(head: bytes, answer: bool | None) -> None:
    assert starts_with_end(b"xx" + head, 2) is answer


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_line_ends_are_counted_right_over_any_pieces(noise: bytes, cuts: list[int]) -> None:
    content = noise.translate(bytes([(0x0D, 0x0A, 0x61, 0x62)[octet & 3] for octet in range(256)]))
    pieces, edges = Pieces(), sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    for start, end in itertools.pairwise(edges):
        pieces.add(content[start:end])
    rest = content.replace(b"\r\n", b"")
    assert pieces.has_bare_line_end is (b"\r" in rest or b"\n" in rest)
    assert pieces.join() == content and pieces.octets == len(content)


@given(st.lists(st.integers(0, 3000), max_size=20))
def test_pieces_of_any_size_come_back_in_order(sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    kept = Pieces()
    for piece in pieces:
        kept.add(piece)
    assert kept.join() == b"".join(pieces)


def test_crumbs_take_no_more_than_they_are() -> None:
    kept = Pieces()
    for _ in range(200_000):
        kept.add(b"x")
    assert len(kept._pieces) <= 4 and kept.join() == b"x" * 200_000
    kept.drop()
    assert kept.join() == b""


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(2, 10))
def test_long_lines_are_found(lengths: list[int], limit: int) -> None:
    content = b"".join(b"x" * length + b"\r\n" for length in lengths)
    assert has_line_longer_than(content, limit) is any(length + 1 > limit for length in lengths)


# --- replies ----------------------------------------------------------------------------------------------------
def test_replies_as_written() -> None:
    assert Reply(550, "5.1.1", "No such address").render() == b"550 5.1.1 No such address\r\n"
    assert Reply(220, "", "ready").render() == b"220 ready\r\n"
    assert render_lines(250, ["a", "B C"]) == b"250-a\r\n250 B C\r\n"
    assert render_lines(250, ["a"]) == b"250 a\r\n"


def _read(*lines: bytes) -> Answer | None:
    reader, answer = AnswerReader(), None
    for line in lines:
        assert answer is None
        answer = reader.line(line)
    return answer


ANSWERS = [
    ((b"250 OK",), Answer(250, ("OK",))),
    ((b"250",), Answer(250, ("",))),
    ((b"250-a", b"250-b", b"250 c"), Answer(250, ("a", "b", "c"))),
    ((b"354 go\xff",), Answer(354, ("go�",))),
    ((b"250-a",), None),
]


@pytest.mark.parametrize(("lines", "expected"), ANSWERS)
def test_replies_as_read(lines: tuple[bytes, ...], expected: Answer | None) -> None:
    assert _read(*lines) == expected


@pytest.mark.parametrize(
    "lines",
    [
        (b"",),
        (b"hello",),
        (b"25 OK",),
        (b"2500 OK",),
        (b"150 preliminary",),
        (b"999 OK",),
        (b"250_OK",),
        (b"250-a", b"550 b"),
        (b"250 a\rb",),
        (b"250 a\x00b",),
        ("٢٥٠ OK".encode(),),
        tuple(b"250-more" for _ in range(LINES + 1)),
        (b"250 " + b"x" * LINE_OCTETS,),
    ],
    ids=lambda lines: repr(lines[0])[:30],
)
def test_what_is_no_reply(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(FormatError):
        _read(*lines)


def test_a_reply_without_end_is_a_limit() -> None:
    with pytest.raises(LimitExceeded):
        _read(*[b"250-more"] * (LINES + 1))


STATUSES = [
    (250, "2.1.0 ok", "2.1.0"),
    (550, "5.1.1 no such user", "5.1.1"),
    (550, "5.1.1", "5.1.1"),
    (550, "no such user", "5.0.0"),
    (450, "", "4.0.0"),
    # RFC 2034 §4: the classes agree, or the enhanced code is not believed
    (450, "5.1.1 no", "4.0.0"),
    (250, "5.1.1 no", "2.0.0"),
    (550, "5.1.1.1 no", "5.0.0"),
    (550, "5.1.1x no", "5.0.0"),
    (550, "5.1234.1 no", "5.0.0"),
    (550, "see 5.1.1", "5.0.0"),
    (354, "go", "3.0.0"),
]


@pytest.mark.parametrize(("code", "text", "status"), STATUSES)
def test_enhanced_codes_of_replies(code: int, text: str, status: str) -> None:
    assert Answer(code, (text, "5.9.9 more")).status == status


OFFERS = [
    (("host",), Offer()),
    (("host", "SIZE 1000", "pipelining"), Offer({"SIZE": "1000", "PIPELINING": ""}, 1000)),
    (("host", "SIZE"), Offer({"SIZE": ""})),
    (("host", "SIZE 0"), Offer({"SIZE": "0"})),
    (("host", "SIZE x"), Offer({"SIZE": "x"})),
    (("host", "SIZE " + "9" * 21), Offer({"SIZE": "9" * 21})),
    (("host", "SIZE ٣"), Offer({"SIZE": "٣"})),
    (("host", "SIZE 5", "SIZE 9"), Offer({"SIZE": "5"}, 5)),
    (
        ("host", "LIMITS RCPTMAX=20 mailmax=5 RCPTDOMAINMAX=1"),
        Offer({"LIMITS": "RCPTMAX=20 mailmax=5 RCPTDOMAINMAX=1"}, None, 20, 1, 5),
    ),
    # RFC 9422 §4: what breaks the grammar, or is not known, counts as not there
    (("host", "LIMITS RCPTMAX=0 MAILMAX=1234567 X=1"), Offer({"LIMITS": "RCPTMAX=0 MAILMAX=1234567 X=1"})),
    (("host", "AUTH PLAIN LOGIN "), Offer({"AUTH": "PLAIN LOGIN"})),
]


@pytest.mark.parametrize(("lines", "expected"), OFFERS)
def test_offers(lines: tuple[str, ...], expected: Offer) -> None:
    assert offers.read(Answer(250, lines)) == expected


def test_an_offer_knows_its_keywords() -> None:
    offer = offers.read(Answer(250, ("STARTTLS", "Chunking")))
    assert "CHUNKING" in offer and "STARTTLS" not in offer


@given(
    st.lists(st.sampled_from([b".", b"..", b"\r\n", b"a", b"bcd", b"\r\n.\r\n", b"." * 9]), max_size=40),
    st.integers(2, 12),
)
def test_blocks_are_what_stuffing_gives(pieces: list[bytes], octets: int) -> None:
    content = b"".join(pieces)
    blocks = list(stuffed_blocks(content, octets))
    assert b"".join(blocks) == stuff(content)
    assert all(len(block) <= 2 * octets + 5 for block in blocks)
