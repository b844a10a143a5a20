"""Replies: codes, enhanced codes and text, written and read.  RFC 5321 §4.2, RFC 2034, RFC 3463.

Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP [ textstring ] ] CRLF
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded

LINE_OCTETS: Final = 4_096
"""Longest reply line a client reads.  RFC 5321 §4.5.3.1.5 has 512; some servers write more."""

LINES: Final = 128
"""Most lines of one reply a client reads; EHLO answers have some twenty."""

REPLY_OCTETS: Final = 32_768
"""Longest reply in all that a client reads."""


class Reply(msgspec.Struct, frozen=True):
    """What a server says: three digits, an enhanced code ("5.1.1", empty for none) and text.

    ``before``: lines that come before the last one, ``text``.
    """

    code: int
    enhanced: str
    text: str
    before: tuple[str, ...] = ()

    def render(self) -> bytes:
        """Lines with their CRLF; each has the enhanced code (RFC 2034 §4)."""
        enhanced = f"{self.enhanced} " if self.enhanced else ""
        lines = [f"{self.code}-{enhanced}{line}\r\n" for line in self.before]
        return f"{''.join(lines)}{self.code} {enhanced}{self.text}\r\n".encode("ascii", "replace")


def render_lines(code: int, lines: list[str]) -> bytes:
    """A reply of several lines without enhanced code (EHLO)."""
    text = "".join(f"{code}-{line}\r\n" for line in lines[:-1]) + f"{code} {lines[-1]}\r\n"
    return text.encode("ascii", "replace")


class Answer(msgspec.Struct, frozen=True):
    """A reply as a client reads it.  ``lines`` are the texts, decoded for people."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    @property
    def status(self) -> str:
        """Its enhanced code, or ``x.0.0`` where there is none that agrees with the code.  RFC 2034 §4."""
        match = _ENHANCED.match(self.lines[0])
        digit = str(self.code)[0]
        return match[0] if match is not None and match[0][0] == digit else f"{digit}.0.0"


_ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^ ])")
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?>(?:([ -])([^\r\n\x00]*+))?)")


class AnswerReader:
    """Puts replies together, line by line, within bounds.  Whoever breaks the grammar is not talked to further."""

    __slots__ = ("_code", "_lines", "_octets")

    def __init__(self) -> None:
        self._code = 0
        self._lines: list[str] = []
        self._octets = 0

    @property
    def is_inside(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._lines)

    def line(self, line: bytes) -> Answer | None:
        """Take one line without its CRLF; the whole reply when this was its last line.  Raises FormatError."""
        if len(line) > LINE_OCTETS:
            raise LimitExceeded("SMTP reply", LINE_OCTETS, "reply.line_octets")
        match = _LINE.fullmatch(line)
        if match is None:
            raise FormatError("SMTP reply", 0, "RFC 5321 §4.2, Reply-line")
        code = int(match[1])
        if self._lines and code != self._code:
            raise FormatError("SMTP reply", 0, "one code for all lines (RFC 5321 §4.2.1)")
        self._code = code
        self._octets += len(line)
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if len(self._lines) > LINES:
            raise LimitExceeded("SMTP reply", -1, "reply.lines")
        if self._octets > REPLY_OCTETS:
            raise LimitExceeded("SMTP reply", -1, "reply.octets")
        if match[2] == b"-":
            return None
        answer = Answer(code, tuple(self._lines))
        self._lines = []
        self._octets = 0
        return answer
