"""Building a message: header, text, an HTML form of it, attachments.  RFC 5322 §3.6, RFC 2045–2047, RFC 2231.

    text                                   text/plain
    text and HTML                          multipart/alternative
    either, with attachments               multipart/mixed around it

What comes out is 7bit: text is sent as it is where it is short-lined ASCII, else quoted-printable or base64,
whichever is shorter; names and subjects are encoded words.  Lines are at most 78 octets where a fold is possible,
998 always (RFC 5322 §2.1.1).  No value can end a line of the header: encoders turn CR, LF and NUL into spaces, and
what goes in unencoded (ids, addresses, media types) is refused with ``FormatError`` where it has any.
The clock, the id and the boundary seed are handed in.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import dates, encoded_word
from courriel.formats.address import Path, render_mailbox

__all__ = [
    "Attachment",
    "Draft",
    "Person",
    "build",
    "file_part",
    "header",
    "multipart",
    "quoted_printable",
    "text_part",
]

LINE_OCTETS = 78
"""RFC 5322 §2.1.1: lines should not be longer."""
_BASE64_LINE_OCTETS = 57
"""Octets that make one base64 line of 76 (RFC 2045 §6.8)."""


class Person(msgspec.Struct, frozen=True):
    """A display name (may be empty) and an address."""

    name: str
    path: Path


class Attachment(msgspec.Struct, frozen=True):
    """A file to go with the text; ``media`` is ``type/subtype``, ``charset`` only for text that says one."""

    name: str
    content: bytes
    media: str = "application/octet-stream"
    inline: bool = False
    content_id: str = ""
    """Without angle brackets; empty for none."""


class Draft(msgspec.Struct, frozen=True):
    """All that ``build`` needs.  ``message_id`` and the ids of ``references`` with their angle brackets."""

    sender: Person
    date: datetime
    message_id: str
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    reply_to: tuple[Person, ...] = ()
    subject: str = ""
    text: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    """Further fields of unstructured text, such as ("User-Agent", "courriel")."""


def build(draft: Draft, boundary_seed: str) -> bytes:
    """The message with CRLF line ends.

    ``boundary_seed`` (letters and digits) makes the boundaries; handed the same draft and seed, the bytes are the
    same.  A boundary that happens to stand in a part is lengthened.  Bcc is never written.
    """
    return header(draft) + _body(draft, boundary_seed)


_SEED = re.compile(r"[A-Za-z0-9]{1,40}")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~\x80-\U0010ffff]{1,900}>")
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,900}")
_MEDIA = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_LINE_END = re.compile(r"\r\n|\r|\n")


# -- header


def header(draft: Draft) -> bytes:
    """The fields of the message, those of its body (Content-…) left out, and no empty line."""
    lines = [_people(b"From", (draft.sender,))]
    for name, people in ((b"Reply-To", draft.reply_to), (b"To", draft.to), (b"Cc", draft.cc)):
        if people:
            lines.append(_people(name, people))
    lines.append(_unstructured("Subject", draft.subject))
    lines.append(_date(draft.date))
    lines.append(_ids(b"Message-ID", (draft.message_id,)))
    if draft.in_reply_to:
        lines.append(_ids(b"In-Reply-To", (draft.in_reply_to,)))
    if draft.references:
        lines.append(_ids(b"References", draft.references))
    lines += [_unstructured(name, text) for name, text in draft.extra]
    lines.append(b"MIME-Version: 1.0\r\n")
    return b"".join(lines)


def _unstructured(name: str, text: str) -> bytes:
    if not _FIELD_NAME.fullmatch(name):
        raise FormatError("field name", rule="RFC 5322 §3.6.8")
    head = name.encode("ascii") + b": "
    return head + encoded_word.encode_unstructured(text, len(head)) + b"\r\n"


def _people(name: bytes, people: tuple[Person, ...]) -> bytes:
    line = name + b":"
    used = len(line)
    for number, person in enumerate(people):
        comma = b"," if number else b""
        shown = render_mailbox(person.name, person.path, 1)
        if b"\0" in shown or b"\n" in shown.replace(b"\r\n ", b"") or b"\r" in shown.replace(b"\r\n ", b""):
            raise FormatError("address", rule="no line ends")
        first = shown.find(b"\r\n")
        width = len(shown) if first < 0 else first
        if used > len(name) + 1 and used + width + 3 > LINE_OCTETS:
            line += comma + b"\r\n " + shown
            used = 1 + len(shown)
        else:
            line += comma + b" " + shown
            used += 2 + len(shown)
        if first >= 0:
            used = len(shown) - shown.rfind(b"\n")
    return line + b"\r\n"


def _ids(name: bytes, ids: tuple[str, ...]) -> bytes:
    for found in ids:
        if not _MESSAGE_ID.fullmatch(found):
            raise FormatError("message id", rule="RFC 5322 §3.6.4")
    return name + b": " + b"\r\n ".join([found.encode("utf-8") for found in ids]) + b"\r\n"


def _date(moment: datetime) -> bytes:
    if moment.utcoffset() is None:
        raise FormatError("date", rule="a time zone is needed")
    return b"Date: " + dates.render(moment) + b"\r\n"


# -- body


def _body(draft: Draft, seed: str) -> bytes:
    part = text_part(b"text/plain", draft.text)
    if draft.html is not None:
        part = multipart(b"alternative", [part, text_part(b"text/html", draft.html)], "a", seed)
    if draft.attachments:
        parts = [part, *[file_part(attachment) for attachment in draft.attachments]]
        part = multipart(b"mixed", parts, "m", seed)
    return part


def text_part(media: bytes, text: str) -> bytes:
    """One part of text: its header fields, the empty line, and its body in whatever encoding it needs."""
    body = _LINE_END.sub("\r\n", text.replace("\0", "")).encode("utf-8", "replace")
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    encoding, encoded = _encoded(body)
    charset = b"us-ascii" if body.isascii() else b"utf-8"
    return b"Content-Type: %b; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (
        *(media, charset),
        *(encoding, encoded),
    )


def file_part(attachment: Attachment) -> bytes:
    """One part that is a file, as ``text_part``."""
    if not _MEDIA.fullmatch(attachment.media) or attachment.media.lower().startswith(("multipart/", "message/")):
        raise FormatError("media type", rule="RFC 2045 §5.1")
    kind = b"inline" if attachment.inline else b"attachment"
    head = b"Content-Type: " + attachment.media.encode("ascii")
    disposition = b"Content-Disposition: " + kind
    if attachment.name:
        # Old readers know only ``name``, and only as an encoded word in quotes; new ones prefer RFC 2231.
        head += b';\r\n name="' + _fallback(attachment.name) + b'"'
        disposition += b";\r\n " + encoded_word.encode_parameter(b"filename", attachment.name)
    lines = [head, disposition, b"Content-Transfer-Encoding: base64"]
    if attachment.content_id:
        if not _CONTENT_ID.fullmatch(attachment.content_id):
            raise FormatError("content id", rule="RFC 2045 §7")
        lines.append(b"Content-ID: <" + attachment.content_id.encode("ascii") + b">")
    return b"\r\n".join(lines) + b"\r\n\r\n" + _base64(attachment.content)


def _fallback(name: str) -> bytes:
    shown = encoded_word.encode_unstructured(name)
    return shown.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def multipart(subtype: bytes, parts: list[bytes], mark: str, seed: str) -> bytes:
    """Parts (header, empty line, body each) as one; ``subtype`` with parameters, if it has any.

    ``mark`` tells the boundaries of one message from each other; see ``build`` for ``seed``.
    """
    if not _SEED.fullmatch(seed):
        raise FormatError("boundary seed", rule="1 to 40 letters and digits")
    boundary = f"=_{mark}_{seed}".encode("ascii")
    while any(b"--" + boundary in part for part in parts):
        boundary += b"_"
    delimiter = b"\r\n--" + boundary
    inside = b"".join([delimiter + b"\r\n" + part for part in parts])
    return b'Content-Type: multipart/%b;%bboundary="%b"\r\n\r\n%b\r\n%b--\r\n' % (
        *(subtype, b"\r\n " if b";" in subtype else b" ", boundary),
        *(inside[2:], delimiter[2:]),
    )


def _encoded(body: bytes) -> tuple[bytes, bytes]:
    if body.isascii() and all(len(line) <= LINE_OCTETS for line in body.split(b"\r\n")):
        return b"7bit", body
    quoted = quoted_printable(body)
    plain = _base64(body)
    return (b"quoted-printable", quoted) if len(quoted) <= len(plain) * 1.2 else (b"base64", plain)


def quoted_printable(body: bytes) -> bytes:
    """Text with CRLF line ends as RFC 2045 §6.7 writes it."""
    # b2a_qp takes CRLF for a line end and encodes blanks before it; what it breaks softly it breaks with CRLF
    # only if the data's first line end is one.
    quoted = binascii.b2a_qp(body, istext=True)
    return quoted.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _base64(content: bytes) -> bytes:
    step = _BASE64_LINE_OCTETS
    lines = [binascii.b2a_base64(content[at : at + step], newline=False) for at in range(0, len(content), step)]
    return b"\r\n".join(lines) + b"\r\n" if lines else b""
