"""RETURN (…) of SEARCH and SORT, and the ESEARCH response that answers it.  RFC 4731 §3.1, RFC 5182 §2.1,
RFC 5267 §3.1, §4; PARTIAL RFC 9394 §3.1; what is fetched of new results RFC 5465 §7, §8.

    search-return-opts = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
    modifier-update    = "UPDATE" [SP "(" fetch-att *(SP fetch-att) ")"]
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from courriel.imap.wire.fetch import Items, read_items
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.partial import Partial, read_partial


class Return(Enum):
    """What may be asked for beside PARTIAL."""

    MIN = b"MIN"
    MAX = b"MAX"
    ALL = b"ALL"
    COUNT = b"COUNT"
    SAVE = b"SAVE"
    CONTEXT = b"CONTEXT"
    """RFC 5267 §4.2: a hint that is not needed here, since what an answer is made from is kept anyway."""
    UPDATE = b"UPDATE"
    RELEVANCY = b"RELEVANCY"
    """RFC 6203 §4."""

    __hash__ = object.__hash__


class Returns(msgspec.Struct, frozen=True):
    """What is to be returned; never empty.  ``fetch``: what to send of new messages that join the results."""

    options: frozenset[Return]
    partial: Partial | None = None
    fetch: Items | None = None


ALL: Final = Returns(frozenset({Return.ALL}))
_RETURN: Final = re.compile(rb"RETURN +\(", re.IGNORECASE)


def read_returns(reader: Reader, *, relevancy: bool = False) -> Returns | None:
    """The options with the blank behind them; None where there are none.  ``relevancy``: scores may be asked for."""
    match = _RETURN.match(reader.text, reader.pos)
    if match is None:
        return None
    reader.pos = match.end()
    options: set[Return] = set()
    partial = fetch = None
    while not reader.take(b")"):
        if options or partial:
            reader.space()
        word = reader.word()
        if word == b"PARTIAL":
            if partial is not None:
                reader.fail("PARTIAL twice")
            reader.space()
            partial = read_partial(reader)
            continue
        try:
            options.add(Return(word))
        except ValueError:
            reader.fail("unknown search return option")
        if word == b"UPDATE" and reader.peek(b" ("):
            reader.space()
            fetch = read_items(reader)
        if Return.RELEVANCY in options and not relevancy:
            reader.fail("RELEVANCY is for SEARCH of one mailbox")
    if partial is not None and Return.ALL in options:
        reader.fail("PARTIAL and ALL exclude each other")  # RFC 9394 §3.1
    reader.space()
    return Returns(frozenset(options), partial, fetch) if options or partial else ALL
