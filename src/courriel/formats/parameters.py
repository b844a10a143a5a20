"""Values with parameters: Content-Type, Content-Disposition.  RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3–4.

    value *( ";" attribute "=" ( token / quoted-string ) )

A lenient reader: it never raises, takes blanks in an unquoted value (``filename=my file.pdf``), a missing closing
quote and comments, and skips what has no ``=``.  Linear, and no more than ``header.parameters`` are kept, so a
hundred thousand ``;`` cost one pass.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import islice

import msgspec

from courriel.formats import comments, encoded_word

PARAMETERS_LIMIT = 100
"""``header.parameters``: AUTH.md attack row 8."""


class Parameters(msgspec.Struct, frozen=True, dict=True):
    """A value and its parameters."""

    value: bytes
    """What stands before the first ``;`` without comments and blanks around it, in the case it came in."""
    raw: tuple[tuple[bytes, bytes], ...]
    """(name as written, value without quotes), in order; RFC 2231 pieces still apart."""

    @cached_property
    def joined(self) -> tuple[tuple[bytes, bytes], ...]:
        """``raw`` with RFC 2231 §3 pieces put together under ``name`` (or ``name*`` if one of them is encoded)."""
        if not any(b"*" in name for name, _ in self.raw):
            return self.raw
        return _join(self.raw)

    @cached_property
    def decoded(self) -> dict[bytes, str]:
        """Lower-case name → text.  An RFC 2231 form beats a plain one of the same name; else the first one wins."""
        plain: dict[bytes, str] = {}
        extended: dict[bytes, str] = {}
        for name, value in self.joined:
            key = name.lower()
            if key.endswith(b"*"):
                extended.setdefault(key[:-1], encoded_word.decode_parameter(value))
            else:
                # RFC 2047 §5 forbids encoded words here; many senders of file names write them all the same.
                plain.setdefault(key, encoded_word.decode(value))
        return plain | extended

    def get(self, name: bytes) -> bytes | None:
        """The first plain parameter of this lower-case name, undecoded: boundary, charset, format."""
        for found, value in self.raw:
            if found.lower() == name:
                return value
        return None


# One parameter from its ";": name, then a quoted string (its closing quote may be missing) or the rest up to ";".
_PARAMETER = re.compile(
    rb";[ \t\r\n]*+([^=;\"\s()]++)[ \t\r\n]*+=[ \t\r\n]*+"
    rb"(?:\"((?>(?:[^\"\\]++|\\.)*))\\?\"?[^;]*+|([^;\"]?[^;]*+))",
    re.DOTALL,
)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_LINE_END = re.compile(rb"\r?\n")
_CONTINUED = re.compile(rb"(.+?)\*(0|[1-9][0-9]{0,2})(\*?)", re.DOTALL)


def parameters(raw: bytes, limit: int = PARAMETERS_LIMIT) -> Parameters:
    """Read a field's value, folded or not."""
    if b"(" in raw:
        raw = comments.without_comments(raw)
    at = raw.find(b";")
    if at < 0:
        return Parameters(raw.strip(), ())
    found: list[tuple[bytes, bytes]] = []
    for match in islice(_PARAMETER.finditer(raw, at), limit):
        name, quoted, bare = match.groups()
        found.append((name, _unquote(bare.strip() if quoted is None else quoted)))
    return Parameters(raw[:at].strip(), tuple(found))


def _unquote(quoted: bytes) -> bytes:
    if b"\\" in quoted:
        quoted = _QUOTED_PAIR.sub(rb"\1", quoted)
    return _LINE_END.sub(b"", quoted) if b"\n" in quoted else quoted


def _join(raw: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """RFC 2231 §3: ``name*0``, ``name*1*`` … in number order, stopping at the first number that is missing."""
    order: dict[bytes, None] = {}
    whole: dict[bytes, list[tuple[bytes, bytes]]] = {}
    pieces: dict[bytes, dict[int, tuple[bool, bytes]]] = {}
    for name, value in raw:
        match = _CONTINUED.fullmatch(name)
        key = (match[1] if match else name).lower()
        order[key] = None
        if match is None:
            whole.setdefault(key, []).append((name, value))
        else:
            pieces.setdefault(key, {}).setdefault(int(match[2]), (bool(match[3]), value))
    joined: list[tuple[bytes, bytes]] = []
    for key in order:
        joined += whole.get(key, [])
        if 0 in pieces.get(key, {}):
            joined.append(_joined(key, pieces[key]))
    return tuple(joined)


def _joined(name: bytes, pieces: dict[int, tuple[bool, bytes]]) -> tuple[bytes, bytes]:
    numbered: list[tuple[bool, bytes]] = []
    while (piece := pieces.get(len(numbered))) is not None:
        numbered.append(piece)
    if not any(extended for extended, _ in numbered):
        return name, b"".join(value for _, value in numbered)
    # Plain pieces among encoded ones are text as it is (RFC 2231 §4.1): their "%" must not be read as one.
    texts = [value if extended else value.replace(b"%", b"%25") for extended, value in numbered]
    if not numbered[0][0]:
        texts.insert(0, b"''")
    return name + b"*", b"".join(texts)
