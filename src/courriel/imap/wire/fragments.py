"""Where a command ends: lines and literals, within limits.  RFC 9051 §2.2.1, §4.3; RFC 7888; RFC 3516 §2.1 (``~{``).

Pure and pulled: bytes go in by ``feed``, commands come out of ``next``.  A literal's octets never become part of
the text: ``Command.text`` keeps the ``{n}`` that announced it, followed by LF (a mark that can stand nowhere else),
and ``Command.literals`` has the octets in order.  So a command can be thrown away without losing the border to the
next one, whatever it holds.

Who may send how much is the session's business: it answers ``Announced`` with ``accept`` or ``skip``.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_LITERAL: Final = re.compile(rb"(~?)\{(\d{1,19})(\+?)\}\Z")
_MARK: Final = b"\n"


class Command(msgspec.Struct, frozen=True, gc=False):
    """One whole command: its text, and the octets of its literals in order."""

    text: bytes
    literals: tuple[bytes, ...] = ()


class Announced(msgspec.Struct, frozen=True, gc=False):
    """The client announced a literal of ``octets``.  ``so_far`` is the command's text up to and with ``{n}``.

    ``waits``: it sends the octets only after a continuation request (no ``+``).
    """

    so_far: bytes
    octets: int
    waits: bool
    literals: int


class TooLong(msgspec.Struct, frozen=True, gc=False):
    """The command's text is longer than the limit; what follows up to the line's end is thrown away."""

    so_far: bytes


Event = Command | Announced | TooLong

_EMPTY: Final[tuple[bytes, ...]] = ()


class Fragments:
    """Bytes of one client, cut into commands."""

    __slots__ = ("_collecting", "_dropping", "_literal", "_literals", "_need", "_skip", "_text", "buffer", "line_limit")

    def __init__(self, line_limit: int) -> None:
        self.line_limit = line_limit
        self.buffer = b""
        self._text = b""
        self._literals: list[bytes] | None = None
        self._need = -1  # octets of the accepted literal still to come; -1: in a line
        self._literal: list[bytes] | None = None
        self._skip = 0  # octets of a refused literal still to throw away
        self._dropping = False  # the rest of the command is thrown away up to its end
        self._collecting = False  # an Announced is waiting for its answer

    def feed(self, data: bytes) -> None:
        """More bytes of the client."""
        self.buffer = self.buffer + data if self.buffer else data

    def clear(self) -> None:
        """Forget everything read so far (STARTTLS)."""
        self.__init__(self.line_limit)  # type: ignore[misc]

    def take_rest(self) -> bytes:
        """What came behind the last command, which is not for this grammar (COMPRESS)."""
        rest, self.buffer = self.buffer, b""
        return rest

    @property
    def idle(self) -> bool:
        """Whether nothing of a command has come."""
        return not self.buffer and not self._text and self._need < 0 and not self._skip and not self._dropping

    def next(self) -> Event | None:
        """The next event, None when more bytes are needed."""
        while self.buffer:
            if self._skip and not self._skip_literal():
                return None
            if self._need >= 0 and not self._fill_literal():
                return None
            cut = self.buffer.find(b"\n")
            if cut < 0:
                return self._no_line()
            line, self.buffer = self.buffer[:cut], self.buffer[cut + 1 :]
            if line.endswith(b"\r"):
                line = line[:-1]
            event = self._line(line)
            if event is not None:
                return event
        return None

    def next_line(self) -> bytes | None:
        """One line as it is, for what is no command: SASL responses, DONE.  None: more bytes are needed."""
        cut = self.buffer.find(b"\n")
        if cut < 0:
            if len(self.buffer) > self.line_limit:
                self.buffer = self.buffer[: self.line_limit + 1]
            return None
        line, self.buffer = self.buffer[:cut], self.buffer[cut + 1 :]
        return line[:-1] if line.endswith(b"\r") else line

    @property
    def line_too_long(self) -> bool:
        """Whether more has come without a line end than a line may hold."""
        return len(self.buffer) > self.line_limit and b"\n" not in self.buffer[: self.line_limit + 1]

    def accept(self) -> None:
        """Take the literal that was announced."""
        match = _LITERAL.search(self._text)
        assert match is not None
        self._need = int(match[2])
        self._literal = []
        self._text += _MARK

    def skip(self, comes: bool) -> None:
        """Do without the announced literal: the command is over.  ``comes``: its octets are on their way."""
        match = _LITERAL.search(self._text)
        assert match is not None
        self._text, self._literals = b"", None
        if comes:
            self._skip = int(match[2])
            self._dropping = True

    # --- steps ------------------------------------------------------------------------------------------------
    def _line(self, line: bytes) -> Event | None:
        if self._dropping:
            match = _LITERAL.search(line) if line.endswith(b"+}") else None
            if match is None:
                self._dropping = False
            else:
                self._skip = int(match[2])
            return None
        if self._text:
            line = self._text + line
        if len(line) > self.line_limit:
            self._text, self._literals = b"", None
            if line.endswith(b"+}") and (match := _LITERAL.search(line)):
                self._skip, self._dropping = int(match[2]), True
            return TooLong(line[:256])
        if line.endswith(b"}") and (match := _LITERAL.search(line)) is not None:
            self._text = line
            return Announced(line, int(match[2]), not match[3], len(self._literals or _EMPTY))
        self._text = b""
        if self._literals is None:
            return Command(line)
        literals, self._literals = tuple(self._literals), None
        return Command(line, literals)

    def _no_line(self) -> Event | None:
        if self._dropping:
            # Keep the tail: it may be the beginning of ``{n+}``.
            self.buffer = self.buffer[-32:]
        elif len(self._text) + len(self.buffer) > self.line_limit:
            so_far = (self._text + self.buffer)[:256]
            self._text, self._literals, self._dropping = b"", None, True
            self.buffer = self.buffer[-32:]
            return TooLong(so_far)
        return None

    def _skip_literal(self) -> bool:
        thrown = min(self._skip, len(self.buffer))
        self.buffer = self.buffer[thrown:]
        self._skip -= thrown
        return not self._skip

    def _fill_literal(self) -> bool:
        assert self._literal is not None
        piece = self.buffer[: self._need]
        self.buffer = self.buffer[len(piece) :]
        self._need -= len(piece)
        if piece:
            self._literal.append(piece)
        if self._need:
            return False
        self._need = -1
        if self._literals is None:
            self._literals = []
        self._literals.append(self._literal[0] if len(self._literal) == 1 else b"".join(self._literal))
        self._literal = None
        return True
