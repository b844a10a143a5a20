"""Header fields in the two canonical forms of DKIM, and which of them a signature covers.  RFC 6376 §3.4.1, §3.4.2,
§5.4.2.

Only SP and HTAB are blanks.  Fields come as ``formats/header`` cuts them: (name, blanks and colon, value with its
line ends).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from courriel.formats.message.canonical_body import Canon

__all__ = ["FieldPicker", "RawField", "canonical_field"]

RawField = tuple[bytes, bytes, bytes]
"""(name, blanks and colon, value with its folds and last line end)."""

_ODD: Final = (b"\x0b", b"\x0c")
"""Blank for ``bytes.split``, but not for RFC 6376."""


def canonical_field(field: RawField, form: Canon) -> bytes:
    """The field with its last CRLF."""
    name, colon, value = field
    if form is Canon.SIMPLE:
        whole = name + colon + value
        return whole if whole.endswith(b"\n") else whole + b"\r\n"
    return b"%b:%b\r\n" % (name.lower(), _relaxed_value(value))


def _relaxed_value(value: bytes) -> bytes:
    if _ODD[0] not in value and _ODD[1] not in value and value.count(b"\r") == value.count(b"\r\n"):
        return b" ".join(value.split())
    value = value.replace(b"\r\n", b"").replace(b"\t", b" ")
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return value.strip(b" ")


class FieldPicker:
    """The fields of one header by name, for any number of signatures."""

    def __init__(self, fields: Sequence[RawField]) -> None:
        self._by_name: dict[bytes, list[RawField]] = {}
        for field in fields:
            self._by_name.setdefault(field[0].lower(), []).append(field)
        self._relaxed: dict[int, bytes] = {}

    def count(self, name: bytes) -> int:
        """How many fields of a lower-case name there are."""
        return len(self._by_name.get(name, ()))

    def canonical(self, names: Iterable[bytes], form: Canon) -> bytes:
        """What ``names`` (lower case) pick: each time the next instance from below, nothing when there is no more."""
        taken: dict[bytes, int] = {}
        picked = []
        for name in names:
            left = taken.get(name)
            if left is None:
                left = len(self._by_name.get(name, ()))
            if left > 0:
                left -= 1
                picked.append(self._form(self._by_name[name][left], form))
            taken[name] = left
        return b"".join(picked)

    def _form(self, field: RawField, form: Canon) -> bytes:
        if form is Canon.SIMPLE:
            return canonical_field(field, form)
        key = id(field)
        known = self._relaxed.get(key)
        if known is None:
            known = self._relaxed[key] = canonical_field(field, form)
        return known
