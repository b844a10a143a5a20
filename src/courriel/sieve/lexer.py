"""Sieve's tokens.  RFC 5228 §8.1.

    identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_")        tag    = ":" identifier
    number     = 1*DIGIT [ "K" / "M" / "G" ]                 string = quoted-string / multi-line

Lines may end with CRLF or LF; strings have LF for either.  Linear: each octet is looked at once or twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum
from typing import Final

import msgspec

from courriel.base.i18n import N_
from courriel.sieve.problems import BadScript, Problem

NUMBER_MAX: Final = 2**31 - 1
"""RFC 5228 §2.4.1: numbers up to this must be possible."""

_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


class Kind(Enum):
    """What a token is."""

    STRING = "string"
    NUMBER = "number"
    TAG = "tag"
    IDENTIFIER = "identifier"
    MARK = "mark"
    END = "end"


class Token(msgspec.Struct, frozen=True):
    """``text`` is a string's value, a name in lower case, a mark; ``number`` a number's value."""

    kind: Kind
    text: str
    line: int
    number: int = 0


_BLANK: Final = re.compile(r"(?>(?:[ \t\r\n]++|\#[^\n]*+|/\*(?>(?:[^*]++|\*(?!/))*)\*/)*)")
_TOKEN: Final = re.compile(
    r"""(?P<multi>[tT][eE][xX][tT]:[ \t]*+(?:\#[^\n]*+|\r)?\n)
    |(?P<identifier>[A-Za-z_][A-Za-z0-9_]*+)
    |:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)
    |(?P<number>[0-9]++)(?P<unit>[KkMmGg]?)(?![A-Za-z0-9_])
    |"(?P<string>(?>(?:[^"\\]++|\\.)*))"
    |(?P<mark>[\[\](){},;])""",
    re.VERBOSE | re.DOTALL,
)
_MULTI_END: Final = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_STUFFED: Final = re.compile(r"^\.(?=\.)", re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def tokens(raw: bytes) -> list[Token]:
    """All tokens, ``END`` last.  Raises BadScript for what is none."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadScript([Problem(line, N_("this is not UTF-8"))]) from None
    if "\0" in text:
        raise BadScript([Problem(text.count("\n", 0, text.index("\0")) + 1, N_("a script has no NUL"))])
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.start() for match in re.finditer("\n", text)]

    def _line(self, at: int) -> int:
        return bisect_right(self._breaks, at - 1) + 1

    def read(self) -> list[Token]:
        text, found, at = self._text, [], 0
        while True:
            blank = _BLANK.match(text, at)
            at = blank.end() if blank is not None else at
            if at >= len(text):
                found.append(Token(Kind.END, "", self._line(len(text))))
                return found
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadScript([self._unreadable(at)])
            line = self._line(at)
            at = match.end()
            if match["multi"] is not None:
                value, at = self._multi(at, line)
                found.append(Token(Kind.STRING, value, line))
            else:
                found.append(self._token(match, line))

    def _token(self, match: re.Match[str], line: int) -> Token:
        if match["mark"]:
            return Token(Kind.MARK, match["mark"], line)
        if match["identifier"]:
            return Token(Kind.IDENTIFIER, match["identifier"].lower(), line)
        if match["tag"]:
            return Token(Kind.TAG, match["tag"].lower(), line)
        if match["number"]:
            return self._number(match["number"], match["unit"], line)
        value = match["string"].replace("\r\n", "\n")
        return Token(Kind.STRING, _ESCAPED.sub(r"\1", value) if "\\" in value else value, line)

    def _number(self, digits: str, unit: str, line: int) -> Token:
        value = int(digits[:20]) * _UNITS[unit.upper()]
        if value > NUMBER_MAX or len(digits) > 20:
            raise BadScript([Problem(line, N_("{number} is too large a number"), {"number": digits[:20] + unit})])
        return Token(Kind.NUMBER, digits + unit, line, value)

    def _multi(self, at: int, line: int) -> tuple[str, int]:
        """The value of ``text:`` whose first line begins at ``at``, and where it ends."""
        end = _MULTI_END.search(self._text, at)
        if end is None:
            raise BadScript([Problem(line, N_("the text begun here has no end: a line with only a dot"))])
        value = self._text[at : end.start()].replace("\r\n", "\n")
        return _STUFFED.sub("", value), end.end()

    def _unreadable(self, at: int) -> Problem:
        text, line = self._text, self._line(at)
        if text[at] == '"':
            return Problem(line, N_("the string begun here has no closing quote"))
        if text.startswith("/*", at):
            return Problem(line, N_("the comment begun here has no end: */"))
        return Problem(line, N_("“{what}” has no meaning here"), {"what": text[at : at + 10].split("\n")[0]})
