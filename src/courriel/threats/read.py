"""Raw bytes → View: a message read once, for all signals.

What a reader sees is chosen as mail programs do: the last kind of an alternative that is HTML (RFC 2046 §5.1.4), all
inline text of a mixed one; what is marked as an attachment is one.  Never raises; every piece is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from courriel.formats import charsets
from courriel.formats.message import transfer
from courriel.formats.message.fields import first
from courriel.formats.message.media import Kind as MediaKind
from courriel.formats.message.parse import Part, parse
from courriel.formats.parameters import parameters
from courriel.model.threat import Channel
from courriel.threats.reading import header
from courriel.threats.reading.language import language
from courriel.threats.reading.letters import fold, one_line
from courriel.threats.reading.markup import SOURCE_CHARACTERS, Markup, read_markup
from courriel.threats.reading.organisation import host_name, organisation
from courriel.threats.reading.urls import written
from courriel.threats.view import LINKS, TEXT_CHARACTERS, Arrival, Attachment, Context, Link, Person, View

__all__ = ["read"]

ATTACHMENTS: Final = 200
NAME_CHARACTERS: Final = 255
"""Of a file's name."""
TEXT_PARTS: Final = 20
"""Inline parts of text that are joined."""
_TEXT_OCTETS: Final = 4 * SOURCE_CHARACTERS
"""Of one encoded text part; base64 and quoted-printable need up to three times the room."""
_NOBODY: Final = Arrival()
_NOTHING: Final = Context()


@dataclass(slots=True)
class _Body:
    """What the parts of a message come to.  ``beside`` is plain text that has no HTML twin."""

    plain: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def read(
    raw: bytes,
    arrival: Arrival = _NOBODY,
    context: Context = _NOTHING,
    channel: Channel = Channel.MAIL,
    part: Part | None = None,
) -> View:
    """``part`` is ``raw`` as ``formats.message.parse`` reads it, where somebody has done that already.  What came by
    SMS or telephone is text in UTF-8 without a header."""
    if channel is not Channel.MAIL:
        return _told(raw, arrival, context, channel)
    fields, undecoded = header.fields(raw)
    body = _body(raw, parse(raw) if part is None else part)
    markup = read_markup("\n".join(body.html)) if body.html else Markup()
    plain = "\n".join(body.plain)[:TEXT_CHARACTERS]
    beside = one_line("\n".join(body.beside)[:TEXT_CHARACTERS]) if body.html else one_line(plain)
    visible = f"{markup.visible} {beside}".strip()[:TEXT_CHARACTERS] if body.html else beside
    links, links_in_all = _links(markup, beside)
    subject = next((one_line(value) for name, value in fields if name == "subject"), "")
    folded = fold(f"{subject}\n{visible}")
    return View(
        channel=channel,
        headers=fields,
        subject=subject,
        authors=_people(undecoded, "from"),
        sender=next(iter(_people(undecoded, "sender")), None),
        reply_to=_people(undecoded, "reply-to"),
        recipients=_people(undecoded, "to", "cc"),
        return_path=_return_path(arrival, undecoded),
        plain=plain,
        visible=visible,
        hidden=markup.hidden,
        folded=folded,
        links=links,
        links_in_all=links_in_all,
        scripts=tuple(markup.scripts),
        styles=markup.styles,
        images=markup.images,
        has_html=bool(body.html),
        attachments=tuple(body.attachments),
        hops=header.hops(fields),
        language=language(folded),
        arrival=arrival,
        context=context,
    )


def _told(raw: bytes, arrival: Arrival, context: Context, channel: Channel) -> View:
    text = charsets.decode(raw[: 4 * TEXT_CHARACTERS], "utf-8")[:TEXT_CHARACTERS]
    visible = one_line(text)
    links = tuple(written(visible, bare=True, most=LINKS))
    folded = fold(f"\n{visible}")
    return View(
        channel=channel,
        headers=(),
        subject="",
        authors=(),
        sender=None,
        reply_to=(),
        recipients=(),
        return_path=None,
        plain=text,
        visible=visible,
        hidden="",
        folded=folded,
        links=links,
        links_in_all=len(links),
        scripts=(),
        styles="",
        images=0,
        has_html=False,
        attachments=(),
        hops=(),
        language=language(folded),
        arrival=arrival,
        context=context,
    )


def _links(markup: Markup, beside: str) -> tuple[tuple[Link, ...], int]:
    """Those of the markup, then those that are written out in the text."""
    found = markup.links
    for text in (markup.outside, beside):
        found += written(text, bare=False, most=LINKS - len(found))
    return tuple(found[:LINKS]), max(markup.links_in_all, len(found))


def _people(undecoded: list[tuple[str, bytes]], *names: str) -> tuple[Person, ...]:
    return header.people([value for name, value in undecoded if name in names])


def _return_path(arrival: Arrival, undecoded: list[tuple[str, bytes]]) -> Person | None:
    """MAIL FROM as the server saw it; otherwise the field that a server left (RFC 5321 §4.4).  None for ``<>``."""
    if arrival.mail_from:
        local, at, domain = arrival.mail_from.strip("<>").rpartition("@")
        name = host_name(domain) if at else ""
        return Person("", local, name, organisation(name)) if at else None
    return next(iter(_people(undecoded, "return-path")), None)


# ------------------------------------------------------------------------------------------------- the parts


def _body(raw: bytes, root: Part) -> _Body:
    body = _Body()
    waiting = [(root, False)]
    while waiting:
        part, alternative = waiting.pop()
        if part.children:
            inside = alternative or part.media.full == b"multipart/alternative"
            waiting += [(child, inside) for child in reversed(part.children)]
            continue
        if part.media.kind is MediaKind.MULTIPART:
            continue
        _sort(body, raw, part, alternative)
    return body


def _sort(body: _Body, raw: bytes, part: Part, alternative: bool) -> None:
    disposition = (first(part.fields, b"content-disposition") or b"").lower()
    attached = disposition.startswith(b"attachment") or part.media.kind is not MediaKind.TEXT
    subtype = part.media.subtype
    texts = len(body.plain) + len(body.html)
    if attached or subtype not in (b"plain", b"html") or texts >= TEXT_PARTS:
        if len(body.attachments) < ATTACHMENTS and part.end > part.body:
            body.attachments.append(_attachment(raw, part, disposition))
        return
    text = charsets.decode(_decoded(raw, part, _TEXT_OCTETS), part.media.charset)
    if subtype == b"html":
        body.html.append(text[:SOURCE_CHARACTERS])
        return
    body.plain.append(text[:TEXT_CHARACTERS])
    if not alternative:
        body.beside.append(text[:TEXT_CHARACTERS])


def _attachment(raw: bytes, part: Part, disposition: bytes) -> Attachment:
    inline = disposition.startswith(b"inline") or (not disposition and b"content-id" in part.fields)
    octets = part.end - part.body
    if _encoding(part) == b"base64":
        octets = octets * 3 // 4
    return Attachment(
        name=_file_name(part),
        media_type=part.media.full.decode("ascii", "replace"),
        octets=octets,
        inline=inline,
        content=_content(raw, part),
    )


def _content(raw: bytes, part: Part) -> Callable[[int], bytes]:
    def content(octets: int) -> bytes:
        return _decoded(raw, part, octets * 3 + 1_024)[:octets]

    return content


def _decoded(raw: bytes, part: Part, most: int) -> bytes:
    octets = raw[part.body : min(part.end, part.body + most)]
    try:
        return transfer.decode(octets, _encoding(part))
    except transfer.UnknownEncoding:
        return octets


def _encoding(part: Part) -> bytes:
    return (first(part.fields, b"content-transfer-encoding") or b"").lower()


def _file_name(part: Part) -> str:
    """Of Content-Disposition, or else of Content-Type (RFC 2183 §2.3)."""
    for field_name, parameter in ((b"content-disposition", b"filename"), (b"content-type", b"name")):
        value = first(part.fields, field_name)
        if value is not None and (found := parameters(value).decoded.get(parameter)):
            return one_line(found)[:NAME_CHARACTERS]
    return ""
