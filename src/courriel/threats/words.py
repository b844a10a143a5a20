"""What the choice of words says: hashed words, pairs of words and pieces of words, weighed by a learnt table.

A feature is the CRC-32 of a word, of two words in a row (the second chained to the first), or, for short texts of a
telephone, of 2 to 4 characters; a text is the set of its features.  A head (one question: is it malicious? is it a
smishing lure?) is a logistic regression over that set, each feature worth 1/√n.  All heads share one table from feature
to a number in which each head has a field of its own, so that one addition serves all heads.

The tables are made by ``tools.model`` and are package data (docs/threat-model.md).  Nothing is learnt here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Final
from zlib import crc32

from courriel.model.threat import EVIDENCE_CHARACTERS, Channel, Evidence
from courriel.threats import table
from courriel.threats.table import FIELD_BITS, OFFSET, Table
from courriel.threats.view import View

__all__ = ["TOKENS", "Opinion", "features", "opinion", "telling", "tokens"]

TOKENS: Final = 1_500
"""Words of a text that are looked at: 97 % of mail has fewer."""
PIECES_CHARACTERS: Final = 1_200
"""Characters of a text message or of a call whose pieces are looked at."""

_NUMBER: Final = re.compile(rb"[0-9][0-9.,:/-]*")
_TOKEN: Final = re.compile(rb"[a-z\x80-\xff]{1,24}|[0$!?%]")
_SIGNS: Final = re.compile("[\u00a0-\u00bf\u2000-\u20ab\u20ad-\u2bff\u3000-\u303f\ufe10-\ufe6f\U0001f000-\U0001faff]+")
"""Punctuation and pictures outside of ASCII; the euro sign is a word."""
_MASK: Final = (1 << FIELD_BITS) - 1
_FILES: Final = {Channel.MAIL: "mail", Channel.SMS: "sms", Channel.CALL: "call"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """``heads``: log-odds of each head, by its name.  ``known`` is the share of features that the table knows."""

    heads: Mapping[str, float]
    known: float


def tokens(folded: str) -> list[bytes]:
    """Words in order, numbers as ``0``.  ``folded`` as in ``View``."""
    if not folded.isascii():
        folded = _SIGNS.sub(" ", folded)
    return _TOKEN.findall(_NUMBER.sub(b"0", folded.encode("utf-8", "replace")))[:TOKENS]


def features(view: View) -> set[int]:
    """The set that stands for a text."""
    words = tokens(view.folded)
    ones = list(map(crc32, words))
    found = set(ones)
    found.update(map(crc32, words[1:], ones))
    if view.channel is not Channel.MAIL:
        found.update(_pieces(b" ".join(words)[:PIECES_CHARACTERS]))
    return found


def _pieces(text: bytes) -> set[int]:
    """Runs of 2 to 4 octets; the length stands in front, so that "an" the word and "an" the piece are two."""
    found: set[int] = set()
    for length in (2, 3, 4):
        start = crc32(b"\n%d" % length)
        found.update([crc32(text[at : at + length], start) for at in range(len(text) - length + 1)])
    return found


@cache
def model(channel: Channel) -> Table:
    """The shipped table of a channel."""
    return table.load(_FILES[channel])


def opinion(found: set[int], using: Table) -> Opinion:
    """What the heads say of a set of features."""
    known = using.entries.keys() & found
    packed = sum(map(using.entries.__getitem__, known))
    share = 1 / sqrt(len(found)) if found else 0.0
    zero = OFFSET * len(known)
    heads = {}
    for head in using.heads:
        heads[head.name] = head.bias + head.scale * share * ((packed & _MASK) - zero)
        packed >>= FIELD_BITS
    return Opinion(heads, len(known) / len(found) if found else 0.0)


def telling(view: View, using: Table, head: str, most: int = 6) -> tuple[Evidence, ...]:
    """The words of the message that moved a head most, in the direction in which it went."""
    at = [one.name for one in using.heads].index(head) * FIELD_BITS
    words = tokens(view.folded)
    ones = list(map(crc32, words))
    weights: dict[bytes, float] = {}
    for word, code in zip(words, ones, strict=True):
        if len(word) > 2 and code in using.entries:
            weights[word] = ((using.entries[code] >> at) & 0xFF) - OFFSET
    best = sorted((word for word in weights if weights[word] > 0), key=lambda word: -weights[word])[:most]
    return tuple(Evidence("text", word.decode("utf-8", "replace")[:EVIDENCE_CHARACTERS]) for word in best)
