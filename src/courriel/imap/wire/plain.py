"""Commands with few arguments: names, words, nothing.  RFC 9051 §6.1–6.3; ID RFC 2971; AUTHENTICATE RFC 4959;
COMPRESS RFC 4978."""

from __future__ import annotations

import binascii
from typing import Final

import msgspec

from courriel.imap.wire import mailbox, sets
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.sets import NumberSet

ID_PAIRS: Final = 30
"""RFC 2971 §3.3: not more than 30 field-value pairs."""


class Nothing(msgspec.Struct, frozen=True):
    """A command without arguments."""


NOTHING: Final = Nothing()


class Login(msgspec.Struct, frozen=True):
    name: bytes
    password: bytes


class Authenticate(msgspec.Struct, frozen=True):
    """``initial`` None: none given; b"" for ``=``."""

    mechanism: str
    initial: bytes | None


class Enable(msgspec.Struct, frozen=True):
    names: tuple[bytes, ...]


class Compress(msgspec.Struct, frozen=True):
    algorithm: bytes


class Id(msgspec.Struct, frozen=True):
    pairs: tuple[tuple[bytes, bytes | None], ...]


class Path(msgspec.Struct, frozen=True):
    path: str


class Create(msgspec.Struct, frozen=True):
    """``use``: special-use attributes (RFC 6154 §3), in lower case."""

    path: str
    use: tuple[bytes, ...] = ()


class Rename(msgspec.Struct, frozen=True):
    path: str
    new_path: str


class Tags(msgspec.Struct, frozen=True):
    """CANCELUPDATE: tags of commands."""

    tags: tuple[bytes, ...]


class Copy(msgspec.Struct, frozen=True):
    """[UID] COPY and MOVE."""

    numbers: NumberSet
    path: str


class Expunge(msgspec.Struct, frozen=True):
    """EXPUNGE (None) and UID EXPUNGE."""

    numbers: NumberSet | None = None


def parse_nothing(command: Command, pos: int, utf8: bool = False) -> Nothing:
    if pos < len(command.text):
        Reader(command, pos).end()
    return NOTHING


def parse_login(command: Command, pos: int, utf8: bool = False) -> Login:
    reader = Reader(command, pos)
    reader.space()
    name = reader.astring()
    reader.space()
    password = reader.astring()
    reader.end()
    return Login(name, password)


def parse_authenticate(command: Command, pos: int, utf8: bool = False) -> Authenticate:
    """authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]."""
    reader = Reader(command, pos)
    reader.space()
    mechanism = reader.word().decode()
    initial = None
    if not reader.at_end:
        reader.space()
        initial = decode_base64(command.text[reader.pos :], reader)
    return Authenticate(mechanism, initial)


def decode_base64(text: bytes, reader: Reader | None = None) -> bytes:
    """A SASL message; ``=`` is an empty one.  Raises FormatError."""
    if text == b"=":
        return b""
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error:
        (reader or Reader(Command(text))).fail("bad base64")


def parse_enable(command: Command, pos: int, utf8: bool = False) -> Enable:
    reader = Reader(command, pos)
    names: list[bytes] = []
    while not reader.at_end:
        reader.space()
        names.append(reader.word())
    if not names:
        reader.fail("nothing to enable")
    return Enable(tuple(names))


def parse_compress(command: Command, pos: int, utf8: bool = False) -> Compress:
    """compress = "COMPRESS" SP algorithm.  RFC 4978 §5."""
    reader = Reader(command, pos)
    reader.space()
    algorithm = reader.word()
    reader.end()
    return Compress(algorithm)


def parse_id(command: Command, pos: int, utf8: bool = False) -> Id:
    """id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)."""
    reader = Reader(command, pos)
    reader.space()
    pairs: list[tuple[bytes, bytes | None]] = []
    if reader.text[reader.pos : reader.pos + 3].upper() == b"NIL":
        reader.pos += 3
    else:
        reader.need(b"(")
        while not reader.take(b")"):
            if pairs:
                reader.space()
            field = reader.string()
            reader.space()
            if reader.text[reader.pos : reader.pos + 3].upper() == b"NIL":
                reader.pos += 3
                pairs.append((field, None))
            else:
                pairs.append((field, reader.string()))
            if len(pairs) > ID_PAIRS:
                reader.fail("more than 30 pairs")
    reader.end()
    return Id(tuple(pairs))


def parse_path(command: Command, pos: int, utf8: bool = False) -> Path:
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    reader.end()
    return Path(path)


def parse_create(command: Command, pos: int, utf8: bool = False) -> Create:
    """create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]."""
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    use: tuple[bytes, ...] = ()
    if not reader.at_end:
        reader.space()
    if reader.take(b"("):
        if reader.word() != b"USE":
            reader.fail("unknown CREATE parameter")
        reader.space()
        use = tuple(flag.lower() for flag in reader.flags())
        reader.need(b")")
    reader.end()
    return Create(path, use)


def parse_rename(command: Command, pos: int, utf8: bool = False) -> Rename:
    reader = Reader(command, pos)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    reader.space()
    new_path = mailbox.read_path(reader, utf8)
    reader.end()
    return Rename(path, new_path)


def parse_tags(command: Command, pos: int, utf8: bool = False) -> Tags:
    """ "CANCELUPDATE" 1*(SP quoted).  RFC 5267 §5."""
    reader = Reader(command, pos)
    tags: list[bytes] = []
    while not tags or not reader.at_end:
        reader.space()
        tags.append(reader.string())
    return Tags(tuple(tags))


def parse_copy(command: Command, pos: int, utf8: bool = False) -> Copy:
    reader = Reader(command, pos)
    reader.space()
    numbers = sets.read(reader)
    reader.space()
    path = mailbox.read_path(reader, utf8)
    reader.end()
    return Copy(numbers, path)


def parse_expunge(command: Command, pos: int, utf8: bool = False) -> Expunge:
    reader = Reader(command, pos)
    reader.end()
    return Expunge()


def parse_uid_expunge(command: Command, pos: int, utf8: bool = False) -> Expunge:
    reader = Reader(command, pos)
    reader.space()
    numbers = sets.read(reader)
    reader.end()
    return Expunge(numbers)
