"""Text of attachments, for search: PDF, OOXML and OpenDocument.  What a file is, its first octets say, not its name.

To be run where time and memory are bounded from outside; sizes are bounded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from courriel.formats.archive.office import office_text
from courriel.formats.archive.pdf import pdf_text
from courriel.formats.message import transfer
from courriel.formats.message.index import Node, unpack
from courriel.formats.message.media import Kind

__all__ = ["FILE_OCTETS", "TEXT_CHARACTERS", "attached_text", "may_have_text"]

FILE_OCTETS: Final = 32 << 20
"""Larger files are not looked into; that is above the size of messages that most servers take."""
TEXT_CHARACTERS: Final = 2_000_000
"""Text kept of all attachments of a message: a book has a million."""

_SUBTYPES: Final = (b"pdf", b"openxmlformats", b"opendocument", b"octet-stream", b"zip", b"msword", b"ms-excel")


def may_have_text(parts: bytes) -> bool:
    """Whether there is an attachment to look into.  Raises Damaged."""
    return next(_files(unpack(parts)), None) is not None


def attached_text(raw: bytes, parts: bytes) -> Iterator[str]:
    """Pieces of text, until there is enough.  ``raw`` is a message as delivered.  Raises Damaged for ``parts`` only."""
    left = TEXT_CHARACTERS
    for node in _files(unpack(parts)):
        for text in _text(raw, node):
            yield text[:left]
            left -= len(text)
            if left <= 0:
                return


def _files(node: Node) -> Iterator[Node]:
    if node.kind is Kind.BASIC and any(word in node.subtype for word in _SUBTYPES):
        yield node
    for inner in node.nodes:
        yield from _files(inner)


def _text(raw: bytes, node: Node) -> Iterator[str]:
    if node.end - node.body > FILE_OCTETS * 4 // 3:
        return
    try:
        octets = transfer.decode(raw[node.body : node.end], node.encoding)
    except transfer.UnknownEncoding:
        return
    if octets.startswith(b"%PDF-"):
        yield from pdf_text(octets)
    elif octets.startswith(b"PK\x03\x04"):
        yield from office_text(octets)
