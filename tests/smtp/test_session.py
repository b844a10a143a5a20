"""Order, replies, chunks: the pure session and the tables behind it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import CourrielError, Damaged, FormatError, LimitExceeded, Unavailable
from courriel.model import directory_refusals, refusals
from courriel.smtp import replies
from courriel.smtp.budget import Budget
from courriel.smtp.session import BEFORE, Session, State
from courriel.smtp.settings import SmtpSettings
from courriel.smtp.verbs import RUN
from courriel.smtp.wire import faults
from courriel.smtp.wire.command import PARSERS, Bdat, Hello, Mail, Rcpt, parse
from tests.dialogues.runner import MemoryLink
from tests.smtp.house import House, build, say

EHLO, MAIL, RCPT = b"EHLO c.example\r\n", b"MAIL FROM:<x@y.example>\r\n", b"RCPT TO:<alice@courriel.test>\r\n"

# --- order: RFC 5321 §4.1.4 ---------------------------------------------------------------------------------------
STATES = {
    State.FRESH: b"",
    State.READY: EHLO,
    State.MAIL: EHLO + MAIL,
    State.RCPT: EHLO + MAIL + RCPT,
    State.CHUNKS: EHLO + MAIL + RCPT + b"BDAT 2\r\nab",
}
COMMANDS = {
    b"EHLO c.example": set(State),
    b"HELO c.example": set(State),
    b"RSET": set(State),
    b"NOOP": set(State),
    b"VRFY x": set(State),
    b"HELP": set(State),
    b"QUIT": set(State),
    b"MAIL FROM:<x@y.example>": {State.READY},
    b"RCPT TO:<bob@courriel.test>": {State.MAIL, State.RCPT},
    b"DATA": {State.RCPT},
    b"BDAT 0": {State.RCPT, State.CHUNKS},
}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.value)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0].decode())
def test_order(command: bytes, state: State) -> None:
    async def run() -> bytes:
        before = await say(await build(), STATES[state])
        after = await say(await build(), STATES[state] + command + b"\r\n")
        assert after.startswith(before)
        return after[len(before) :]

    said = asyncio.run(run())
    assert said.startswith(b"503 5.5.1 ") is (state not in COMMANDS[command]), said


def test_each_command_has_its_row() -> None:
    for verb, parser in PARSERS.items():
        assert callable(parser), verb
    for line in (b"EHLO x", b"STARTTLS", b"AUTH PLAIN", b"EXPN x", *COMMANDS):
        kind = type(parse(line))
        assert kind in RUN or kind is Bdat
    assert set(BEFORE) <= set(RUN) | {Bdat}


# --- replies ------------------------------------------------------------------------------------------------------
def _subclasses(root: type[CourrielError]) -> Iterator[type[CourrielError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _subclasses(kind)


def _make(kind: type[CourrielError]) -> CourrielError:
    return kind("x", 0) if issubclass(kind, FormatError) and not issubclass(kind, faults.CommandFault) else kind("x")


FAMILIES = [
    *(kind for _, kind in inspect.getmembers(refusals, inspect.isclass) if issubclass(kind, refusals.MailRefusal)),
    *(kind for _, kind in inspect.getmembers(faults, inspect.isclass) if issubclass(kind, faults.CommandFault)),
    FormatError,
    LimitExceeded,
    Unavailable,
    Damaged,
]


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
def test_every_reason_has_its_own_reply(kind: type[CourrielError]) -> None:
    assert kind in replies.REPLIES, f"{kind.__name__} has no row of its own"
    reply = replies.reply_for(_make(kind))
    line = reply.render()
    assert line.endswith(b"\r\n") and line.count(b"\n") == 1 and len(line) <= 512  # RFC 5321 §4.5.3.1.5
    code, enhanced, _ = line.split(b" ", 2)
    assert 400 <= int(code) <= 599
    assert enhanced[:2] == code[:1] + b"."  # RFC 2034 §4: the classes agree
    if issubclass(kind, refusals.MailRefusal):
        assert (reply.code < 500) is kind.temporary or kind is refusals.MailboxGone
    if kind in (Unavailable, Damaged):
        assert reply.code < 500


def test_reasons_of_the_roster_do_not_reach_strangers_as_they_are() -> None:
    """Look-ups answer None; only changes raise these.  Should one come through, the sender tries again."""
    for kind in _subclasses(directory_refusals.DirectoryRefusal):
        assert replies.reply_for(kind("x")).code == 421


def test_a_new_reason_is_answered_like_its_root() -> None:
    class Odd(refusals.OverQuota):
        pass

    class Odder(CourrielError):
        pass

    assert replies.reply_for(Odd()).enhanced == "5.2.2"
    assert replies.reply_for(Odder()) is replies.OUR_FAULT


# --- any chunking -------------------------------------------------------------------------------------------------
TALK = (
    b"EHLO c.example\r\nNOOP\r\nMAIL FROM:<x@y.example> SIZE=10\r\nRCPT TO:<alice@courriel.test>\r\n"
    b"RCPT TO:<nobody@courriel.test>\r\nDATA\r\n.\r\n"
    b"MAIL FROM:<>\r\nRCPT TO:<team@courriel.test>\r\nDATA\r\nSubject: s\r\n\r\n..dot\r\n.\r\n"
    b"mail from:<x@y.example>\r\nrcpt to:<bob@courriel.test>\r\nBDAT 14\r\nSubject: 2\r\n\r\n"
    b"BDAT 8 LAST\r\n\r\n.\r\nx\r\n"
    b"BOGUS\r\nBDAT 3 LAST\r\nabc" + b"y" * 3000 + b"\r\nVRFY a\r\nRSET\r\nQUIT\r\nNOOP\r\n"
)


async def _chunked(chunks: Sequence[bytes]) -> tuple[bytes, list[bytes], list[bytes]]:
    house = await build()
    link = MemoryLink(house.mx, "192.0.2.1")
    for chunk in chunks:
        link.send(chunk)
        await asyncio.sleep(0)
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    assert house.budget.used == 0
    return _without_ids(b"".join(said)), await _bodies(house, "alice"), await _bodies(house, "bob")


def _without_ids(said: bytes) -> bytes:
    lines = said.split(b"\r\n")
    return b"\r\n".join(line[:22] if line.startswith(b"250 2.0.0 Accepted as") else line for line in lines)


async def _bodies(house: House, person: str) -> list[bytes]:
    return [message.partition(b"+0000\r\n")[2] for message in await house.mail(person)]


@functools.cache
def _expected() -> tuple[bytes, list[bytes], list[bytes]]:
    return asyncio.run(_chunked([TALK]))


def test_the_talk_is_what_it_seems() -> None:
    said, alice, bob = _expected()
    codes = [line[:3] for line in said.split(b"\r\n") if line[3:4] == b" "]
    assert codes == (b"220 250 250 250 250 550 354 250 250 250 354 250 250 250 250 250 500 503 500 252 250 221".split())
    assert alice == [b"", b"Subject: s\r\n\r\n.dot\r\n"]
    assert bob == [b"Subject: s\r\n\r\n.dot\r\n", b"Subject: 2\r\n\r\n\r\n.\r\nx\r\n"]


@pytest.mark.slow
@given(st.lists(st.integers(0, len(TALK)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_chunking_gives_the_same_replies_and_mail(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TALK)]
    chunks = [TALK[a:b] for a, b in itertools.pairwise(edges) if a < b]
    assert asyncio.run(_chunked(chunks)) == _expected()


@pytest.mark.slow
def test_octet_by_octet() -> None:
    assert asyncio.run(_chunked([TALK[at : at + 1] for at in range(len(TALK))])) == _expected()


# --- the session alone --------------------------------------------------------------------------------------------
def _session(**limits: int) -> Session:
    return Session(SmtpSettings(**limits), Budget(1_000_000))


def test_a_session_is_pulled() -> None:
    """Nothing is read ahead: what comes behind a command is looked at after its reply."""
    session = _session()
    session.receive(EHLO + MAIL + RCPT)
    assert isinstance(session.next_event(), Hello)
    session.greeted()
    mail = session.next_event()
    assert isinstance(mail, Mail)
    assert session.next_event() is None and session.out[-1].startswith(b"503")  # MAIL was not answered yet
    session.began(mail)
    session.receive(RCPT)
    assert isinstance(session.next_event(), Rcpt)


def test_a_lost_client_gives_its_octets_back() -> None:
    budget = Budget(1_000)
    session = Session(SmtpSettings(), budget)
    session.opens_data()
    session.receive(b"x" * 500)
    assert session.next_event() is None and budget.used > 400
    session.lost()
    session.lost()
    assert budget.used == 0
