"""Lines, numbers, stuffing, TOP, the table of refusals."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import CourrielError, Damaged, FormatError, LimitExceeded, Unavailable
from courriel.model import refusals
from courriel.model.ids import AccountId, MailboxId
from courriel.pop3 import commands, replies, texts, wire
from courriel.pop3.session import Maildrop, NoSuchMessage

COMMANDS = [
    (b"NOOP", wire.Command(b"NOOP", b"")),
    (b"retr 1", wire.Command(b"RETR", b"1")),
    (b"PASS  two  blanks ", wire.Command(b"PASS", b" two  blanks ")),
    (b"", None),
    (b" NOOP", None),
    (b"NO\0P", None),
    (b"\xff\xfe", None),
    (b"AVERYLONGVERB", None),
]


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_commands(line: bytes, command: wire.Command | None) -> None:
    if command is None:
        with pytest.raises(FormatError):
            wire.parse_command(line)
    else:
        assert wire.parse_command(line) == command


@pytest.mark.parametrize("raw", [b"", b"-1", b"+1", b"1.0", b" 1", b"1 ", b"0x1", b"1_0", "١".encode(), b"1" * 11])
def test_what_is_no_number(raw: bytes) -> None:
    with pytest.raises(FormatError):
        wire.parse_number(raw)


LINES = [
    (b"a\r\nb\r\n", [b"a", b"b"]),
    (b"a\nb\r\n", [b"a", b"b"]),
    (b"\r\n\n", [b"", b""]),
    (b"a\rb\r\n", [b"a\rb"]),
    (b"x" * 253 + b"\r\n", [b"x" * 253]),
    (b"x" * 254 + b"\r\nok\r\n", [wire.TooLong(), b"ok"]),
    (b"x" * 100_000 + b"\r\nok\r\n", [wire.TooLong(), b"ok"]),
]


def _cut(lines: wire.Lines) -> list[bytes | wire.TooLong]:
    found = []
    while (line := lines.next()) is not None:
        found.append(line)
    return found


@pytest.mark.parametrize(("data", "expected"), LINES)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_lines(data: bytes, expected: list[bytes | wire.TooLong], step: int) -> None:
    lines, found = wire.Lines(), []
    for at in range(0, len(data), step):
        lines.feed(data[at : at + step])
        found += _cut(lines)
        assert len(lines) < wire.COMMAND_OCTETS
    assert found == expected


@given(st.binary(max_size=300))
def test_stuffing_is_undone_by_taking_one_dot_off(body: bytes) -> None:
    content = body.replace(b"\n", b"").replace(b"\r", b"\r\n")
    sent = b"".join(wire.stuffed(content))
    assert sent.endswith(b".\r\n")
    assert b"\r\n.\r\n" not in sent[:-5]
    lines = sent[:-3].split(b"\r\n")
    back = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    assert back in (content, content + b"\r\n")


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b".", b"a", b"\r"]), max_size=40))
def test_no_reader_sees_an_end_too_early(pieces: list[bytes]) -> None:
    """Nor one that takes a lone LF for a line end."""
    sent = b"".join(wire.stuffed(b"".join(pieces)))
    ends = [line.rstrip(b"\r") for line in sent.split(b"\n")]
    assert ends.index(b".") == len(ends) - 2


def _plain_top(content: bytes, lines: int) -> bytes:
    head, blank, body = (b"\r\n" + content).partition(b"\r\n\r\n")
    return (head + blank + b"".join(body.splitlines(keepends=True)[:lines]))[2:]


@given(st.lists(st.sampled_from([b"\r\n", b"a", b".", b"bc"]), max_size=30), st.integers(0, 40))
@settings(max_examples=200)
def test_top_as_said_plainly(pieces: list[bytes], lines: int) -> None:
    content = b"".join(pieces)
    assert wire.top(content, lines) == _plain_top(content, lines)


def test_every_refusal_has_its_reply() -> None:
    kinds = [kind for _, kind in inspect.getmembers(refusals, inspect.isclass) if issubclass(kind, CourrielError)]
    for kind in [*kinds, Unavailable, Damaged, FormatError, LimitExceeded, NoSuchMessage]:
        error = kind("x") if kind is not FormatError else FormatError("x")
        reply = replies.reply_for(error)
        assert reply.startswith(b"-ERR ") and reply.endswith(b"\r\n") and reply.count(b"\n") == 1
        if getattr(kind, "temporary", kind is Unavailable) and kind is not refusals.TooManyRecipients:
            assert b"[SYS/TEMP]" in reply


def test_failures_to_log_in_sound_the_same() -> None:
    assert replies.reply_for(refusals.AccountDisabled("a")) == replies.reply_for(refusals.AuthenticationFailed("b"))


def test_a_maildrop_counts_right() -> None:
    drop = Maildrop(AccountId(1), MailboxId(2), 2**32 - 1, [3, 5, 2**32 - 1], [10, 20, 30], [7, 8, 9])
    assert (drop.count, drop.octets) == (3, 60)
    assert len(drop.unique_id(3)) <= wire.UIDL_OCTETS
    drop.delete(2)
    assert (drop.count, drop.octets, drop.doomed()) == (2, 40, [5])
    assert drop.scan_listing() == b"1 10\r\n3 30\r\n"
    for number in (0, 2, 4, -1):
        with pytest.raises(NoSuchMessage):
            drop.message(number)
    drop.reset()
    assert (drop.count, drop.octets, drop.doomed()) == (3, 60, [])
    assert drop.unique_listing().count(b"4294967295.") == 3


# --- languages: RFC 6856 §3 ----------------------------------------------------------------------------------------
def test_every_text_of_a_reply_is_in_the_catalogue() -> None:
    """Each constant given to ``wire.ok``, ``err`` and ``multi``, and each ``+OK`` line written out."""
    said: set[str] = set()
    for source in Path(commands.__file__).parent.glob("*.py"):
        if source.name == "client.py":
            continue
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                if node.func.attr in ("ok", "err", "multi"):
                    said |= {
                        part.value.decode()
                        for part in ast.walk(node.args[0])
                        if isinstance(part, ast.Constant) and isinstance(part.value, bytes)
                    }
            elif isinstance(node, ast.Constant) and isinstance(node.value, bytes) and node.value.startswith(b"+OK %d "):
                said.add(node.value.decode().removeprefix("+OK ").rstrip())
    said = {re.sub(r"%[ds]", "{}", text).strip() for text in said} - {"", "{} {}", "Courriel POP3 ready"}
    assert said <= set(texts.TEXTS)
    assert set(texts.TEXTS) - said <= {"Line too long"}, "nobody says these"


@pytest.mark.parametrize("text", texts.TEXTS)
def test_a_reply_in_french_fits(text: str) -> None:
    """RFC 2449 §4: at most 512 octets; the codes stay, and so do the numbers."""
    english = b"-ERR [SYS/TEMP] " + text.replace("{}", "4294967295").encode() + b"\r\n"
    french = texts.localised(english, "fr")
    assert french.startswith(b"-ERR [SYS/TEMP] ") and french.endswith(b"\r\n") and len(french) <= 512
    assert french.count(b"4294967295") == text.count("{}")


def test_what_is_no_text_of_ours_stays() -> None:
    for line in (b"+OK\r\n", b"+OK 3 120\r\n", b"+ \r\n", b"-ERR [IN-USE] xyz\r\n", b"+OK 1 1700000000.m57\r\n"):
        assert texts.localised(line, "fr") == line


def test_which_language_a_range_means() -> None:
    asked = [texts.choose(one) for one in ("*", "fr", "FR-ca", "en-GB", "de", "", "frr")]
    assert asked == ["en", "fr", "fr", "en", None, None, None]
