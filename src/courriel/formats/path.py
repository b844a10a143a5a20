"""The addresses of an SMTP envelope: ``<local@domain>``.  RFC 5321 §4.1.2–4.1.3, sizes §4.5.3.1; RFC 6531 §3.3.

    Path       = "<" [ A-d-l ":" ] Mailbox ">"          Reverse-path may be "<>"
    Mailbox    = Local-part "@" ( Domain / address-literal )
    Local-part = Dot-string / Quoted-string

Refuse or one meaning: comments, blanks, unbalanced brackets and anything after ``>`` are refused (AUTH.md attack
rows 12 and 36).  Who may write to whom, and where ``<>`` and ``<Postmaster>`` are allowed, is decided elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import domain as domains


@dataclass(frozen=True, slots=True)
class PathLimits:
    """RFC 5321 §4.5.3.1.1–3, in octets as written to the wire."""

    local_octets: int = 64
    domain_octets: int = 255
    path_octets: int = 256
    """``<``, ``>`` and ``@`` included, a source route left out."""


DEFAULT = PathLimits()

# RFC 5322 §3.2.3 atext, and what stands for itself inside quotes (RFC 5321 §4.1.2 qtextSMTP).
ATEXT = rb"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_DOT_STRING = rb"[" + ATEXT + rb"\x80-\xff]++(?>(?:\.[" + ATEXT + rb"\x80-\xff]++)*)"
_QUOTED = rb"\"(?>(?:[ !#-\[\]-~\x80-\xff]++|\\[ -~])*)\""
_DOMAIN = rb"[A-Za-z0-9.\-\x80-\xff]++|\[[!-Z^-~]*+\]"
_ORDINARY = re.compile(rb"<([" + ATEXT + rb".]++)@([A-Za-z0-9.\-]++)>")
_LOCAL = re.compile(rb"(" + _DOT_STRING + rb")|(" + _QUOTED + rb")")
_AT_DOMAIN = re.compile(rb"@(" + _DOMAIN + rb")")
_ROUTE = re.compile(rb"@(?:" + _DOMAIN + rb")(?>(?:,@(?:" + _DOMAIN + rb"))*):")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r"[^A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\U0010ffff]|^\.|\.\.|\.$|^$")
_TO_ESCAPE = re.compile(r'(["\\])')


class Path(msgspec.Struct, frozen=True):
    """A reverse-path or forward-path.  The null path is ``Path("", "")``.

    ``local`` is without quotes and in its own case; ``domain`` is in the form of ``domain.normalise``, a literal
    in that of ``domain.normalise_literal``, and empty for a bare ``Postmaster`` (RFC 5321 §4.1.1.3).
    """

    local: str
    domain: str

    @property
    def is_null(self) -> bool:
        """``<>``: nobody waits for a report."""
        return not self.local and not self.domain

    @property
    def address(self) -> str:
        """``local@domain`` with quotes where they are needed; empty for the null path."""
        if not self.domain:
            return quote_local(self.local) if self.local else ""
        return f"{quote_local(self.local)}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only an SMTPUTF8 server can take it: the domain is A-labels already (RFC 6531 §3.2)."""
        return not self.local.isascii()

    def to_smtp(self) -> bytes:
        """The path as MAIL and RCPT carry it, with its angle brackets."""
        return b"<%b>" % self.address.encode("utf-8")


NULL_PATH = Path("", "")


def quote_local(local: str) -> str:
    """The local part as written: quoted only if it is no dot-string (RFC 5321 §4.1.2)."""
    if _NEEDS_QUOTES.search(local) is None:
        return local
    return '"' + _TO_ESCAPE.sub(r"\\\1", local) + '"'


def parse_path(raw: bytes, *, smtputf8: bool = False, limits: PathLimits = DEFAULT) -> Path:
    """The path between ``<`` and ``>``, both included; a source route is read and dropped (RFC 5321 §4.1.1.3)."""
    match = _ORDINARY.fullmatch(raw)
    if match is not None and b".." not in match[1] and not match[1].startswith(b".") and match[1][-1] != 0x2E:
        local, domain_raw, at = match[1].decode("ascii"), match[2], match.start(2)
    elif raw == b"<>":
        return NULL_PATH
    elif raw[1:-1].lower() == b"postmaster" and raw[:1] == b"<" and raw[-1:] == b">":
        return Path(raw[1:-1].decode("ascii"), "")
    else:
        local, domain_raw, at = _parse_any(raw, smtputf8)
    path = Path(local, _domain(domain_raw, at))
    _check_sizes(path, limits)
    return path


def parse_address(text: str, *, limits: PathLimits = DEFAULT) -> Path:
    """``local@domain`` without brackets, from a command line, a form or a settings file; UTF-8 is welcome."""
    try:
        raw = b"<%b>" % text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("path", error.start, "lone surrogate") from error
    if raw == b"<>" or b"@" not in raw:
        raise FormatError("path", 0, "local@domain is wanted (RFC 5321 §4.1.2)")
    return parse_path(raw, smtputf8=True, limits=limits)


def _parse_any(raw: bytes, smtputf8: bool) -> tuple[str, bytes, int]:
    """(local part, raw domain, offset of the domain) of a path that is not an ordinary one."""
    if not raw.startswith(b"<"):
        raise FormatError("path", 0, '"<" is wanted (RFC 5321 §4.1.2)')
    if not smtputf8 and not raw.isascii():
        raise FormatError("path", 1, "8-bit octets need SMTPUTF8 (RFC 6531 §3.3)")
    at = 1
    if raw.startswith(b"@", at):
        route = _ROUTE.match(raw, at)
        if route is None:
            raise FormatError("path", at, "source route (RFC 5321 §4.1.2 A-d-l)")
        at = route.end()
    match = _LOCAL.match(raw, at)
    if match is None:
        raise FormatError("path", at, "local part (RFC 5321 §4.1.2)")
    local = _local_text(match[0], at)
    found = _AT_DOMAIN.match(raw, match.end())
    if found is None:
        raise FormatError("path", match.end(), '"@" and a domain are wanted (RFC 5321 §4.1.2)')
    if raw[found.end() :] != b">":
        raise FormatError("path", found.end(), 'one ">" and nothing after it (RFC 5321 §4.1.2)')
    return local, found[1], found.start(1)


def _local_text(raw: bytes, at: int) -> str:
    if raw.startswith(b'"'):
        raw = _QUOTED_PAIR.sub(rb"\1", raw[1:-1])
        if not raw:
            raise FormatError("path", at, "empty local part")
    if raw.isascii():
        return raw.decode("ascii")
    try:
        local = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("path", at + error.start, "UTF-8 (RFC 6531 §3.3)") from error
    for character in local:
        if character > "~" and unicodedata.category(character) in _INVISIBLE:
            raise FormatError("path", at, f"U+{ord(character):04X} in a local part")
    return local


# Controls, line and paragraph separators, unassigned and private characters, blanks other than the space.
_INVISIBLE = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp", "Zs"})


def _domain(raw: bytes, at: int) -> str:
    try:
        text = raw.decode("utf-8")
        return domains.normalise_literal(text) if text.startswith("[") else domains.normalise(text)
    except UnicodeDecodeError as error:
        raise FormatError("path", at + error.start, "UTF-8 (RFC 6531 §3.3)") from error
    except LimitExceeded as error:
        raise LimitExceeded("path", at, error.rule) from error
    except FormatError as error:
        raise FormatError("path", at + max(error.offset, 0), error.rule) from error


def _check_sizes(path: Path, limits: PathLimits) -> None:
    local = quote_local(path.local)
    local_octets = len(local) if local.isascii() else len(local.encode("utf-8"))
    if local_octets > limits.local_octets:
        raise LimitExceeded("path", 1, "path.local_octets")
    if len(path.domain) > limits.domain_octets:
        raise LimitExceeded("path", local_octets + 2, "path.domain_octets")
    if local_octets + len(path.domain) + 3 > limits.path_octets:
        raise LimitExceeded("path", 0, "path.path_octets")
