"""The file of a table of words: features, and what each is worth to each head.  Written by ``tools.model``.

    "courriel-words" LF, version, SHA-256 of the rest in hexadecimal, each with LF
    JSON of the heads, with LF
    zlib: differences of the sorted features (uint32, little-endian), then for each head one signed octet a feature

About 3 octets a feature and 1 a head; no code is in it, and a file that is damaged is refused.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate
from sys import byteorder
from typing import Final

import msgspec

from courriel.base.errors import FormatError

VERSION: Final = 1
FIELD_BITS: Final = 24
"""Of each head in a packed entry: 255 × 65,000 features fit."""
OFFSET: Final = 128
"""What a weight of 0 is packed as, so that no field is negative."""
LARGEST: Final = 16 << 20
"""Octets of a table when unpacked."""

_MAGIC: Final = b"courriel-words"


class Head(msgspec.Struct, frozen=True):
    """One question.  A packed weight of 1 is worth ``scale``."""

    name: str
    bias: float
    scale: float


@dataclass(frozen=True, slots=True)
class Table:
    """``entries``: feature → the weights of all heads, the first in the lowest bits."""

    heads: tuple[Head, ...]
    entries: dict[int, int]


def load(name: str) -> Table:
    """A table that comes with the package."""
    return parse((files("courriel.threats") / "tables" / f"{name}.words").read_bytes())


def parse(raw: bytes) -> Table:
    """Raises FormatError."""
    try:
        magic, version, digest, rest = raw.split(b"\n", 3)
        if magic != _MAGIC or int(version) != VERSION:
            raise FormatError("table of words", 0, "version")
        if hashlib.sha256(rest).hexdigest().encode() != digest:
            raise FormatError("table of words", 0, "checksum")
        described, _, packed = rest.partition(b"\n")
        heads = tuple(msgspec.json.decode(described, type=list[Head]))
        body = zlib.decompressobj().decompress(packed, LARGEST)
    except (ValueError, zlib.error, msgspec.DecodeError) as error:
        raise FormatError("table of words", 0, str(error)) from error
    size, odd = divmod(len(body), 4 + len(heads))
    if odd:
        raise FormatError("table of words", 0, "length")
    return Table(heads, _entries(body, size, len(heads)))


def _entries(body: bytes, size: int, heads: int) -> dict[int, int]:
    steps = array("I")
    steps.frombytes(body[: 4 * size])
    if byteorder == "big":
        steps.byteswap()
    packed = [0] * size
    for number in range(heads):
        column = array("b")
        column.frombytes(body[(4 + number) * size : (5 + number) * size])
        shift = number * FIELD_BITS
        packed = [sum_ + ((weight + OFFSET) << shift) for sum_, weight in zip(packed, column, strict=True)]
    return dict(zip(accumulate(steps), packed, strict=True))


def render(heads: Sequence[Head], features: Sequence[int], columns: Sequence[Sequence[int]]) -> bytes:
    """The file.  ``features`` sorted and single; one column of weights (-127 to 127) a head."""
    steps = array("I", [one - other for one, other in zip(features, [0, *features[:-1]], strict=True)])
    if byteorder == "big":
        steps.byteswap()
    body = steps.tobytes() + b"".join([array("b", column).tobytes() for column in columns])
    rest = msgspec.json.encode(list(heads)) + b"\n" + zlib.compress(body, 9)
    digest = hashlib.sha256(rest).hexdigest().encode()
    return b"\n".join([_MAGIC, b"%d" % VERSION, digest, rest])
