"""LIST and LSUB: grammar, and which names a pattern means.  RFC 9051 §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 3348;
RFC 9590."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.imap.wire import mailbox
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.metadata import read_entries
from courriel.imap.wire.status import Item as StatusItem
from courriel.imap.wire.status import read_items
from courriel.model.mailbox import SEPARATOR

LIST_PATTERNS: Final = 50
"""Most patterns in one LIST."""

PATTERN_WILDCARDS: Final = 32
"""Most wildcards in one pattern; more than a mailbox name has levels."""


class Select(Enum):
    SUBSCRIBED = b"SUBSCRIBED"
    REMOTE = b"REMOTE"
    RECURSIVEMATCH = b"RECURSIVEMATCH"
    SPECIAL_USE = b"SPECIAL-USE"


class Return(Enum):
    SUBSCRIBED = b"SUBSCRIBED"
    CHILDREN = b"CHILDREN"
    SPECIAL_USE = b"SPECIAL-USE"
    MYRIGHTS = b"MYRIGHTS"  # RFC 8440


class List(msgspec.Struct, frozen=True):
    """LIST.  ``patterns`` have the reference in front already; ``root``: only the separator is asked for."""

    patterns: tuple[str, ...]
    select: frozenset[Select] = frozenset()
    returns: frozenset[Return] = frozenset()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    root: bool = False
    extended: bool = False


def parse(command: Command, pos: int, utf8: bool = False) -> List:
    """list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]."""
    reader = Reader(command, pos)
    reader.space()
    select: frozenset[Select] = frozenset()
    extended = reader.peek(b"(")
    if extended:
        select = _select(reader)
        reader.space()
    reference = mailbox.read_name(reader, utf8)
    reader.space()
    multiple = reader.peek(b"(")
    patterns = _patterns(reader, utf8)
    returns: frozenset[Return] = frozenset()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    if not reader.at_end:
        reader.space()
        if not reader.at_end:
            returns, status, metadata = _returns(reader)
            extended = True
    reader.end()
    root = patterns == [""] and not extended and not multiple
    joined = tuple(mailbox.pattern(reference + pattern) for pattern in patterns)
    return List(joined, select, returns, status, metadata, root, extended or multiple)


def parse_lsub(command: Command, pos: int, utf8: bool = False) -> List:
    """lsub = "LSUB" SP mailbox SP list-mailbox.  RFC 3501 §6.3.9."""
    reader = Reader(command, pos)
    reader.space()
    reference = mailbox.read_name(reader, utf8)
    reader.space()
    pattern = mailbox.decode_pattern(reader.list_mailbox(), utf8)
    reader.end()
    return List((mailbox.pattern(reference + pattern),), root=pattern == "")


def _select(reader: Reader) -> frozenset[Select]:
    words = reader.words()
    try:
        select = frozenset(Select(word) for word in words)
    except ValueError:
        reader.fail("unknown selection option")
    if Select.RECURSIVEMATCH in select and not select - {Select.RECURSIVEMATCH, Select.REMOTE}:
        reader.fail("RECURSIVEMATCH needs another option")  # RFC 9051 §6.3.9.1
    return select


def _patterns(reader: Reader, utf8: bool) -> list[str]:
    if not reader.take(b"("):
        return [mailbox.decode_pattern(reader.list_mailbox(), utf8)]
    patterns = [mailbox.decode_pattern(reader.list_mailbox(), utf8)]
    while not reader.take(b")"):
        reader.space()
        patterns.append(mailbox.decode_pattern(reader.list_mailbox(), utf8))
        if len(patterns) > LIST_PATTERNS:
            raise LimitExceeded(WHAT, reader.pos, "imap.list_patterns")
    return patterns


def _returns(reader: Reader) -> tuple[frozenset[Return], tuple[StatusItem, ...], tuple[str, ...]]:
    if reader.word() != b"RETURN":
        reader.fail("expected RETURN")
    reader.space()
    reader.need(b"(")
    returns: set[Return] = set()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    first = True
    while not reader.take(b")"):
        if not first:
            reader.space()
        first = False
        word = reader.word()
        if word == b"STATUS":
            reader.space()
            status = read_items(reader)
            continue
        if word == b"METADATA":
            reader.space()
            metadata = read_entries(reader)
            continue
        try:
            returns.add(Return(word))
        except ValueError:
            reader.fail("unknown return option")
    return frozenset(returns), status, metadata


class Matcher:
    """Patterns as one test on a path.  ``%`` stops at the separator; INBOX matches in any case."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = [_collapsed(pattern) for pattern in patterns]
        if any(pattern.count("*") + pattern.count("%") > PATTERN_WILDCARDS for pattern in self._patterns):
            raise LimitExceeded(WHAT, -1, "imap.pattern_wildcards")

    def __call__(self, path: str) -> bool:
        return any(matches(pattern, path) for pattern in self._patterns)


_WILDCARDS: Final = re.compile(r"[*%]*\*[*%]*|%+")


def _collapsed(pattern: str) -> str:
    """The same pattern without wildcards side by side, INBOX in capitals."""
    pattern = _WILDCARDS.sub(lambda match: "*" if "*" in match[0] else "%", pattern)
    head, separator, rest = pattern.partition(SEPARATOR)
    return head.upper() + separator + rest if head.upper() == "INBOX" else pattern


def matches(pattern: str, path: str) -> bool:
    """Whether ``path`` matches, in time pattern × path at worst: the set of reachable places in the pattern is
    carried along the path, so no pattern backtracks."""
    here = _closure({0}, pattern)
    for char in path:
        reached: set[int] = set()
        for at in here:
            if at == len(pattern):
                continue
            wild = pattern[at]
            if wild == "*" or (wild == "%" and char != SEPARATOR):
                reached.add(at)
            elif wild == char or (wild.upper() == char and path == "INBOX"):
                reached.add(at + 1)
        if not reached:
            return False
        here = _closure(reached, pattern)
    return len(pattern) in here


def _closure(places: set[int], pattern: str) -> set[int]:
    """``places`` and what is reached from them by wildcards that stand for nothing."""
    done: set[int] = set()
    for place in places:
        done.add(place)
        while place < len(pattern) and pattern[place] in "*%":
            place += 1
            done.add(place)
    return done
