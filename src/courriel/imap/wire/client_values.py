"""What a client makes of responses: mailboxes, their state, messages found.  RFC 9051 §7; special uses RFC 6154.

Pure: responses in, values out.  Nothing here believes a server more than it must: what makes no sense is passed over,
or a FormatError where nothing can be done without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import mutf7
from courriel.imap.wire import sets
from courriel.imap.wire.client_response import Response, Value

SET_OCTETS: Final = 7_000
"""Longest set of numbers in one command; servers take lines of 8,000 octets.  RFC 7162 §4."""

NUMBER_MAX: Final = 0xFFFFFFFF


class Listed(msgspec.Struct, frozen=True):
    """One line of LIST.  ``name`` is as it goes back to the server, ``text`` as a person reads it.

    ``attributes`` are in lower case, "\\sent"; ``delimiter`` is "" for a flat name.
    """

    name: bytes
    text: str
    delimiter: str
    attributes: frozenset[str]

    @property
    def can_be_selected(self) -> bool:
        return self.attributes.isdisjoint(("\\noselect", "\\nonexistent"))


class Selected(msgspec.Struct, frozen=True):
    """An open mailbox.  ``modseq`` is 0 where the server keeps none.  RFC 9051 §6.3.2, RFC 7162 §3.1.2."""

    exists: int
    uidvalidity: int
    uidnext: int
    modseq: int
    read_only: bool


def listed(responses: Iterable[Response], name: bytes = b"LIST") -> list[Listed]:
    """The mailboxes of LIST or LSUB."""
    found = []
    for response in responses:
        if response.name != name or len(response.values) < 3:
            continue
        attributes, delimiter, raw = response.values[:3]
        if isinstance(attributes, list) and isinstance(raw, bytes):
            words = frozenset(_text(one).lower() for one in attributes if isinstance(one, bytes))
            sign = _text(delimiter) if isinstance(delimiter, bytes) else ""
            found.append(Listed(raw, mailbox_text(raw), sign[:1], words))
    return found


def mailbox_text(raw: bytes) -> str:
    """A mailbox name for people: modified UTF-7, or UTF-8 where a server sends that."""
    try:
        return mutf7.decode(raw)
    except FormatError:
        return _text(raw)


def personal_prefixes(responses: Iterable[Response]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """NAMESPACE: prefixes of one's own mailboxes, and of others' and shared ones.  RFC 9051 §6.3.10."""
    for response in responses:
        if response.name == b"NAMESPACE" and len(response.values) >= 3:
            own, others, shared = response.values[:3]
            return tuple(_prefixes(own)), (*_prefixes(others), *_prefixes(shared))
    return (), ()


def _prefixes(namespaces: Value) -> Iterator[bytes]:
    for one in namespaces if isinstance(namespaces, list) else ():
        if isinstance(one, list) and one and isinstance(one[0], bytes):
            yield one[0]


def selected(untagged: Iterable[Response], answer: Response) -> Selected:
    """What SELECT or EXAMINE said."""
    values = {b"EXISTS": 0, b"UIDVALIDITY": 0, b"UIDNEXT": 0, b"HIGHESTMODSEQ": 0}
    for response in (*untagged, answer):
        if response.name == b"EXISTS":
            values[b"EXISTS"] = response.number
        elif len(response.code) >= 2 and isinstance(response.code[0], bytes):
            word = response.code[0].upper()
            if word in values and isinstance(response.code[1], bytes):
                values[word] = number(response.code[1])
    read_only = any(word == b"READ-ONLY" for word in answer.code)
    return Selected(values[b"EXISTS"], values[b"UIDVALIDITY"], values[b"UIDNEXT"], values[b"HIGHESTMODSEQ"], read_only)


def capabilities(response: Response) -> frozenset[str] | None:
    """Those of a CAPABILITY response or response code, None when it is neither."""
    words: Sequence[Value] = response.values if response.name == b"CAPABILITY" else response.code
    if response.name != b"CAPABILITY":
        if not words or not isinstance(words[0], bytes) or words[0].upper() != b"CAPABILITY":
            return None
        words = words[1:]
    return frozenset(_text(word).upper() for word in words if isinstance(word, bytes))


def number(raw: Value) -> int:
    """A number of 63 bits at most.  Raises FormatError."""
    if not isinstance(raw, bytes) or not raw.isdigit() or len(raw) > 18:
        raise FormatError("IMAP response", -1, "expected a number")
    return int(raw)


def uid_ranges(raw: bytes) -> list[tuple[int, int]]:
    """A set as the server wrote it, as ranges; nothing is expanded.  Raises FormatError."""
    found = []
    for piece in raw.split(b","):
        low, _, high = piece.partition(b":")
        first, last = number(low), number(high or low)
        found.append((min(first, last), max(first, last)))
    return found


def uid_sets(uids: Sequence[int]) -> Iterator[bytes]:
    """Ascending UIDs as sets, each short enough for one command."""
    pieces: list[bytes] = []
    octets = 0
    for piece in sets.render(uids).split(b",") if uids else ():
        if octets + len(piece) >= SET_OCTETS:
            yield b",".join(pieces)
            pieces, octets = [], 0
        pieces.append(piece)
        octets += len(piece) + 1
    if pieces:
        yield b",".join(pieces)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
