"""FETCH: grammar of the command.  RFC 9051 §6.4.5, §9; MODSEQ, CHANGEDSINCE, VANISHED RFC 7162 §3.1.4, §3.2.6;
BINARY RFC 3516; PARTIAL RFC 9394 §3.3; PREVIEW RFC 8970; SAVEDATE RFC 8514; EMAILID, THREADID RFC 8474.

Pure: bytes in, values out.  Which messages exist, and what they hold, is commands/fetch.py's business.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import LimitExceeded
from courriel.formats.message.section import Section, SectionKind
from courriel.imap.wire import sets
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader
from courriel.imap.wire.partial import Partial, read_partial
from courriel.imap.wire.sets import NumberSet

FETCH_ITEMS: Final = 500
"""Most items in one FETCH; a client asks for some parts of a message, not for thousands."""

SECTION_NAMES: Final = 200
"""Most field names in one HEADER.FIELDS list."""

SECTION_DEPTH: Final = 100
"""Most part numbers in one section: as deep as the parser goes."""


class Attr(Enum):
    """What can be fetched; the value is its name in the reply."""

    FLAGS = b"FLAGS"
    UID = b"UID"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    BODY = b"BODY"
    MODSEQ = b"MODSEQ"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"
    SAVEDATE = b"SAVEDATE"
    PREVIEW = b"PREVIEW"

    __hash__ = object.__hash__  # each is there once; Enum's own is Python, 0.1 µs a look-up


class Content(msgspec.Struct, frozen=True):
    """BODY[…], BINARY[…], BINARY.SIZE[…] and the RFC822 names for them.

    ``name`` is what stands in the reply (without the ``<origin>``); ``peek`` leaves \\Seen alone.
    """

    name: bytes
    section: Section
    peek: bool = True
    binary: bool = False
    size_only: bool = False
    partial: tuple[int, int] | None = None


Item = Attr | Content


class Items(msgspec.Struct, frozen=True):
    """What to fetch.  ``contents`` need the octets of a message, ``attrs`` do not.

    ``sets_seen``: one of them is no PEEK.  ``whole``: they are whole messages, as they are stored.  ``alone``: the
    name of the only thing to fetch, where that is all of a message.
    """

    attrs: tuple[Attr, ...]
    contents: tuple[Content, ...] = ()
    sets_seen: bool = False
    whole: bool = False
    alone: bytes = b""


class Fetch(msgspec.Struct, frozen=True):
    """[UID] FETCH."""

    numbers: NumberSet
    items: Items
    changed_since: int | None = None
    vanished: bool = False
    partial: Partial | None = None


_FAST: Final = (Attr.FLAGS, Attr.INTERNALDATE, Attr.SIZE)
MACROS: Final[dict[bytes, tuple[Attr, ...]]] = {
    b"ALL": (*_FAST, Attr.ENVELOPE),
    b"FAST": _FAST,
    b"FULL": (*_FAST, Attr.ENVELOPE, Attr.BODY),
}
_ATTRS: Final = {attr.value: attr for attr in Attr}
_WHOLE: Final = Section()
_RFC822: Final = {
    b"RFC822": Content(b"RFC822", Section(), peek=False),
    # RFC 1730 §6.4.5; quirk: Outlook still asks by these.  They are answered as what they are without PEEK.
    b"RFC822.PEEK": Content(b"RFC822", Section()),
    b"RFC822.TEXT.PEEK": Content(b"RFC822.TEXT", Section((), SectionKind.TEXT)),
    b"RFC822.HEADER": Content(b"RFC822.HEADER", Section((), SectionKind.HEADER)),
    b"RFC822.TEXT": Content(b"RFC822.TEXT", Section((), SectionKind.TEXT), peek=False),
}
_NAME: Final = re.compile(rb"[A-Za-z0-9.]+")
_PARTS: Final = re.compile(rb"([1-9]\d{0,8}(?:\.[1-9]\d{0,8})*)(\.)?")
_MSGTEXT: Final = re.compile(rb"(HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)", re.IGNORECASE)
_PARTIAL: Final = re.compile(rb"<(\d{1,10})\.(\d{1,10})>")

_ITEMS_CACHE: Final[dict[bytes, Items]] = {}
ITEMS_CACHED: Final = 512
"""Item lists kept parsed; clients send the same few again and again (PERFORMANCE rule 5)."""
CACHED_ITEM_OCTETS: Final = 1024
"""Longest item list that is kept."""


def parse(command: Command, pos: int, utf8: bool = False) -> Fetch:
    """fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
    [SP "(" fetch-modifier *(SP fetch-modifier) ")"]."""
    first, _, rest = command.text[pos + 1 :].partition(b" ")
    cached = _ITEMS_CACHE.get(rest)
    if cached is not None and command.text.startswith(b" ", pos) and (one := sets.single(first)) is not None:
        return Fetch(one, cached)
    reader = Reader(command, pos)
    reader.space()
    numbers = sets.read(reader)
    reader.space()
    cached = _ITEMS_CACHE.get(command.text[reader.pos :])
    if cached is not None:
        return Fetch(numbers, cached)
    start = reader.pos
    items = read_items(reader)
    key = command.text[start : reader.pos]
    if reader.at_end:
        if not command.literals and len(key) <= CACHED_ITEM_OCTETS:
            if len(_ITEMS_CACHE) >= ITEMS_CACHED:
                _ITEMS_CACHE.clear()
            _ITEMS_CACHE[key] = items
        return Fetch(numbers, items)
    reader.space()
    changed_since, vanished, partial = _modifiers(reader)
    reader.end()
    return Fetch(numbers, items, changed_since, vanished, partial)


def _modifiers(reader: Reader) -> tuple[int | None, bool, Partial | None]:
    """RFC 7162 §3.1.4.1, §3.2.6: CHANGEDSINCE n, VANISHED (only with CHANGEDSINCE and UID); RFC 9394 §3.3: PARTIAL
    range (only with UID)."""
    changed_since, vanished, partial = None, False, None
    reader.need(b"(")
    while True:
        word = reader.word()
        if word == b"CHANGEDSINCE":
            reader.space()
            changed_since = reader.number63()
        elif word == b"VANISHED":
            vanished = True
        elif word == b"PARTIAL" and partial is None:
            reader.space()
            partial = read_partial(reader)
        else:
            reader.fail("unknown FETCH modifier")
        if reader.take(b")"):
            return changed_since, vanished, partial
        reader.space()


def read_items(reader: Reader) -> Items:
    """One thing to fetch, or a list of them."""
    attrs: dict[Attr, None] = {}
    contents: list[Content] = []
    if reader.take(b"("):
        count = 0
        while True:
            _item(reader, attrs, contents)
            count += 1
            if count > FETCH_ITEMS:
                raise LimitExceeded(WHAT, reader.pos, "imap.fetch_items")
            if reader.take(b")"):
                break
            reader.space()
    else:
        macro = _NAME.match(reader.text, reader.pos)
        if macro is not None and macro[0].upper() in MACROS:
            reader.pos = macro.end()
            return Items(MACROS[macro[0].upper()])
        _item(reader, attrs, contents)
    whole = bool(contents) and all(content.section == _WHOLE and not content.binary for content in contents)
    alone = whole and not attrs and len(set(contents)) == 1 and contents[0].partial is None
    return Items(
        tuple(attrs),
        tuple(dict.fromkeys(contents)),
        sets_seen=any(not content.peek for content in contents),
        whole=whole,
        alone=contents[0].name if alone else b"",
    )


def _item(reader: Reader, attrs: dict[Attr, None], contents: list[Content]) -> None:
    match = _NAME.match(reader.text, reader.pos)
    if match is None:
        reader.fail("expected something to fetch")
    name = match[0].upper()
    reader.pos = match.end()
    if reader.peek(b"[") and name in (b"BODY", b"BODY.PEEK", b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"):
        contents.append(_content(reader, name))
    elif name in _RFC822:
        contents.append(_RFC822[name])
    elif name in _ATTRS:
        attrs[_ATTRS[name]] = None
        if name == b"PREVIEW" and reader.take(b" ("):
            if reader.word() != b"LAZY":  # RFC 8970 §3.1; ours are always ready
                reader.fail("unknown PREVIEW modifier")
            reader.need(b")")
    else:
        reader.pos = match.start()
        reader.fail("unknown FETCH item")


def _content(reader: Reader, name: bytes) -> Content:
    """section = "[" [section-spec] "]", section-binary = "[" [section-part] "]"."""
    binary = name.startswith(b"BINARY")
    reader.need(b"[")
    start = reader.pos
    numbers, kind, names = read_section(reader, binary)
    spec = _rendered(numbers, kind, names)
    if not reader.take(b"]"):
        reader.pos = start
        reader.fail("bad section")
    size_only = name == b"BINARY.SIZE"
    partial = None
    if not size_only and reader.peek(b"<"):
        match = _PARTIAL.match(reader.text, reader.pos)
        if match is None or not 0 < int(match[2]) < 1 << 32 or int(match[1]) >= 1 << 32:
            reader.fail("bad partial")
        reader.pos = match.end()
        partial = (int(match[1]), int(match[2]))
    base = b"BINARY.SIZE" if size_only else b"BINARY" if binary else b"BODY"
    peek = size_only or name.endswith(b".PEEK")
    return Content(b"%b[%b]" % (base, spec), Section(numbers, kind, names), peek, binary, size_only, partial)


def read_section(reader: Reader, binary: bool) -> tuple[tuple[int, ...], SectionKind, tuple[bytes, ...]]:
    """What stands in the brackets of BODY[…]: part numbers, which of it, names of fields."""
    numbers: tuple[int, ...] = ()
    match = _PARTS.match(reader.text, reader.pos)
    if match is not None:
        reader.pos = match.end()
        pieces = match[1].split(b".", SECTION_DEPTH)
        if len(pieces) > SECTION_DEPTH:
            raise LimitExceeded(WHAT, reader.pos, "imap.section_depth")
        numbers = tuple(map(int, pieces))
        if not match[2]:
            return numbers, SectionKind.ALL, ()
    if binary:
        if match is not None:
            reader.fail("a part number only")
        return numbers, SectionKind.ALL, ()
    text = _MSGTEXT.match(reader.text, reader.pos)
    if text is None:
        if numbers:
            reader.fail("bad section")
        return numbers, SectionKind.ALL, ()
    kind = SectionKind(text[1].upper().decode())
    if kind is SectionKind.MIME and not numbers:
        reader.fail("MIME needs a part number")
    reader.pos = text.end()
    if kind not in (SectionKind.HEADER_FIELDS, SectionKind.HEADER_FIELDS_NOT):
        return numbers, kind, ()
    reader.space()
    return numbers, kind, _field_names(reader)


def _field_names(reader: Reader) -> tuple[bytes, ...]:
    """header-list = "(" header-fld-name *(SP header-fld-name) ")"."""
    reader.need(b"(")
    names = [reader.astring()]
    while not reader.take(b")"):
        reader.space()
        names.append(reader.astring())
        if len(names) > SECTION_NAMES:
            raise LimitExceeded(WHAT, reader.pos, "imap.section_names")
    if any(not name.isascii() or b"\0" in name or b"\n" in name or b"\r" in name for name in names):
        reader.fail("bad field name")
    return tuple(names)


def _rendered(numbers: tuple[int, ...], kind: SectionKind, names: tuple[bytes, ...]) -> bytes:
    pieces = [b"%d" % number for number in numbers]
    if kind is not SectionKind.ALL:
        pieces.append(kind.value.encode())
    text = b".".join(pieces)
    if not names:
        return text
    return b"%b (%b)" % (text, b" ".join(map(_field_name, names)))


_PLAIN_NAME: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+\Z")


def _field_name(name: bytes) -> bytes:
    if _PLAIN_NAME.match(name):
        return name
    return b'"%b"' % name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
