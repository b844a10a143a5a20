"""SORT: grammar of the command and of its response.  RFC 5256 §5; RETURN RFC 5267 §3; DISPLAY RFC 5957 §4.

sort           = "SORT" [SP search-return-opts] SP sort-criteria SP charset 1*(SP search-key)
sort-criteria  = "(" sort-criterion *(SP sort-criterion) ")"
sort-criterion = ["REVERSE" SP] sort-key
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.returns import Returns, read_returns
from courriel.imap.wire.search import Key, program

SORT_CRITERIA: Final = 20
"""``imap.sort_criteria``: most criteria in one SORT, twice as many as there are keys."""


class SortKey(Enum):
    """RFC 5256 §3, RFC 5957 §4."""

    ARRIVAL = b"ARRIVAL"
    CC = b"CC"
    DATE = b"DATE"
    FROM = b"FROM"
    SIZE = b"SIZE"
    SUBJECT = b"SUBJECT"
    TO = b"TO"
    DISPLAYFROM = b"DISPLAYFROM"
    DISPLAYTO = b"DISPLAYTO"

    __hash__ = object.__hash__


class Sort(msgspec.Struct, frozen=True):
    """[UID] SORT.  ``criteria``: each ``(key, reverse)``.  ``returns`` None: without RETURN."""

    criteria: tuple[tuple[SortKey, bool], ...]
    key: Key
    returns: Returns | None
    modseq: bool


def parse(command: Command, pos: int, utf8: bool = False) -> Sort:
    reader = Reader(command, pos)
    reader.space()
    returns = read_returns(reader)
    criteria = _criteria(reader)
    reader.space()
    charset = reader.astring()
    reader.space()
    key, modseq = program(reader, charset)
    return Sort(criteria, key, returns, modseq)


def _criteria(reader: Reader) -> tuple[tuple[SortKey, bool], ...]:
    criteria: list[tuple[SortKey, bool]] = []
    reverse = False
    for word in reader.words():
        if word == b"REVERSE" and not reverse:
            reverse = True
            continue
        try:
            criteria.append((SortKey(word), reverse))
        except ValueError:
            reader.fail("unknown sort key")
        reverse = False
        if len(criteria) > SORT_CRITERIA:
            raise LimitExceeded(WHAT, reader.pos, "imap.sort_criteria")
    if reverse or not criteria:
        reader.fail("expected a sort key")
    return tuple(criteria)


def render(numbers: Iterable[int]) -> bytes:
    """sort-data = "SORT" *(SP nz-number)."""
    # A list prints itself in C: half the time of joining its numbers.
    text = str(list(numbers))[1:-1].replace(",", "").encode()
    return b"* SORT %b\r\n" % text if text else b"* SORT\r\n"
