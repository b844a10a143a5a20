"""The small words of IMAP's grammar: atoms, strings, numbers, flags.  RFC 9051 §4, §9.

``Reader`` walks over one command.  Every method reads one thing at its place, moves on, and raises FormatError where
that thing is not.  Literals are taken from the command's list when their mark comes (``fragments.py``).
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from courriel.base.errors import FormatError
from courriel.imap.wire.fragments import Command

WHAT: Final = "IMAP command"

TAG: Final = re.compile(rb"[!-$&\',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]{1,128}\Z")
"""tag = 1*<any ASTRING-CHAR except "+">; a length of 128 is ours."""

_ATOM: Final = re.compile(rb"[!#$&\'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
"""atom = 1*<any CHAR except atom-specials>."""

_ASTRING_ATOM: Final = re.compile(rb"[!#$&\'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_LIST_ATOM: Final = re.compile(rb"[!#$%&\'*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~\x80-\xff]+")
"""list-mailbox characters; 8-bit where UTF-8 names are allowed (the mailbox module judges)."""

_QUOTED: Final = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_LITERAL: Final = re.compile(rb"~?\{\d{1,19}\+?\}\n")
_NUMBER: Final = re.compile(rb"\d{1,19}")
_FLAG: Final = re.compile(rb"\\?[!#$&\'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_ESCAPED: Final = re.compile(rb'\\(["\\])')


class Reader:
    """One command, read from left to right."""

    __slots__ = ("_literals", "pos", "text")

    def __init__(self, command: Command, pos: int = 0) -> None:
        self.text = command.text
        self._literals = iter(command.literals)
        self.pos = pos

    def fail(self, rule: str) -> NoReturn:
        """Raise FormatError for this place."""
        raise FormatError(WHAT, self.pos, rule)

    @property
    def at_end(self) -> bool:
        return self.pos >= len(self.text)

    def end(self) -> None:
        """Nothing may follow.  quirk: some clients leave blanks behind a command."""
        if self.text[self.pos :].strip(b" "):
            self.fail("unexpected text at the end")

    def peek(self, what: bytes) -> bool:
        """Whether ``what`` stands here."""
        return self.text.startswith(what, self.pos)

    def take(self, what: bytes) -> bool:
        """Move past ``what`` if it stands here."""
        if self.text.startswith(what, self.pos):
            self.pos += len(what)
            return True
        return False

    def need(self, what: bytes) -> None:
        if not self.take(what):
            self.fail(f"expected {what.decode()!r}")

    def space(self) -> None:
        """One SP.  quirk: more than one is taken for one."""
        if not self.text.startswith(b" ", self.pos):
            self.fail("expected a space")
        self.pos += 1
        while self.text.startswith(b" ", self.pos):
            self.pos += 1

    def _match(self, pattern: re.Pattern[bytes], rule: str) -> bytes:
        match = pattern.match(self.text, self.pos)
        if match is None:
            self.fail(rule)
        self.pos = match.end()
        return match[0]

    def word(self) -> bytes:
        """An atom in capitals: keywords of the grammar."""
        return self._match(_ATOM, "expected a word").upper()

    def number(self) -> int:
        return int(self._match(_NUMBER, "expected a number"))

    def number32(self) -> int:
        """number = 0 … 2**32-1."""
        value = self.number()
        if value > 0xFFFFFFFF:
            self.fail("number larger than 32 bits")
        return value

    def number63(self) -> int:
        """number64 = 0 … 2**63-1."""
        value = self.number()
        if value >= 1 << 63:
            self.fail("number larger than 63 bits")
        return value

    def at_literal(self) -> bool:
        return _LITERAL.match(self.text, self.pos) is not None

    def literal(self) -> bytes:
        self._match(_LITERAL, "expected a literal")
        return next(self._literals)

    def string(self) -> bytes:
        """string = quoted / literal."""
        if self.text.startswith(b'"', self.pos):
            match = _QUOTED.match(self.text, self.pos)
            if match is None:
                self.fail("bad quoted string")
            self.pos = match.end()
            value = match[1]
            return _ESCAPED.sub(rb"\1", value) if b"\\" in value else value
        return self.literal()

    def astring(self) -> bytes:
        """astring = 1*ASTRING-CHAR / string."""
        match = _ASTRING_ATOM.match(self.text, self.pos)
        if match is not None and not self.peek(b"~{"):
            self.pos = match.end()
            return match[0]
        return self.string()

    def list_mailbox(self) -> bytes:
        """list-mailbox = 1*list-char / string."""
        if self.at_literal() or self.peek(b'"'):
            return self.string()
        return self._match(_LIST_ATOM, "expected a mailbox pattern")

    def flag(self) -> bytes:
        return self._match(_FLAG, "expected a flag")

    def flags(self) -> list[bytes]:
        """flag-list = "(" [flag *(SP flag)] ")"."""
        self.need(b"(")
        flags: list[bytes] = []
        while not self.take(b")"):
            if flags:
                self.space()
            flags.append(self.flag())
        return flags

    def words(self) -> list[bytes]:
        """A list of words in parentheses, possibly empty, in capitals."""
        self.need(b"(")
        words: list[bytes] = []
        while not self.take(b")"):
            if words:
                self.space()
            words.append(self.word())
        return words
