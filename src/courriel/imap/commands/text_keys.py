"""Search keys about text: BODY, TEXT, and those of header fields.  RFC 9051 §6.4.4.

The index of words answers what it can; the rest is read.  Either way it is the same answer: a key matches where its
text, folded, is a substring of the decoded text, folded (``formats/folding.py``).
"""

from __future__ import annotations

from itertools import compress
from typing import Final

import msgspec

from courriel.formats import encoded_word
from courriel.formats.address import parse_mailbox_list
from courriel.formats.folding import fold
from courriel.formats.header import HeaderBlock, split_block
from courriel.formats.loose import holds_loosely, stems
from courriel.formats.message.text import decoded_header, decoded_text
from courriel.imap.folded import BETWEEN, Folded
from courriel.imap.view import Numbers
from courriel.imap.wire import search as keys
from courriel.model.message import Record
from courriel.ports.index import Place, TextIndex

_ADDRESSES: Final = frozenset({b"FROM", b"TO", b"CC", b"BCC", b"SENDER", b"REPLY-TO"})


class Told(msgspec.Struct, frozen=True):
    """What the index says of one key: indexes of messages that match, and of those that have to be read."""

    hits: set[int]
    doubts: set[int]
    exact: set[int] = set()
    """Of those for a loose key that hold its text as it is written, or may."""

    def of(self, index: int) -> bool | None:
        """None: read it."""
        if index in self.hits:
            return True
        return None if index in self.doubts else False


async def ask(index: TextIndex, known: Numbers, key: keys.Header | keys.InBody | keys.InText) -> Told | None:
    """None where the index has nothing to say: an empty text, which is about there being a field or a part."""
    if not key.text:
        return None
    place = Place.HEADER
    if isinstance(key, keys.Header):
        found = await index.find(known.view, Place.HEADER, key.text, key.loose)
        hits, doubts = set[int](), found.hits | found.doubts  # in some field; in which, the message says
    else:
        place = Place.BODY if isinstance(key, keys.InBody) else Place.MESSAGE
        found = await index.find(known.view, place, key.text, key.loose)
        hits, doubts = _indexes(known, found.hits), found.doubts
    exact = set[int]()
    if key.loose:
        written = await index.find(known.view, place, key.text)
        exact = _indexes(known, written.hits | written.doubts)
    unsure = _indexes(known, doubts)
    if known.behind:
        now = set(known.view.uids)
        unsure.update(index for index in range(known.count) if known.uids[index] not in now)
    return Told(hits, unsure - hits, exact)


def _indexes(known: Numbers, uids: set[int]) -> set[int]:
    if len(uids) * 32 > known.count:  # looking through all is then cheaper than looking each up
        return set(compress(range(known.count), map(uids.__contains__, known.uids)))
    return {index for uid in uids if (index := known.index(uid)) >= 0}


def _addresses(value: bytes) -> str:
    """The bare addresses of a field: comments and blanks inside an address do not hide it."""
    found = [b"%b@%b" % (mailbox.local, mailbox.domain) for mailbox in parse_mailbox_list(value)]
    return fold(b" ".join(found).decode("utf-8", "replace"))


class Message:
    """One message's octets, and what was made of them so far."""

    __slots__ = ("_block", "_header", "_texts", "raw", "record")

    def __init__(self, raw: bytes, record: Record) -> None:
        self.raw = raw
        self.record = record
        self._block: HeaderBlock | None = None
        self._header: str | None = None
        self._texts: list[str] | None = None

    @property
    def octets(self) -> int:
        return len(self.raw)

    def holds(self, key: keys.Header | keys.InBody | keys.InText) -> bool:
        if isinstance(key, keys.Header):
            return self.holds_field(key.name, key.text, key.loose)
        if key.loose:
            return self._holds_loosely(key)
        if isinstance(key, keys.InText) and self.holds_header(key.text):
            return True
        return self.holds_body(key.text)

    def _holds_loosely(self, key: keys.InBody | keys.InText) -> bool:
        """The words may be anywhere, some in the header and some in the body; trace fields are no words of anybody."""
        texts = list(self._folded_texts())
        if isinstance(key, keys.InText):
            texts.append(fold(decoded_header(self.raw[self.record.prefix_octets :], self.record.parts, 0)))
        return holds_loosely("\n".join(texts), stems(key.text))

    def folded(self, with_header: bool) -> Folded:
        """To be kept for the next search."""
        if with_header:
            self.holds_header("")
        return Folded.of(BETWEEN.join(self._folded_texts()), self._header)

    def holds_field(self, name: bytes, text: str, loose: bool = False) -> bool:
        if self._block is None:
            self._block = split_block(self.raw)
        values = self._block.all(name)
        if not text:
            return bool(values)
        if loose:
            wanted = stems(text)
            return any(holds_loosely(fold(encoded_word.decode(value)), wanted) for value in values)
        if any(text in fold(encoded_word.decode(value)) for value in values):
            return True
        return name.upper() in _ADDRESSES and any(text in _addresses(value) for value in values)

    def holds_header(self, text: str) -> bool:
        if self._header is None:
            record = self.record
            self._header = fold(decoded_header(self.raw, record.parts, record.prefix_octets))
        return text in self._header

    def holds_body(self, text: str) -> bool:
        return any(text in one for one in self._folded_texts())

    def _folded_texts(self) -> list[str]:
        if self._texts is None:
            record = self.record
            self._texts = [fold(one) for one in decoded_text(self.raw, record.parts, record.prefix_octets)]
        return self._texts
