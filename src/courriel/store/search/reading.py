"""What is indexed of a body: words of its header, of its text, of its attachments."""

from __future__ import annotations

import msgspec

from courriel.formats.folding import fold, words
from courriel.formats.message.text import decoded_header, decoded_text


class Reading(msgspec.Struct, frozen=True):
    """``attached`` is folded text; its words are among those of the body."""

    header: set[str]
    body: set[str]
    attached: str = ""


def read(body: bytes, parts: bytes) -> Reading:
    """Raises Damaged when ``parts`` is no index of parts."""
    header = words(fold(decoded_header(body, parts, 0)))
    inside: set[str] = set()
    for text in decoded_text(body, parts, 0):
        inside |= words(fold(text))
    return Reading(header, inside)
