"""Addresses in header fields: From, To, Cc and their like.  RFC 5322 §3.4 with the obsolete forms of §4.4.

One parser for all of Courriel, with two ways of asking:

- ``parse_address_list`` is for showing (ENVELOPE, search, webmail): it never raises, keeps everything it cannot
  make sense of visible as an entry of its own, and takes linear time (20,000 addresses: 26 to 28 ms).
- ``parse_from_strict`` and ``parse_one_strict`` are for deciding (who sends, DMARC): **refuse or one meaning**.
  What it accepts, the lenient reader reads the same way; a test holds the two together.

Encoded words stay as they are; ``Mailbox.display_name`` decodes them.  Envelope paths: ``path``.
"""

from __future__ import annotations

import re

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import comments, domain, encoded_word
from courriel.formats.path import (
    ATEXT,
    DEFAULT,
    NULL_PATH,
    Path,
    PathLimits,
    parse_address,
    parse_path,
    quote_local,
)

__all__ = [
    "DEFAULT",
    "NULL_PATH",
    "Group",
    "Mailbox",
    "Path",
    "PathLimits",
    "mailboxes",
    "parse_address",
    "parse_address_list",
    "parse_from_strict",
    "parse_mailbox_list",
    "parse_one_strict",
    "parse_path",
    "quote_local",
    "render_mailbox",
]


class Mailbox(msgspec.Struct, frozen=True):
    """One address: octets as written, without quotes, comments and folds.

    ``domain`` is empty where none was written; never None, since IMAP keeps NIL for the borders of groups.
    ``name`` is the display name, or else the comment beside the address (RFC 5322 §3.4, second note).
    """

    name: bytes | None
    route: bytes | None
    local: bytes
    domain: bytes

    @property
    def display_name(self) -> str:
        """``name`` as text, encoded words decoded; empty where there is none."""
        return encoded_word.decode(self.name) if self.name else ""

    @property
    def address(self) -> str:
        """``local@domain`` as text, quoted where needed."""
        local = quote_local(self.local.decode("utf-8", "replace"))
        return f"{local}@{self.domain.decode('utf-8', 'replace')}" if self.domain else local


class Group(msgspec.Struct, frozen=True):
    """``name: members;`` (RFC 5322 §3.4)."""

    name: bytes
    members: tuple[Mailbox, ...]


ODD_TOKENS = 50_000
"""``address.odd_tokens``: words and marks of a list that are read one by one, out of the usual forms; the rest of
the value after them is one opaque entry, so that a megabyte of brackets costs milliseconds."""

# ---------------------------------------------------------------------------------------------- lenient

_WS = rb"[ \t\r\n]*+"
_WORD = rb"[^ \t\r\n\"<>@,;:\\()\[\]]++"
# An entry of the usual kinds in one match: name <a@b> / a@b / a.  All else goes through the tokens below.
_USUAL = re.compile(
    rb"[ \t\r\n,]*+(?:"
    rb"(?>(?:\"([^\"\\\r\n]*+)\"" + _WS + rb"|([^\"<>@,;:\\()\[\]\r\n]++))?)<(" + _WORD + rb")@(" + _WORD + rb")>"
    rb"|(" + _WORD + rb")(?>(?:@(" + _WORD + rb"))?)"
    rb")" + _WS + rb"(?:,|\Z|(?=;))"
)
_EMPTY = re.compile(rb"[ \t\r\n,]++")
_TOKEN = re.compile(
    rb"([ \t\r\n]++)|(" + _WORD + rb"|\[(?>(?:[^\[\]\\]++|\\.)*)\\?\]?)|\"((?>(?:[^\"\\]++|\\.)*))\\?\"?|(.)", re.DOTALL
)
_BLANK, _TEXT, _STRING, _SPECIAL = 1, 2, 3, 4
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_BLANKS = re.compile(rb"[ \t\r\n]++")
_AROUND_DOTS = re.compile(rb"[ \t]*+\.[ \t]*+")
_LINE_END = re.compile(rb"\r?\n")


def parse_address_list(raw: bytes) -> list[Mailbox | Group]:
    """Every address of a field's value, folded or not, in order."""
    reader = _Reader(raw)
    add = reader.add
    at, stop = 0, len(raw)
    while at < stop:
        match = _USUAL.match(raw, at)
        if match is None:
            at = reader.read_entry(at)
            continue
        at = match.end()
        quoted, phrase, local, host, bare_local, bare_host = match.groups()
        if bare_local is not None:
            add(Mailbox(None, None, bare_local, bare_host or b""))
        elif phrase is not None:
            add(Mailbox(_one_space(phrase.strip()) or None, None, local, host))
        else:
            add(Mailbox(quoted or None, None, local, host))
    reader.end_group()
    return reader.entries


def parse_mailbox_list(raw: bytes) -> list[Mailbox]:
    """As ``parse_address_list``, with the members of groups in line."""
    return mailboxes(parse_address_list(raw))


def mailboxes(entries: list[Mailbox | Group]) -> list[Mailbox]:
    """The mailboxes of a list, groups opened."""
    found: list[Mailbox] = []
    for entry in entries:
        if isinstance(entry, Group):
            found += entry.members
        else:
            found.append(entry)
    return found


class _Text:
    """Words of a phrase or address as they come, with one blank where there were blanks or a comment."""

    __slots__ = ("ats", "gap", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ats: list[int] = []
        self.gap = False

    def add(self, piece: bytes) -> None:
        if self.gap and self.pieces:
            self.pieces.append(b" ")
        self.gap = False
        self.pieces.append(piece)

    def add_at(self) -> None:
        self.gap = False
        self.ats.append(len(self.pieces))
        self.pieces.append(b"@")

    def joined(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join(self.pieces[start:stop])

    def address(self, start: int = 0) -> tuple[bytes, bytes]:
        """(local, domain): cut at the last ``@`` that is not quoted; blanks around dots go (§4.4 obs-local-part)."""
        if not self.ats or self.ats[-1] < start:
            return self.joined(start).strip(), b""
        at = self.ats[-1]
        local, host = self.joined(start, at), self.joined(at + 1).strip()
        if b" " in local and at - start > 1:  # one quoted string keeps its blanks
            local = _AROUND_DOTS.sub(b".", local.strip())
        return local, _AROUND_DOTS.sub(b".", host) if b" " in host else host


class _Reader:
    """The entries found so far, and the group that is open."""

    __slots__ = ("entries", "group", "members", "raw", "tokens")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.entries: list[Mailbox | Group] = []
        self.group: bytes | None = None
        self.members: list[Mailbox] = []
        self.tokens = ODD_TOKENS

    def add(self, mailbox: Mailbox) -> None:
        if self.group is None:
            self.entries.append(mailbox)
        else:
            self.members.append(mailbox)

    def end_group(self) -> None:
        if self.group is not None:
            self.entries.append(Group(self.group, tuple(self.members)))
            self.group, self.members = None, []

    def read_entry(self, at: int) -> int:
        """Read tokens up to the end of one entry; the offset past it."""
        raw, stop = self.raw, len(self.raw)
        if empty := _EMPTY.match(raw, at):  # list entries of nothing: a flood of commas is one step
            at = empty.end()
        text, comment = _Text(), None
        while at < stop:
            match = _TOKEN.match(raw, at)
            assert match is not None  # the last alternative takes any octet
            kind, start, at = match.lastindex, at, match.end()
            self.tokens -= 1
            if self.tokens < 0:
                text.add(_one_line(raw[start:]).strip())
                at = stop
                break
            if kind == _BLANK:
                text.gap = True
            elif kind == _TEXT:
                text.add(match[0])
            elif kind == _STRING:
                text.add(_unquote(match[3]))
            elif (special := match[0]) == b"(":
                at, _ = comments.end_of(raw, start)
                comment = comment or comments.text(raw, start)
                text.gap = True
            elif special == b"<":
                return self._read_angle(at, text.joined() or None)
            elif special == b"@":
                text.add_at()
            elif special == b":" and self.group is None and not text.ats:
                self.group = text.joined()
                return at
            elif special in b",;":
                self._add_bare(text, comment)
                if special == b";":
                    self.end_group()
                return at
            elif special not in b">)]\\":
                text.add(special)
        self._add_bare(text, comment)
        return at

    def _add_bare(self, text: _Text, comment: bytes | None) -> None:
        if text.pieces:
            local, host = text.address()
            self.add(Mailbox(comment or None, None, local, host))

    def _read_angle(self, at: int, name: bytes | None) -> int:
        """From past ``<`` to past ``>``, and past the comma after it; a word there begins an entry of its own."""
        raw, stop = self.raw, len(self.raw)
        text, route, comment, start_of_address = _Text(), None, None, 0
        while at < stop:
            match = _TOKEN.match(raw, at)
            assert match is not None
            kind, start, at = match.lastindex, at, match.end()
            self.tokens -= 1
            if self.tokens < 0:
                text.add(_one_line(raw[start:]).strip())
                at = stop
                break
            if kind == _BLANK:
                text.gap = True
            elif kind == _TEXT:
                text.add(match[0])
            elif kind == _STRING:
                text.add(_unquote(match[3]))
            elif (special := match[0]) == b"(":
                at, _ = comments.end_of(raw, start)
                text.gap = True
            elif special == b">":
                break
            elif special == b"@":
                text.add_at()
            elif special == b":" and route is None and text.ats[:1] == [0]:
                route, start_of_address = text.joined(), len(text.pieces)
            else:
                text.add(special)
        at, comment = self._skip_blanks(at)
        local, host = text.address(start_of_address)
        self.add(Mailbox(name or comment or None, route, local, host))
        return at + 1 if raw.startswith(b",", at) else at

    def _skip_blanks(self, at: int) -> tuple[int, bytes | None]:
        comment = None
        while at < len(self.raw):
            if blanks := _BLANKS.match(self.raw, at):
                at = blanks.end()
            elif self.raw[at] == 0x28:  # "("
                comment = comment or comments.text(self.raw, at)
                at, _ = comments.end_of(self.raw, at)
            else:
                break
        return at, comment


def _unquote(quoted: bytes) -> bytes:
    if b"\\" in quoted:
        quoted = _QUOTED_PAIR.sub(rb"\1", quoted)
    return _one_line(quoted)


def _one_line(text: bytes) -> bytes:
    return _LINE_END.sub(b"", text) if b"\n" in text else text


def _one_space(phrase: bytes) -> bytes:
    return _BLANKS.sub(b" ", phrase) if b"  " in phrase or b"\t" in phrase else phrase


# ----------------------------------------------------------------------------------------------- strict

_ATOM = rb"[" + ATEXT + rb"\x80-\xff]++"
_STRICT_STRING = rb"\"(?>(?:[\t !#-\[\]-~\x80-\xff]++|\\[\t -~])*)\""
_STRICT_WORD = re.compile(rb"(" + _ATOM + rb")|(" + _STRICT_STRING + rb")")
_ADDR_SPEC = re.compile(
    rb"(?:(" + _ATOM + rb"(?>(?:\." + _ATOM + rb")*))|(" + _STRICT_STRING + rb"))"
    rb"@([A-Za-z0-9.\-\x80-\xff]++|\[[!-Z^-~]*+\])"
)
_STRICT_ROUTE = re.compile(rb"((?>(?:@[A-Za-z0-9.\-]++,)*)@[A-Za-z0-9.\-]++):")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def parse_one_strict(raw: bytes) -> Mailbox:
    """The one mailbox of a Sender, a From of submission, a form field; FormatError for none or several."""
    found = parse_from_strict(raw)
    if len(found) != 1:
        raise FormatError("address", 0, "one address is wanted")
    return found[0]


def parse_from_strict(raw: bytes) -> list[Mailbox]:
    """The mailboxes of a From field, one or more, in order; FormatError for all that can be read in two ways.

    Accepted from the obsolete forms: dots in an unquoted name, a source route, blanks inside the angle brackets.
    Refused although RFC 5322 has a meaning for it: groups, empty list entries, and comments or blanks inside an
    address, because readers differ on them.  An unquoted name that is an address is accepted if it is the address.
    """
    value = _CONTINUATION.sub(b"", raw).strip(b" \t\r\n")
    if bad := _FORBIDDEN.search(value):
        raise FormatError("address", bad.start(), "control character")
    found: list[Mailbox] = []
    at = 0
    while True:
        mailbox, at = _strict_mailbox(value, at)
        found.append(mailbox)
        if at == len(value):
            return found
        if value[at] != 0x2C:
            raise FormatError("address", at, "a comma or the end is wanted (RFC 5322 §3.4)")
        at += 1


_CONTINUATION = re.compile(rb"\r?\n(?=[ \t])")


def _strict_mailbox(value: bytes, at: int) -> tuple[Mailbox, int]:
    """One mailbox and the blanks and comments around it; the offset of the comma or of the end."""
    at, before = _strict_blanks(value, at)
    spec = _ADDR_SPEC.match(value, at)
    if spec is not None:
        local, host = _strict_spec(spec)
        end, after = _strict_blanks(value, spec.end())
        if not value.startswith(b"<", end):
            return Mailbox(before or after or None, None, local, host), end
        mailbox, end = _strict_angle(value, end, spec[0])
        if (mailbox.local, mailbox.domain.lower()) != (local, host.lower()):
            raise FormatError("address", at, "two addresses without a comma")
        return mailbox, end
    name, at = _strict_phrase(value, at)
    return _strict_angle(value, at, name)


def _strict_angle(value: bytes, at: int, name: bytes | None) -> tuple[Mailbox, int]:
    if not value.startswith(b"<", at):
        raise FormatError("address", at, "an address is wanted (RFC 5322 §3.4)")
    at = _past_blanks(value, at + 1)
    route = _STRICT_ROUTE.match(value, at)
    spec = _ADDR_SPEC.match(value, at if route is None else route.end())
    if spec is None:
        raise FormatError("address", at, "addr-spec (RFC 5322 §3.4.1)")
    local, host = _strict_spec(spec)
    at = _past_blanks(value, spec.end())
    if not value.startswith(b">", at):
        raise FormatError("address", at, '">" is wanted (RFC 5322 §3.4)')
    at, comment = _strict_blanks(value, at + 1)
    return Mailbox(name or comment or None, None if route is None else route[1], local, host), at


def _strict_spec(spec: re.Match[bytes]) -> tuple[bytes, bytes]:
    """(local, domain) of a match of ``_ADDR_SPEC``, each judged."""
    dotted, quoted, host = spec.groups()
    local: bytes = _unquote(quoted[1:-1]) if dotted is None else dotted
    try:
        local.decode("utf-8")
        text = host.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("address", spec.start(), "UTF-8 (RFC 6532 §3.2)") from error
    if not local or b"=?" in local:
        raise FormatError("address", spec.start(), "an encoded word is no address (RFC 2047 §5)")
    if text.startswith("["):
        domain.normalise_literal(text)
    else:
        domain.normalise(text)
    return local, host


def _strict_phrase(value: bytes, at: int) -> tuple[bytes | None, int]:
    """A display name of atoms, quoted strings and dots after them, and the offset past it."""
    text = _Text()
    while at < len(value):
        word = _STRICT_WORD.match(value, at)
        if word is not None:
            text.add(word[1] if word[2] is None else _unquote(word[2][1:-1]))
            at = word.end()
        elif value[at] == 0x2E and text.pieces:  # obs-phrase: "John Q. Public"
            text.add(b".")
            at += 1
        elif value[at] in b" \t(":
            at, _ = _strict_blanks(value, at)
            text.gap = True
        else:
            break
    return text.joined() or None, at


def _strict_blanks(value: bytes, at: int) -> tuple[int, bytes | None]:
    """Past blanks and closed comments; the text of the first comment."""
    comment = None
    while True:
        at = _past_blanks(value, at)
        if not value.startswith(b"(", at):
            return at, comment
        comment = comment or comments.text(value, at)
        start = at
        at, closed = comments.end_of(value, at)
        if not closed:
            raise FormatError("address", start, "comment without an end (RFC 5322 §3.2.2)")


def _past_blanks(value: bytes, at: int) -> int:
    blanks = _BLANKS.match(value, at)
    return at if blanks is None else blanks.end()


# ----------------------------------------------------------------------------------------------- render


def render_mailbox(name: str, path: Path, used: int = 0) -> bytes:
    """``name <local@domain>`` for a header field; the address alone where there is no name."""
    address = path.address.encode("utf-8")
    if not name.strip():
        return address
    return encoded_word.encode_phrase(name, used) + b" <" + address + b">"
