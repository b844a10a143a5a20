"""Authentication-Results: what a server found out about a message's sender.  RFC 8601 §2.2; UTF-8 RFC 6532.

    value    = authserv-id [ version ] ( ";" "none" / 1*( ";" method [ "/" version ] "=" result
               [ "reason" "=" value ] *( ptype "." property "=" pvalue ) ) )

Comments may stand nearly everywhere and mean nothing.  Reading is exact but for three habits of known writers: a
semicolon at the end, a reason behind the properties, and addresses, IPv6 and base64 as values without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import comments, domain, header

__all__ = ["AuthResults", "MethodResult", "Property", "parse", "render", "render_value", "without_claims"]

RESULTS: Final = 100
"""``authres.results``: of one field that are read, and properties of one of them."""

VALUE_CHARACTERS: Final = 320
"""``authres.value``: of one value that are written; an address has 64 + 1 + 255."""

LINE_OCTETS: Final = 78
"""RFC 5322 §2.1.1: where lines are folded."""


class Property(msgspec.Struct, frozen=True):
    """``smtp.mailfrom=…``: where something was found, its name, its value."""

    ptype: str
    name: str
    value: str


class MethodResult(msgspec.Struct, frozen=True):
    """One method.  ``comment`` is written for people, and not read."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""
    version: int = 1
    comment: str = ""


class AuthResults(msgspec.Struct, frozen=True):
    """No results: ``none``.  Methods, results and property names are in lower case."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int = 1


# ------------------------------------------------------------------------------------------------- reading

_BLANKS: Final = re.compile(rb"(?>(?:[ \t]++|\r?\n(?=[ \t]))*)")
_KEYWORD: Final = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9_-]*+)(?<!-)")
_DIGITS: Final = re.compile(rb"[0-9]{1,9}")
_QUOTED: Final = re.compile(rb"\"((?>(?:[^\"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~\x80-\xff])*))\"")
_PLAIN: Final = re.compile(rb"[^\x00- \"();\x7f]++")
_QUOTED_PAIR: Final = re.compile(rb"\\(.)")
_OPEN: Final = 0x28


def parse(value: bytes) -> AuthResults:
    """A field's value, folded or not.  Raises FormatError."""
    reader = _Reader(value)
    authserv_id = reader.value()
    reader.skip()
    version = reader.number() if not reader.at_end and not reader.sees(b";") else 1
    results: list[MethodResult] = []
    while True:
        if len(results) == RESULTS:
            raise LimitExceeded("Authentication-Results", reader.at, "authres.results")
        reader.expect(b";")
        if reader.at_end and results:
            break
        method = reader.keyword()
        if not results and method == "none" and reader.at_end:
            break
        results.append(_method(reader, method))
        if reader.at_end:
            break
    return AuthResults(authserv_id, tuple(results), version)


def _method(reader: _Reader, method: str) -> MethodResult:
    version = 1
    if reader.take(b"/"):
        version = reader.number()
    reader.expect(b"=")
    result = reader.keyword()
    reason = ""
    properties: list[Property] = []
    while not reader.at_end and not reader.sees(b";"):
        name = reader.keyword()
        if name == "reason" and reader.take(b"="):
            reason = reader.value()
            reader.skip()
            continue
        if len(properties) == RESULTS:
            raise LimitExceeded("Authentication-Results", reader.at, "authres.results")
        reader.expect(b".")
        inside = reader.keyword()
        reader.expect(b"=")
        properties.append(Property(name, inside, reader.value()))
        reader.skip()
    return MethodResult(method, result, tuple(properties), reason, version)


class _Reader:
    """The value from ``at`` on; after each piece blanks and comments are skipped."""

    __slots__ = ("_raw", "_stop", "at")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw.rstrip(b" \t\r\n")
        self._stop = len(self._raw)
        self.at = 0
        self.skip()

    @property
    def at_end(self) -> bool:
        return self.at >= self._stop

    def skip(self) -> None:
        raw = self._raw
        while True:
            blanks = _BLANKS.match(raw, self.at)
            if blanks is not None:
                self.at = blanks.end()
            if self.at >= self._stop or raw[self.at] != _OPEN:
                return
            end, closed = comments.end_of(raw, self.at)
            if not closed:
                raise self._error("comment without an end (RFC 5322 §3.2.2)")
            self.at = end

    def sees(self, mark: bytes) -> bool:
        return self._raw.startswith(mark, self.at)

    def take(self, mark: bytes) -> bool:
        if not self.sees(mark):
            return False
        self.at += 1
        self.skip()
        return True

    def expect(self, mark: bytes) -> None:
        if not self.take(mark):
            raise self._error(f"{mark.decode()} is wanted (RFC 8601 §2.2)")

    def keyword(self) -> str:
        return self._piece(_KEYWORD, "keyword").decode("ascii").lower()

    def number(self) -> int:
        return int(self._piece(_DIGITS, "number"))

    def value(self) -> str:
        """A token, a quoted string, or what stands for an address: ``local@domain``, the local part maybe quoted."""
        quoted = _QUOTED.match(self._raw, self.at)
        if quoted is None:
            return self._text(self._match(_PLAIN, "value"))
        self.at = quoted.end()
        text = self._text(_QUOTED_PAIR.sub(rb"\1", quoted[1]))
        return text + self._text(self._match(_PLAIN, "domain")) if self.sees(b"@") else text

    def _piece(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = self._match(pattern, what)
        self.skip()
        return found

    def _match(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        match = pattern.match(self._raw, self.at)
        if match is None:
            raise self._error(f"{what} is wanted (RFC 8601 §2.2)")
        self.at = match.end()
        return match[0]

    def _text(self, found: bytes) -> str:
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError:
            raise self._error("UTF-8 (RFC 6532 §3.1)") from None

    def _error(self, rule: str) -> FormatError:
        return FormatError("Authentication-Results", self.at, rule)


# ------------------------------------------------------------------------------------------------- writing

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&*+.^_`{|}~-]{1,320}(?:@[A-Za-z0-9.-]{1,255})?|@[A-Za-z0-9.-]{1,255}")
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_COMMENT_UNSAFE: Final = re.compile(r"[^ -'*-\[\]-~]")


def render(results: AuthResults) -> bytes:
    """The whole field with its CRLF, one method a line.  No value can end a line or begin another result."""
    return b"Authentication-Results: " + render_value(results) + b"\r\n"


def render_value(results: AuthResults) -> bytes:
    """The value, folded."""
    head = _value(results.authserv_id) + (f" {results.version}" if results.version != 1 else "")
    if not results.results:
        return f"{head}; none".encode()
    return ";\r\n\t".join([head, *[_folded(_pieces(one)) for one in results.results]]).encode()


def _pieces(one: MethodResult) -> Iterator[str]:
    version = f"/{one.version}" if one.version != 1 else ""
    yield f"{one.method}{version}={one.result}"
    if one.comment:
        yield f"({_COMMENT_UNSAFE.sub('?', one.comment[:VALUE_CHARACTERS])})"
    if one.reason:
        yield f"reason={_value(one.reason)}"
    for each in one.properties:
        yield f"{each.ptype}.{each.name}={_value(each.value)}"


def _folded(pieces: Iterator[str]) -> str:
    line, used = "", 8
    for piece in pieces:
        if line and used + 1 + len(piece) > LINE_OCTETS:
            line, used = f"{line}\r\n\t {piece}", 9 + len(piece)
        else:
            line, used = (f"{line} {piece}" if line else piece), used + 1 + len(piece)
    return line


def _value(text: str) -> str:
    """As it is where every reader takes it for one token or address, else quoted.  RFC 2045 §5.1."""
    text = text[:VALUE_CHARACTERS]
    if _TOKEN.fullmatch(text):
        return text
    text = _UNSAFE.sub("?", text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# ------------------------------------------------------------------------------------------------- at the border

_CLAIM: Final = re.compile(
    rb"(?:^|\A[ \t]++)(authentication-results|received-spf)(?>(?:[ \t]|\r?\n[ \t])*):"
    rb"((?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+\n?)",
    re.IGNORECASE | re.MULTILINE,
)
_RECEIVER: Final = re.compile(rb"receiver[ \t\r\n]*+=[ \t\r\n]*+\"?([^\";\s()]*+)", re.IGNORECASE)


def without_claims(content: bytes, header_octets: int, authserv_id: str) -> bytes:
    """The message without fields in its header that claim to be ours.  RFC 8601 §5; Received-SPF likewise.

    Claims to be ours: names ``authserv_id`` in any spelling, or cannot be read and has it somewhere in it.
    """
    lowered = content[:header_octets].lower()
    if b"authentication-results" not in lowered and b"received-spf" not in lowered:
        return content
    ours = authserv_id.lower()
    found = _CLAIM.finditer(content, 0, header_octets)
    return header.without(content, (one for one in found if _is_claim(one[1].lower(), one[2], ours)))


def _is_claim(name: bytes, value: bytes, ours: str) -> bool:
    if name == b"received-spf":
        return any(_same(found.decode("utf-8", "replace"), ours) for found in _RECEIVER.findall(value))
    try:
        return _same(parse(value).authserv_id, ours)
    except FormatError:
        return ours.encode() in value.lower()


def _same(claimed: str, ours: str) -> bool:
    if claimed.isascii():
        return claimed.lower().removesuffix(".") == ours
    try:
        return domain.normalise(claimed) == ours
    except FormatError:
        return False
