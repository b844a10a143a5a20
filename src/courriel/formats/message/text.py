"""What a reader would read: decoded text of a message's parts, for search, and its preview.  RFC 8970.

Offsets come from the index made at delivery; charsets and encodings are read leniently and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from courriel.formats import charsets, encoded_word
from courriel.formats.message import transfer
from courriel.formats.message.html_text import html_text
from courriel.formats.message.index import Node, unpack
from courriel.formats.message.media import Kind

__all__ = ["PREVIEW_CHARACTERS", "decoded_header", "decoded_text", "header_text", "preview"]

PREVIEW_CHARACTERS = 200
"""RFC 8970 §3.1: a preview has at most 200 characters."""
_PLAIN_SOURCE_OCTETS = (512, 8_192)
"""Octets of a plain part that a preview looks at, first and if need be: quoted lines may come first."""
_HTML_SOURCE_OCTETS = (4_096, 65_536)
"""Octets of an HTML part that a preview looks at, first and if need be: style sheets come first and are long."""

_FOLD = re.compile(rb"\r?\n[ \t]")
# Invisible characters that senders pad previews with, and those that turn the direction of what follows.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x34F, 0x61C, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
    + [code for code in range(0xA0) if (code < 32 or code >= 127) and code not in (9, 10, 11, 12, 13)]
)


def decoded_text(raw: bytes, parts: bytes, prefix_octets: int) -> Iterator[str]:
    """Text of every text part in order, HTML as its words; headers of messages inside, decoded (SEARCH BODY)."""
    return _texts(raw, unpack(parts), prefix_octets)


def decoded_header(raw: bytes, parts: bytes, prefix_octets: int) -> str:
    """The message's own header, unfolded and with encoded words decoded (SEARCH TEXT, SEARCH HEADER)."""
    return header_text(raw[: unpack(parts).body + prefix_octets])


def _texts(raw: bytes, node: Node, prefix_octets: int) -> Iterator[str]:
    if node.kind is Kind.TEXT:
        yield _text(raw[node.body + prefix_octets : node.end + prefix_octets], node, None)
        return
    for inner in node.nodes:
        if node.kind is Kind.MESSAGE:
            yield header_text(raw[inner.start + prefix_octets : inner.body + prefix_octets])
        yield from _texts(raw, inner, prefix_octets)


def header_text(raw: bytes) -> str:
    """Header fields, unfolded and with encoded words decoded."""
    return encoded_word.decode(_FOLD.sub(b" ", raw))


def _text(body: bytes, node: Node, limit: int | None) -> str:
    try:
        octets = transfer.decode(body, node.encoding)
    except transfer.UnknownEncoding:
        octets = body
    text = charsets.decode(octets, node.charset or None)
    return html_text(text, limit) if node.subtype == b"html" else text


def preview(raw: bytes, root: Node) -> str:
    """The first words of the message, at most ``PREVIEW_CHARACTERS``; empty where there are none to show.

    ``root`` is the index of ``raw``, without trace fields in front.  Quoted lines (">") come only if nothing else
    does.
    """
    seen_html: Node | None = None
    for node in _leaves(root):
        if node.subtype == b"html":
            seen_html = seen_html or node
        elif words := _plain_words(raw, node):
            return words
    return _html_words(raw, seen_html) if seen_html is not None else ""


_MAX_LEAVES = 8
"""Text parts that a preview looks at."""


def _leaves(root: Node) -> Iterator[Node]:
    """Text parts in order, those of attached messages left out."""
    waiting = [root]
    found = 0
    while waiting:
        node = waiting.pop()
        if node.kind is Kind.TEXT:
            yield node
            found += 1
            if found == _MAX_LEAVES:
                return
        elif node.kind is Kind.MULTIPART:
            waiting.extend(reversed(node.nodes[:_MAX_LEAVES]))


def _plain_words(raw: bytes, node: Node) -> str:
    words = ""
    for octets in _PLAIN_SOURCE_OCTETS:
        text = _text(raw[node.body : min(node.end, node.body + octets)], node, None)
        words = _words(text)
        if text.startswith(">") or "\n>" in text:
            fresh = _words("\n".join([line for line in text.splitlines() if not line.startswith(">")]))
            words = fresh or words
        if len(words) > PREVIEW_CHARACTERS // 2 or node.body + octets >= node.end:
            break
    return words


def _html_words(raw: bytes, node: Node) -> str:
    words = ""
    for octets in _HTML_SOURCE_OCTETS:
        words = _words(_text(raw[node.body : min(node.end, node.body + octets)], node, 2 * PREVIEW_CHARACTERS))
        if len(words) > PREVIEW_CHARACTERS // 2 or node.body + octets >= node.end:
            break
    return words


def _words(text: str) -> str:
    text = " ".join(text[: 16 * PREVIEW_CHARACTERS].split())
    if not text.isprintable():
        text = " ".join(text.translate(_INVISIBLE).split())
    return text[:PREVIEW_CHARACTERS].rstrip()
