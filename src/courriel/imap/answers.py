"""Rendered once, used again: flags of an account, numbers of rows, whole FETCH answers.  PERFORMANCE rule 5.

Pure values; nothing here is needed for an answer to be right, only for it to be soon.
"""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from courriel.imap.wire.response import flag_list

FLAG_TEXTS: Final = 4096
"""Combinations of flags kept rendered per account; a mailbox rarely has more than some dozens."""

ROW_STARTS: Final = 200_000
"""Most rows whose ``* n FETCH (`` is kept (12 MB if ever reached); above it they are made anew."""

ROW_GAP: Final = 1_000
"""Rows this far behind those kept are made anew as well: the last fifty of 100,000 are no reason to make all."""

ANSWER_OCTETS: Final = 8_000_000
"""Largest answer that is kept."""


class FlagTexts(dict[int, bytes]):
    """Flags → ``(\\Seen …)``.  A look-up that finds nothing renders, so that ``map`` can do it in C."""

    def __init__(self, keywords: Callable[[], dict[int, str]]) -> None:
        super().__init__()
        self._keywords = keywords
        self.closed = ClosedFlagTexts(self)

    def __missing__(self, flags: int) -> bytes:
        if len(self) >= FLAG_TEXTS:
            self.clear()
        text = self[flags] = flag_list(flags, self._keywords())
        return text


class ClosedFlagTexts(dict[int, bytes]):
    """The same as the end of a row: ``(\\Seen …))`` CRLF."""

    def __init__(self, texts: FlagTexts) -> None:
        super().__init__()
        self._texts = texts

    def __missing__(self, flags: int) -> bytes:
        if len(self) >= FLAG_TEXTS:
            self.clear()
        text = self[flags] = self._texts[flags] + b")\r\n"
        return text


_starts: Final[dict[bytes, list[bytes]]] = {b"": [], b"FLAGS ": []}
"""``* n FETCH (`` and ``* n FETCH (FLAGS `` by number; the second for the question asked most."""


def row_starts(lead: bytes, first: int, count: int) -> list[bytes]:
    """The beginnings of rows ``first`` … (0-based), with ``lead`` behind; ``lead`` is one of those above."""
    starts = _starts[lead]
    end = first + count
    pattern = b"* %d FETCH (" + lead
    if end > ROW_STARTS or first > len(starts) + ROW_GAP:
        return [pattern % number for number in range(first + 1, end + 1)]
    if len(starts) < end:
        starts.extend(pattern % number for number in range(len(starts) + 1, end + 1))
    return starts[first:end]


BLOCK: Final = 4_096
"""Numbers of changes looked at in C before any of them is looked at here."""


def changed_since(modseqs: array[int], since: int) -> list[int]:
    """Indexes of the messages whose number is above ``since``.

    Most blocks of a large mailbox have none: 13 ms for 1,000,000 messages, where a loop takes 60 ms.
    """
    found: list[int] = []
    for start in range(0, len(modseqs), BLOCK):
        block = modseqs[start : start + BLOCK]
        if max(block) > since:
            found += [start + place for place, modseq in enumerate(block) if modseq > since]
    return found


UNSEEN_BLOCK: Final = 65_536
"""Flags looked at in one piece: half a megabyte of copies, however large the mailbox."""

_SEEN_BYTE: Final = bytes(byte & 1 for byte in range(256))
"""Lowest octet of the flags → \\Seen or not."""


def first_unseen(flags: array[int]) -> int:
    """Sequence number of the first message without \\Seen, 0 when there is none.  RFC 3501 §7.1.

    The lowest octets of all flags at once, in C: 0.2 ms for 100,000 seen messages, where a loop takes 3 ms; most
    mailboxes answer from the look at the first messages.
    """
    start, end = 0, 256
    while start < len(flags):
        octets = flags[start:end].tobytes()
        lowest = (
            octets[:: flags.itemsize] if sys.byteorder == "little" else octets[flags.itemsize - 1 :: flags.itemsize]
        )
        found = lowest.translate(_SEEN_BYTE).find(b"\0")
        if found >= 0:
            return start + found + 1
        start, end = end, end + UNSEEN_BLOCK
    return 0


SELECTS_REMEMBERED: Final = 4096
"""Mailboxes whose SELECT is kept rendered, some 700 octets each."""


class SelectCache:
    """What SELECT says of a mailbox, rendered, by what was asked and by everything the words depend on."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[object, bytes]] = {}

    def get(self, key: Hashable, state: object) -> bytes | None:
        """The words, if they were rendered from just this state."""
        known = self._known.get(key)
        return known[1] if known is not None and known[0] == state else None

    def put(self, key: Hashable, state: object, words: bytes) -> None:
        if len(self._known) >= SELECTS_REMEMBERED:
            self._known.clear()
        self._known[key] = (state, words)


class AnswerCache:
    """Whole answers by what was asked; good for as long as the mailbox has not changed."""

    def __init__(self, octets: int) -> None:
        self._limit = octets
        self._held = 0
        self._answers: OrderedDict[Hashable, tuple[array[int], int, bytes]] = OrderedDict()

    def get(self, key: Hashable, uids: array[int], position: int) -> bytes | None:
        """The answer, if it was made for just this state of the mailbox (the very array, and as many changes)."""
        found = self._answers.get(key)
        if found is None or found[0] is not uids or found[1] != position:
            return None
        self._answers.move_to_end(key)
        return found[2]

    def put(self, key: Hashable, uids: array[int], position: int, answer: bytes) -> None:
        if len(answer) > min(ANSWER_OCTETS, self._limit):
            return
        old = self._answers.pop(key, None)
        if old is not None:
            self._held -= len(old[2])
        self._answers[key] = (uids, position, answer)
        self._held += len(answer)
        while self._held > self._limit:
            _, (_, _, dropped) = self._answers.popitem(last=False)
            self._held -= len(dropped)
