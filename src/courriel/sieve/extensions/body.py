"""The test ``body``: raw, as decoded parts of some types, or as the text a person reads.  RFC 5173."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from courriel.formats import charsets
from courriel.formats.message import transfer
from courriel.formats.message.fields import first
from courriel.formats.message.html_text import html_text
from courriel.formats.message.media import Kind
from courriel.formats.message.parse import Part
from courriel.formats.message.structure import transfer_encoding
from courriel.sieve.headers import below
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.message import Message
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage

HTML_CHARACTERS: Final = 262_144
"""``sieve.html_characters``: of an HTML part its beginning is read as words: 45 ms where it is made of tags alone."""


def octets_of(message: Message, part: Part) -> bytes:
    """A part's octets, its transfer encoding undone; as they are where nobody knows it."""
    raw = message.content[part.body : part.end]
    encoding = first(part.fields, b"content-transfer-encoding")
    try:
        return transfer.decode(raw, transfer_encoding(encoding).lower()) if encoding else raw
    except transfer.UnknownEncoding:
        return raw


def text_of(message: Message, part: Part, *, readable: bool) -> str:
    """A part as text; ``readable``: HTML as its words."""
    charset = part.media.charset if part.media.kind is Kind.TEXT else None
    text = charsets.decode(octets_of(message, part), charset)
    return html_text(text[:HTML_CHARACTERS]) if readable and part.media.full == b"text/html" else text


def _parts(message: Message) -> Iterator[Part]:
    yield message.tree
    yield from below(message.tree)


def _raw(run: Run) -> list[str]:
    message = run.message
    return [message.content[message.tree.body :].decode("utf-8", "replace")]


def _text(run: Run) -> list[str]:
    found = []
    for part in _parts(run.message):
        run.check_time()
        if part.media.kind is Kind.TEXT:
            found.append(text_of(run.message, part, readable=True))
    return found


def _content(run: Run, types: tuple[str, ...]) -> list[str]:
    found = []
    for part in _parts(run.message):
        run.check_time()
        if any(_is_of(part, one.lower()) for one in types):
            found += _contents(run.message, part)
    return found


def _is_of(part: Part, wanted: str) -> bool:
    """RFC 5173 §5.2: "" is every type; what is written wrongly is none."""
    full = part.media.full.decode("utf-8", "replace")
    return not wanted or full == wanted or (wanted.count("/") == 0 and full.partition("/")[0] == wanted)


def _contents(message: Message, part: Part) -> list[str]:
    """Of a message inside its header, of a multipart what stands around its parts (ibid.)."""
    content = message.content
    if part.message is not None:
        return [content[part.body : part.message.body].decode("utf-8", "replace")]
    if part.media.kind is Kind.MULTIPART:
        start = part.children[0].start if part.children else part.end
        end = part.children[-1].end if part.children else part.end
        return [
            content[part.body : start].decode("utf-8", "replace"),
            content[end : part.end].decode("utf-8", "replace"),
        ]
    return [text_of(message, part, readable=False)]


def _body(given: Given) -> TestFunction:
    match, types = matcher(given, given.texts(0)), given.tag_texts("content")
    source: Callable[[Run], list[str]] = _raw if given.has("raw") else _text
    if types is not None:
        wanted = types
        return lambda run: match(run, _content(run, wanted(run)))
    return lambda run: match(run, source(run))


COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {
    "body": Usage(
        _body,
        (Takes.STRINGS,),
        {
            **MATCH_TAGS,
            "raw": TagUsage(group="body"),
            "text": TagUsage(group="body"),
            "content": TagUsage(Takes.STRINGS, group="body"),
        },
        ("body",),
    )
}
