"""SEARCH: grammar of the command into a query tree.  RFC 9051 §6.4.4; RETURN RFC 4731, RFC 5182; MODSEQ RFC 7162
§3.1.5; YOUNGER, OLDER RFC 5032; UIDAFTER, UIDBEFORE RFC 9738 §3.2; SAVEDATE RFC 8514; EMAILID, THREADID RFC 8474;
FUZZY RFC 6203.

Pure.  Evaluation, and what the numbers in sets mean, is commands/search.py's business.
"""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import charsets, dates
from courriel.formats.folding import fold
from courriel.imap.wire import sets
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.returns import Return, Returns, read_returns
from courriel.imap.wire.sets import NumberSet
from courriel.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags

SEARCH_KEYS: Final = 1_000
"""Most keys in one SEARCH (AUTH attack row 28)."""

SEARCH_DEPTH: Final = 100
"""Deepest nesting of OR, NOT and parentheses."""


class UnknownCharset(FormatError):
    """CHARSET names something we cannot read: NO [BADCHARSET]."""


class All(msgspec.Struct, frozen=True):
    """Every message."""


class And(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...]


class Or(msgspec.Struct, frozen=True):
    left: Key
    right: Key


class Not(msgspec.Struct, frozen=True):
    key: Key


class Seqs(msgspec.Struct, frozen=True):
    numbers: NumberSet


class Uids(msgspec.Struct, frozen=True):
    numbers: NumberSet


class HasFlag(msgspec.Struct, frozen=True):
    bits: Flags


class HasKeyword(msgspec.Struct, frozen=True):
    name: str


class IsRecent(msgspec.Struct, frozen=True):
    """\\Recent for this session (RECENT, NEW, OLD)."""


class Larger(msgspec.Struct, frozen=True):
    octets: int


class Smaller(msgspec.Struct, frozen=True):
    octets: int


class Moment(Enum):
    """Which date of a message is meant."""

    RECEIVED = "received"
    SENT = "sent"
    SAVED = "saved"


class Days(msgspec.Struct, frozen=True):
    """``first`` ≤ day < ``end`` (either may be open).  RFC 9051 disregards time and zone."""

    moment: Moment
    first: date | None
    end: date | None


class Within(msgspec.Struct, frozen=True):
    """RFC 5032: received within (``younger``), or not within, the last ``seconds``."""

    seconds: int
    younger: bool


class Header(msgspec.Struct, frozen=True):
    """A field of this name holds ``text``; empty text: there is such a field."""

    name: bytes
    text: str
    loose: bool = False
    """Below FUZZY."""


class InEnvelope(msgspec.Struct, frozen=True):
    """This field of the envelope structure holds ``text``, which is not empty.  RFC 9051 §6.4.4, FROM."""

    field: bytes
    text: str


class InBody(msgspec.Struct, frozen=True):
    text: str
    loose: bool = False


class InText(msgspec.Struct, frozen=True):
    text: str
    loose: bool = False


class ModSeqAtLeast(msgspec.Struct, frozen=True):
    modseq: int


class ObjectId(msgspec.Struct, frozen=True):
    """EMAILID or THREADID; ``number`` None when the text is no id of ours, ``owner`` None in one's own mailboxes."""

    thread: bool
    number: int | None
    owner: int | None = None


class SaveDateSupported(msgspec.Struct, frozen=True):
    """RFC 8514 §4.3: always true here."""


Key = (
    All
    | And
    | Or
    | Not
    | Seqs
    | Uids
    | HasFlag
    | HasKeyword
    | IsRecent
    | Larger
    | Smaller
    | Days
    | Within
    | Header
    | InEnvelope
    | InBody
    | InText
    | ModSeqAtLeast
    | ObjectId
    | SaveDateSupported
)


class Search(msgspec.Struct, frozen=True):
    """[UID] SEARCH.  ``returns`` None: without RETURN.  ``modseq``: a MODSEQ key was used."""

    key: Key
    returns: Returns | None
    modseq: bool


_FLAG_KEYS: Final[dict[bytes, Key]] = {
    b"ALL": All(),
    b"ANSWERED": HasFlag(ANSWERED),
    b"DELETED": HasFlag(DELETED),
    b"DRAFT": HasFlag(DRAFT),
    b"FLAGGED": HasFlag(FLAGGED),
    b"SEEN": HasFlag(SEEN),
    b"UNANSWERED": Not(HasFlag(ANSWERED)),
    b"UNDELETED": Not(HasFlag(DELETED)),
    b"UNDRAFT": Not(HasFlag(DRAFT)),
    b"UNFLAGGED": Not(HasFlag(FLAGGED)),
    b"UNSEEN": Not(HasFlag(SEEN)),
    b"RECENT": IsRecent(),
    b"OLD": Not(IsRecent()),
    b"NEW": And((IsRecent(), Not(HasFlag(SEEN)))),
    b"SAVEDATESUPPORTED": SaveDateSupported(),
}
_HEADER_KEYS: Final = frozenset({b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"})
_DATE_KEYS: Final = {
    b"BEFORE": (Moment.RECEIVED, "before"),
    b"ON": (Moment.RECEIVED, "on"),
    b"SINCE": (Moment.RECEIVED, "since"),
    b"SENTBEFORE": (Moment.SENT, "before"),
    b"SENTON": (Moment.SENT, "on"),
    b"SENTSINCE": (Moment.SENT, "since"),
    b"SAVEDBEFORE": (Moment.SAVED, "before"),
    b"SAVEDON": (Moment.SAVED, "on"),
    b"SAVEDSINCE": (Moment.SAVED, "since"),
}
_DATE: Final = re.compile(rb'("?)\d{1,2}-[A-Za-z]{3}-\d{4}\1')
_SET_START: Final = frozenset(b"0123456789*$")


def parse(command: Command, pos: int, utf8: bool = False) -> Search:
    """search = "SEARCH" [search-return-opts] SP search-program;
    search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)."""
    reader = Reader(command, pos)
    reader.space()
    return read(reader, relevancy=True)


def read(reader: Reader, *, relevancy: bool = False) -> Search:
    """Everything from RETURN on; ``relevancy``: scores may be asked for."""
    returns = read_returns(reader, relevancy=relevancy)
    charset = b"UTF-8"
    if reader.text[reader.pos : reader.pos + 8].upper() == b"CHARSET ":
        reader.pos += 8
        charset = reader.astring()
        reader.space()
    keys = _Keys(reader, charset)
    key = keys.program()
    if returns is not None and Return.RELEVANCY in returns.options and not keys.fuzzy:
        reader.fail("RELEVANCY is for FUZZY keys")  # RFC 6203 §4
    return Search(key, returns, keys.modseq)


def program(reader: Reader, charset: bytes) -> tuple[Key, bool]:
    """search-key *(SP search-key) up to the end, and whether MODSEQ was among them."""
    keys = _Keys(reader, charset)
    return keys.program(), keys.modseq


class _Keys:
    """Search keys, counted, to a bounded depth."""

    def __init__(self, reader: Reader, charset: bytes) -> None:
        self._reader = reader
        self._charset = charset
        self._count = 0
        self._loose = False
        self.modseq = False
        self.fuzzy = False

    def program(self) -> Key:
        """Everything up to the end."""
        if charsets.known(self._charset) is None:
            raise UnknownCharset(WHAT, self._reader.pos, "unknown charset")
        key = self._and(0, end=b"")
        self._reader.end()
        return key

    def _and(self, depth: int, end: bytes) -> Key:
        reader = self._reader
        keys = [self._key(depth)]
        while not (reader.take(end) if end else not reader.text[reader.pos :].strip(b" ")):
            reader.space()
            keys.append(self._key(depth))
        return keys[0] if len(keys) == 1 else And(tuple(keys))

    def _key(self, depth: int) -> Key:
        reader = self._reader
        self._count += 1
        if self._count > SEARCH_KEYS:
            raise LimitExceeded(WHAT, reader.pos, "imap.search_keys")
        if depth > SEARCH_DEPTH:
            raise LimitExceeded(WHAT, reader.pos, "imap.search_depth")
        if reader.take(b"("):
            return self._and(depth + 1, end=b")")
        if not reader.at_end and reader.text[reader.pos] in _SET_START:
            return Seqs(sets.read(reader))
        word = reader.word()
        simple = _FLAG_KEYS.get(word)
        if simple is not None:
            return simple
        reader.space()
        return self._with_argument(word, depth)

    def _with_argument(self, word: bytes, depth: int) -> Key:
        reader = self._reader
        if word in _HEADER_KEYS:
            text = self._text()
            return InEnvelope(word, text) if text and not self._loose else Header(word, text, self._loose)
        if word in _DATE_KEYS:
            return self._days(*_DATE_KEYS[word])
        match word:
            case b"NOT":
                return Not(self._key(depth + 1))
            case b"FUZZY":
                return self._fuzzy(depth)
            case b"OR":
                left = self._key(depth + 1)
                reader.space()
                return Or(left, self._key(depth + 1))
            case b"BODY":
                return InBody(self._text(), self._loose)
            case b"TEXT":
                return InText(self._text(), self._loose)
            case b"HEADER":
                name = reader.astring()
                reader.space()
                return self._header(name.strip())
            case b"LARGER":
                return Larger(reader.number63())
            case b"SMALLER":
                return Smaller(reader.number63())
            case b"UID":
                return Uids(sets.read(reader))
            case b"UIDAFTER" | b"UIDBEFORE":
                return self._beside(word == b"UIDAFTER")
            case b"KEYWORD":
                return HasKeyword(reader.flag().decode("ascii"))
            case b"UNKEYWORD":
                return Not(HasKeyword(reader.flag().decode("ascii")))
            case b"YOUNGER" | b"OLDER":
                seconds = reader.number32()
                if not seconds:
                    reader.fail("an interval is not 0")
                return Within(seconds, word == b"YOUNGER")
            case b"MODSEQ":
                return self._modseq()
            case b"EMAILID" | b"THREADID":
                return _object_id(reader.astring(), word == b"THREADID")
            case _:
                reader.fail("unknown search key")

    def _fuzzy(self, depth: int) -> Key:
        """RFC 6203 §3; what is no text is compared as ever."""
        self.fuzzy = True
        before, self._loose = self._loose, True
        key = self._key(depth + 1)
        self._loose = before
        return key

    def _header(self, name: bytes) -> Key:
        """A field that stands whole in the envelope is looked for there."""
        text = self._text()
        if text and not self._loose and name.upper() in (b"SUBJECT", b"MESSAGE-ID"):
            return InEnvelope(name.upper(), text)
        return Header(name, text, self._loose)

    def _text(self) -> str:
        raw = self._reader.astring()
        if b"\0" in raw:
            self._reader.fail("NUL in a search string")
        return fold(charsets.decode(raw, self._charset))

    def _beside(self, after: bool) -> Key:
        """RFC 9738 §3.2: UIDs above, or below, one that is not meant itself, and need not be there."""
        uid = self._reader.number32()
        if not uid:
            self._reader.fail("a UID is not 0")
        low, high = (uid + 1, 0xFFFFFFFF) if after else (1, uid - 1)
        return Uids(NumberSet(((low, high),))) if low <= high else Not(All())

    def _modseq(self) -> Key:
        """RFC 7162 §3.1.5: MODSEQ ["/flags/\\name" all|priv|shared] n.  We keep one number a message."""
        reader = self._reader
        self.modseq = True
        if reader.peek(b'"'):
            reader.string()
            reader.space()
            if reader.word() not in (b"ALL", b"PRIV", b"SHARED"):
                reader.fail("expected all, priv or shared")
            reader.space()
        return ModSeqAtLeast(reader.number63())

    def _days(self, moment: Moment, relation: str) -> Key:
        reader = self._reader
        match = _DATE.match(reader.text, reader.pos)
        if match is None:
            reader.fail("expected a date")
        try:
            day = dates.parse_date(match[0])
        except FormatError:
            reader.fail("no such day")
        reader.pos = match.end()
        after = date.fromordinal(min(day.toordinal() + 1, date.max.toordinal()))
        if relation == "before":
            return Days(moment, None, day)
        return Days(moment, day, after if relation == "on" else None)


_OBJECT_ID: Final = re.compile(rb"([MT])(?:(\d{1,19})_)?(\d{1,19})")
"""The reverse of ``response.object_id``."""


def _object_id(raw: bytes, thread: bool) -> Key:
    match = _OBJECT_ID.fullmatch(raw)
    if match is None or match[1] != (b"T" if thread else b"M"):
        return ObjectId(thread, None)
    return ObjectId(thread, int(match[3]), int(match[2]) if match[2] else None)
