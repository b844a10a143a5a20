"""ESEARCH: grammar of the command that searches several mailboxes.  RFC 7377 §2, §3; filter-mailboxes RFC 5465 §6.

esearch             = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program
esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
source-mbox         = filter-mailboxes *(SP filter-mailboxes)
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.imap.wire import mailbox
from courriel.imap.wire import search as search_wire
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.search import Search

SOURCES: Final = 100
"""``imap.search_sources``: most sources, and most names in one of them."""

_IN: Final = re.compile(rb"IN +\(", re.IGNORECASE)


class Source(Enum):
    """Which mailboxes are meant; the last three come with names."""

    SELECTED = b"SELECTED"
    INBOXES = b"INBOXES"
    PERSONAL = b"PERSONAL"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"
    SUBTREE_ONE = b"SUBTREE-ONE"
    MAILBOXES = b"MAILBOXES"


_NAMED: Final = (Source.SUBTREE, Source.SUBTREE_ONE, Source.MAILBOXES)


class MultiSearch(msgspec.Struct, frozen=True):
    """ESEARCH.  ``sources``: each with its paths, if it has some."""

    sources: tuple[tuple[Source, tuple[str, ...]], ...]
    search: Search


def parse(command: Command, pos: int, utf8: bool = False) -> MultiSearch:
    reader = Reader(command, pos)
    reader.space()
    sources = _sources(reader, utf8)
    return MultiSearch(sources, search_wire.read(reader))


def _sources(reader: Reader, utf8: bool) -> tuple[tuple[Source, tuple[str, ...]], ...]:
    """Without any: the selected mailbox."""
    match = _IN.match(reader.text, reader.pos)
    if match is None:
        return ((Source.SELECTED, ()),)
    reader.pos = match.end()
    sources: list[tuple[Source, tuple[str, ...]]] = []
    while not sources or not reader.take(b")"):
        if sources:
            reader.space()
        word = reader.word()
        try:
            source = Source(word)
        except ValueError:
            reader.fail("unknown source of messages")
        paths: tuple[str, ...] = ()
        if source in _NAMED:
            reader.space()
            paths = _paths(reader, utf8)
        sources.append((source, paths))
        if max(len(sources), len(paths)) > SOURCES:
            raise LimitExceeded(WHAT, reader.pos, "imap.search_sources")
    reader.space()
    return tuple(sources)


def _paths(reader: Reader, utf8: bool) -> tuple[str, ...]:
    """one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"."""
    if not reader.take(b"("):
        return (mailbox.read_path(reader, utf8),)
    paths = [mailbox.read_path(reader, utf8)]
    while not reader.take(b")"):
        reader.space()
        paths.append(mailbox.read_path(reader, utf8))
    return tuple(paths)
