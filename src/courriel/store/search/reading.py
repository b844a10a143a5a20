"""What is indexed of a body: words of its header, of its text, of its attachments."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.formats.folding import fold, words
from courriel.formats.message.attachments import attached_text
from courriel.formats.message.text import decoded_header, decoded_text
from courriel.store.search.bounds import TooLong, processor_time

ATTACHMENTS_S: Final = 5.0
"""Processor time for the attachments of one message; what was read until then counts."""


class Reading(msgspec.Struct, frozen=True):
    """``attached`` is folded text; its words are among those of the body."""

    header: set[str]
    body: set[str]
    attached: str = ""


def read(body: bytes, parts: bytes, attachments: bool) -> Reading:
    """Raises Damaged when ``parts`` is no index of parts."""
    header = words(fold(decoded_header(body, parts, 0)))
    inside: set[str] = set()
    for text in decoded_text(body, parts, 0):
        inside |= words(fold(text))
    attached = fold(_attached(body, parts)) if attachments else ""
    return Reading(header, inside | words(attached), attached)


def _attached(body: bytes, parts: bytes) -> str:
    texts: list[str] = []
    try:
        with processor_time(ATTACHMENTS_S):
            for text in attached_text(body, parts):
                texts.append(" ".join(text.split()))  # noqa: PERF401 - what there is so far stays when time is over
    except (TooLong, MemoryError, RecursionError):
        pass
    return "\n".join(texts)
