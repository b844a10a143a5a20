"""The small pieces of the wire: sets, patterns, strings, names, borders.  RFC 9051 §4, §5.1, §6.3.9, §9; RFC 7888."""

from __future__ import annotations

import itertools
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.imap.wire import mailbox, response, sets
from courriel.imap.wire.fragments import Announced, Command, Event, Fragments, TooLong
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.list import Matcher
from courriel.model.flags import DELETED, SEEN


# --- sets -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "count", "indexes"),
    [
        # RFC 9051 §9, seq-range: order of the two ends does not matter, * is the last
        (b"2:4", 5, [1, 2, 3]),
        (b"4:2", 5, [1, 2, 3]),
        (b"*", 5, [4]),
        (b"2,4:7,9,12:*", 15, [1, 3, 4, 5, 6, 8, 11, 12, 13, 14]),
        (b"*:4,5:7", 10, [3, 4, 5, 6, 7, 8, 9]),
        (b"1:*,3", 3, [0, 1, 2]),
        (b"6", 5, None),
        (b"5:*", 4, None),  # 4:5
        (b"1:*", 0, None),
    ],
)
def test_sequence_numbers(text: bytes, count: int, indexes: list[int] | None) -> None:
    found = sets.indexes_of_seqs(sets.parse(text), count)
    assert (None if found is None else list(found)) == indexes


@pytest.mark.parametrize(
    ("text", "uids", "indexes"),
    [
        (b"1:100", [3, 7, 50], [0, 1, 2]),
        (b"4:6", [3, 7, 50], []),
        (b"7,9,50", [3, 7, 50], [1, 2]),
        (b"60:*", [3, 7, 50], [2]),  # RFC 9051 §6.4.9: never empty while there is a message
        (b"*", [], []),
        (b"4294967295", [4294967295], [0]),
    ],
)
def test_uids(text: bytes, uids: list[int], indexes: list[int]) -> None:
    assert list(sets.indexes_of_uids(sets.parse(text), array("I", uids), len(uids))) == indexes


@given(st.lists(st.integers(1, 300), unique=True))
def test_rendered_sets_keep_their_order(numbers: list[int]) -> None:
    """COPYUID pairs the n-th number with the n-th (RFC 4315 §3)."""
    text = sets.render(numbers)
    again: list[int] = []
    for piece in text.split(b",") if text else ():
        low, _, high = piece.partition(b":")
        again.extend(range(int(low), int(high or low) + 1))
    assert again == numbers


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=8), st.integers(0, 61))
def test_merged_ranges_hold_the_same_numbers(pairs: list[tuple[int, int]], number: int) -> None:
    merged = sets.merged(sets.NumberSet(tuple(pairs)), 60)
    assert sets.contains(merged, number) == any(min(pair) <= number <= max(pair) for pair in pairs)
    assert all(first[1] + 1 < second[0] for first, second in itertools.pairwise(merged))


# --- patterns ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "a/b/c", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("%/%", "a/b", True),
        ("a/*", "a", False),
        ("a*", "a", True),
        ("a%c", "abc", True),
        ("a%c", "ab/c", False),
        ("*b*", "a/b/c", True),
        ("inbox", "INBOX", True),  # RFC 9051 §5.1
        ("InBox/%", "INBOX/x", True),
        ("inb%", "INBOX", True),
        ("work", "Work", False),
        ("", "a", False),
        ("%%%%**%%/c", "a/b/c", True),
        ("é%", "éa", True),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert Matcher((pattern,))(path) is matches


def test_no_pattern_backtracks() -> None:
    assert not Matcher(("*a" * 30 + "b",))("a" * 1_000)


# --- strings and names --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("octets", "rendered"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"caf\xc3\xa9", b"{5}\r\ncaf\xc3\xa9"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(octets: bytes, rendered: bytes) -> None:
    assert response.string(octets) == rendered


def test_nstring() -> None:
    assert (response.nstring(None), response.nstring(b"NIL")) == (b"NIL", b'"NIL"')


@pytest.mark.parametrize(
    ("path", "utf8", "rendered"),
    [
        ("INBOX", False, b"INBOX"),
        ("a b", False, b'"a b"'),
        ("~peter/mail/台北/日本語", False, b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("~peter/mail/台北", True, '"~peter/mail/台北"'.encode()),
        ("R&D", False, b"R&-D"),
        ("R&D", True, b"R&D"),
        ("nil", False, b'"nil"'),
        ('say "x"', False, b'"say \\"x\\""'),
    ],
)
def test_mailbox_names(path: str, utf8: bool, rendered: bytes) -> None:
    assert response.mailbox_name(path, utf8) == rendered
    if utf8 and not path.isascii():
        return  # as quoted UTF-8, which only a client reads
    assert mailbox.read_name(Reader(Command(rendered)), utf8) == path


def test_flag_lists() -> None:
    flags = SEEN | DELETED | 1 << 5 | 1 << 7
    assert response.flag_list(flags | response.RECENT, {5: "$a", 7: "b", 6: "c"}) == b"(\\Seen \\Deleted \\Recent $a b)"
    assert response.flag_list(0, {}) == b"()"


# --- borders --------------------------------------------------------------------------------------------------------
def events(*pieces: bytes, limit: int = 100) -> list[Event]:
    """Everything that comes of these pieces; all literals are taken."""
    fragments = Fragments(limit)
    found: list[Event] = []
    for piece in pieces:
        fragments.feed(piece)
        while (event := fragments.next()) is not None:
            found.append(event)
            if isinstance(event, Announced):
                fragments.accept()
    return found


def test_a_literal_is_no_part_of_the_text() -> None:
    assert events(b"a LOGIN {5}\r\nal\r\n", b"e {0+}\r\n\r\nb NOOP\r\n") == [
        Announced(b"a LOGIN {5}", 5, True, 0),
        Announced(b"a LOGIN {5}\n {0+}", 0, False, 1),
        Command(b"a LOGIN {5}\n {0+}\n", (b"al\r\ne", b"")),
        Command(b"b NOOP"),
    ]


def test_bare_line_feeds_end_lines() -> None:
    assert events(b"a NOOP\nb NOOP\r\n") == [Command(b"a NOOP"), Command(b"b NOOP")]


def test_a_long_line_is_thrown_away_up_to_its_end() -> None:
    found = events(b"a X" + b"y" * 300, b"y" * 300 + b"\r\nb NOOP\r\n")
    assert isinstance(found[0], TooLong)
    assert found[0].so_far.startswith(b"a X")
    assert found[1:] == [Command(b"b NOOP")]


def test_a_long_lines_literal_goes_with_it() -> None:
    """The octets of ``{4+}`` are on their way: they are no command."""
    found = events(b"a " + b"y" * 300 + b" {9+}\r\nc LOGOUT\n\r\nb NOOP\r\n")
    assert isinstance(found[0], TooLong)
    assert found[1:] == [Command(b"b NOOP")]


def test_a_refused_literal_that_comes_anyway() -> None:
    fragments = Fragments(100)
    fragments.feed(b"a APPEND x {9+}\r\nc LOGOUT\n {2+}\r\nxx more\r\nb NOOP\r\n")
    assert isinstance(fragments.next(), Announced)
    fragments.skip(comes=True)
    assert fragments.next() == Command(b"b NOOP")
    assert fragments.idle


def test_a_refused_literal_that_waits_is_over() -> None:
    fragments = Fragments(100)
    fragments.feed(b"a APPEND x {9}\r\n")
    assert isinstance(fragments.next(), Announced)
    fragments.skip(comes=False)
    fragments.feed(b"b NOOP\r\n")
    assert fragments.next() == Command(b"b NOOP")


def test_text_between_literals_counts() -> None:
    """Many short lines joined by literals are one command, and one limit."""
    found = events(*[b"x" * 20 + b"{0+}\r\n"] * 10)
    assert any(isinstance(event, TooLong) for event in found)
