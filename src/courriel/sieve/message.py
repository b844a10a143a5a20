"""The message as a script sees it: fields decoded when asked for, its tree of parts, its header while it is edited.

RFC 5228 §2.4.2.2 (decoded values), §5.1; editing RFC 5293.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Final

from courriel.formats import encoded_word
from courriel.formats.address import parse_mailbox_list
from courriel.formats.header import unfold
from courriel.formats.message.parse import Part, header_end, parse

FIELDS: Final = 1_000
"""Fields that are read, as delivery takes them (``delivery.header_fields``)."""

VALUE_OCTETS: Final = 65_536
"""``sieve.value_octets``: of a longer field its beginning is looked at.  A thousand addresses take some 40 KB; a
hostile megabyte of them took 250 ms."""

_FIELD: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+\n?(?>(?:[ \t][^\n]*+\n?)*))")
_LINES: Final = re.compile(rb"[^\n]++\n?(?>(?:[ \t][^\n]*+\n?)*)|\n(?>(?:[ \t][^\n]*+\n?)*)")


def local_and_domain(value: bytes) -> list[tuple[str, str]]:
    """The addresses of a field's value; what has no local part is none."""
    return [
        (one.local.decode("utf-8", "replace"), one.domain.decode("utf-8", "replace"))
        for one in parse_mailbox_list(value)
        if one.local
    ]


class Fields:
    """A header block: values by name, each decoded once."""

    __slots__ = ("_decoded", "_folded", "_people", "_raw")

    def __init__(self, block: bytes) -> None:
        self._raw: dict[str, list[bytes]] = {}
        for name, value in _FIELD.findall(block)[:FIELDS]:
            self._raw.setdefault(name.decode("ascii").lower(), []).append(value[:VALUE_OCTETS])
        self._decoded: dict[str, list[str]] = {}
        self._folded: dict[str, list[str]] = {}
        self._people: dict[str, list[tuple[str, str]]] = {}

    def raw(self, name: str) -> list[bytes]:
        """Values of a field (lower case), unfolded."""
        return [unfold(value) for value in self._raw.get(name, ())]

    def values(self, name: str) -> list[str]:
        """The same as text, encoded words decoded."""
        found = self._decoded.get(name)
        if found is None:
            found = self._decoded[name] = [encoded_word.decode(unfold(value)) for value in self._raw.get(name, ())]
        return found

    def folded(self, name: str, fold: Callable[[str], str]) -> list[str]:
        """``values`` without the case of letters; ``fold`` is always the same."""
        found = self._folded.get(name)
        if found is None:
            found = self._folded[name] = list(map(fold, self.values(name)))
        return found

    def people(self, name: str) -> list[tuple[str, str]]:
        """Local parts and domains of the addresses in all fields of that name, groups opened."""
        found = self._people.get(name)
        if found is None:
            found = self._people[name] = [one for value in self.raw(name) for one in local_and_domain(value)]
        return found

    def has(self, name: str) -> bool:
        return name in self._raw


class Message:
    """``trace`` are our own fields before ``content``; scripts see them and cannot change them."""

    def __init__(self, content: bytes, trace: bytes = b"") -> None:
        self.content = content
        self.size_octets = len(trace) + len(content)
        self._trace = trace
        self._body = header_end(content, 0, len(content))
        self._lines: list[bytes] | None = None
        """The editable header, a field each, once somebody asked."""
        self._is_edited = False
        self._added_octets = 0
        self._fields: Fields | None = None

    @property
    def fields(self) -> Fields:
        """The header as it is now."""
        if self._fields is None:
            block = b"".join(self._editable()) if self._is_edited else self.content[: self._body]
            self._fields = Fields(self._trace + block)
        return self._fields

    @cached_property
    def tree(self) -> Part:
        """The parts of ``content``."""
        return parse(self.content)

    # --- editing ------------------------------------------------------------------------------------------------
    def current(self) -> bytes | None:
        """The message as edited so far, None as long as nothing was."""
        if not self._is_edited:
            return None
        return b"".join(self._editable()) + b"\r\n" + self.content[self._body :]

    def add(self, name: str, value: str, *, last: bool) -> int:
        """Another field; how many octets were added so far."""
        head = name.encode("ascii") + b": "
        line = head + encoded_word.encode_unstructured(value, len(head)) + b"\r\n"
        lines = self._editable()
        lines.insert(len(lines) if last else 0, line)
        self._fields, self._is_edited = None, True
        self._added_octets += len(line)
        return self._added_octets

    def indexes(self, name: str) -> list[tuple[int, str]]:
        """Where fields of a name (lower case) are in the editable header, and their decoded values."""
        found = []
        for number, line in enumerate(self._editable()):
            match = _FIELD.match(line)
            if match is not None and match[1].decode("ascii").lower() == name:
                found.append((number, encoded_word.decode(unfold(match[2]))))
        return found

    def delete(self, numbers: frozenset[int]) -> None:
        """Take fields out."""
        if numbers:
            self._lines = [line for number, line in enumerate(self._editable()) if number not in numbers]
            self._fields, self._is_edited = None, True

    def _editable(self) -> list[bytes]:
        if self._lines is None:
            lines = _LINES.findall(self.content[: self._body])
            while lines and not lines[-1].strip(b"\r\n"):
                lines.pop()
            if lines and not lines[-1].endswith(b"\n"):
                lines[-1] += b"\r\n"
            self._lines = lines
        return self._lines
