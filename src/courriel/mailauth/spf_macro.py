"""SPF macros: parsed once, expanded for each message.  RFC 7208 §7, its grammar in §7.1; RFC 8616 §4 for UTF-8.

macro-string = *( macro-expand / macro-literal )
macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
domain-spec  = macro-string ( "." toplabel [ "." ] / macro-expand )
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from courriel.base.errors import FormatError

NAME_OCTETS: Final = 253
"""Longest name that is asked for; what is expanded to more loses labels on its left.  RFC 7208 §7.3."""

MOST_DIGITS: Final = 3
"""A name has at most 127 labels: a transformer of more digits keeps them all."""

_TOKEN: Final = re.compile(r"%\{([slodiphcrtv])([0-9]*)(r?)([-.+,/_=]*)\}|%([%_-])|([!-$&-~]++)", re.IGNORECASE)
_WITH_BLANKS: Final = re.compile(_TOKEN.pattern.replace("!-$", " -$"), re.IGNORECASE)
_ONE_CHARACTER: Final = {"%": "%", "_": " ", "-": "%20"}
_TOP_LABEL: Final = re.compile(r"[a-z0-9-]++", re.IGNORECASE)
_ONLY_EXPLAINED: Final = frozenset("crt")
"""Letters for explanations alone.  RFC 7208 §7.2."""


class Expand(msgspec.Struct, frozen=True):
    """``%{…}``: ``letter`` in lower case; ``digits`` 0 keeps every part; ``escaped``: written in upper case."""

    letter: str
    escaped: bool
    digits: int
    reverse: bool
    delimiters: str


class MacroString(msgspec.Struct, frozen=True):
    """``text`` as written; ``constant`` is its value where nothing has to be expanded, else None."""

    text: str
    parts: tuple[str | Expand, ...]
    constant: str | None

    @property
    def letters(self) -> frozenset[str]:
        """What it asks for."""
        return frozenset(part.letter for part in self.parts if isinstance(part, Expand))


def parse_macro(text: str, *, explanation: bool = False) -> MacroString:
    """A macro-string; in an explanation blanks and three more letters are allowed.  Raises FormatError."""
    pattern = _WITH_BLANKS if explanation else _TOKEN
    parts: list[str | Expand] = []
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            raise FormatError("macro", at, "RFC 7208 §7.1")
        parts.append(_part(match, at, explanation))
        at = match.end()
    constant = None if any(isinstance(part, Expand) for part in parts) else "".join(map(str, parts))
    return MacroString(text, tuple(parts), constant)


def _part(match: re.Match[str], at: int, explanation: bool) -> str | Expand:
    letter, digits, reverse, delimiters, single, literal = match.groups()
    if literal is not None:
        return literal
    if single is not None:
        return _ONE_CHARACTER[single]
    if letter.lower() in _ONLY_EXPLAINED and not explanation:
        raise FormatError("macro", at, "a letter for explanations only (RFC 7208 §7.2)")
    kept = digits.lstrip("0")
    if digits and not kept:
        raise FormatError("macro", at, "at least one label is kept (RFC 7208 §7.3)")
    number = int(kept or "0") if len(kept) <= MOST_DIGITS else 0
    return Expand(letter.lower(), letter.isupper(), number, bool(reverse), delimiters or ".")


def parse_domain_spec(text: str) -> MacroString:
    """A domain-spec: ends with a macro, or with a label that is no number.  Raises FormatError."""
    macro = parse_macro(text)
    ends_in_macro = bool(macro.parts) and (isinstance(macro.parts[-1], Expand) or text.endswith(("%%", "%_", "%-")))
    if not ends_in_macro and not _has_top_label(text):
        raise FormatError("domain-spec", 0, "RFC 7208 §7.1")
    return macro


def _has_top_label(text: str) -> bool:
    """Letters, digits and inner hyphens after a dot, digits not alone."""
    _, dot, label = text.removesuffix(".").rpartition(".")
    well_formed = _TOP_LABEL.fullmatch(label) is not None and not label.isdigit()
    return bool(dot) and well_formed and not label.startswith("-") and not label.endswith("-")


def expand(macro: MacroString, values: Mapping[str, str]) -> str:
    """The text with ``values`` (by letter) put in."""
    if macro.constant is not None:
        return macro.constant
    return "".join([part if isinstance(part, str) else _expanded(part, values[part.letter]) for part in macro.parts])


def _expanded(asked: Expand, value: str) -> str:
    if asked.digits or asked.reverse or asked.delimiters != ".":
        pieces = re.split(f"[{re.escape(asked.delimiters)}]", value)
        if asked.reverse:
            pieces.reverse()
        value = ".".join(pieces[-asked.digits :])
    return quote(value, safe="") if asked.escaped else value


def shorten(name: str) -> str:
    """A name without its final dot, cut on its left to what can be asked for."""
    name = name.removesuffix(".")
    while len(name) > NAME_OCTETS:
        _, dot, rest = name.partition(".")
        if not dot:
            break
        name = rest
    return name
