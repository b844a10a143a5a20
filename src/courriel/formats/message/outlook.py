"""A message that Outlook saved (.msg) as a message of mail.  [MS-OXMSG] 2, property ids [MS-OXPROPS] 2.

    compound file
      __properties_version1.0                 fixed properties: times, code page
      __substg1.0_iiiitttt                    a property: id, type (001F UTF-16, 001E code page, 0102 octets)
      __attach_version1.0_#nnnnnnnn/…         an attachment, with properties of its own; 3701000D is a message in it

The header that came over the wire is kept where Outlook kept it; otherwise one is made of the properties.  Text that
stands only in RTF is not read.  Sizes and numbers are bounded: streams of a compound file may share their sectors.
"""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats import dates, encoded_word

__all__ = ["MAGIC", "message_of"]

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""[MS-CFB] 2.2: how a compound file begins."""
TOTAL_OCTETS: Final = 64 << 20
"""``outlook.total_octets``: read of all streams together."""
INSIDE: Final = 1_000
"""``outlook.inside``: attachments of one message, and recipients."""
DEPTH: Final = 5
"""``outlook.depth``: messages attached to messages."""
HEADER_CHARACTERS: Final = 1 << 20
"""``outlook.header_characters``: of the header that was kept, and of any name."""

_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
"""[MS-DTYP] 2.3.3: FILETIME counts from here, in 100 ns."""
_OURS: Final = re.compile(r"(?:content-[^:\s]*|mime-version)[ \t]*:", re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f]+")
_FIELD: Final = re.compile(r"[!-9;-~]+[ \t]*:")
_MEDIA: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}")


def message_of(octets: bytes) -> bytes:
    """The message with CRLF line ends; text parts in UTF-8 and base64.  Raises FormatError."""
    import olefile  # for those who have such files

    try:
        with olefile.OleFileIO(io.BytesIO(octets)) as file:
            return _Reader(file).message((), 0)
    except FormatError:
        raise
    except Exception as error:  # a hostile file makes it raise anything: it is no message then
        raise FormatError("msg", 0, "[MS-OXMSG] 2") from error


class _Reader:
    """Reads one compound file, up to TOTAL_OCTETS."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = TOTAL_OCTETS
        self._streams = {tuple(path) for path in file.listdir(streams=True, storages=True)}

    def message(self, at: tuple[str, ...], depth: int) -> bytes:
        """The message whose storage is ``at``; () is the file itself."""
        fixed = self._fixed(at, 32 if not at else 24)
        charset = _charset(fixed.get(0x3FDE, 0))
        header = list(self._header(at, fixed, charset))
        parts = [*self._bodies(at, charset), *self._attachments(at, charset, depth)]
        boundary = f"=_msg_{depth}"  # base64 has no hyphen, so no line of a part can be it
        lines = [*header, "MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"', ""]
        body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
        return "\r\n".join([*lines, ""]).encode("utf-8", "replace") + body + b"--%b--\r\n" % boundary.encode()

    # -- header

    def _header(self, at: tuple[str, ...], fixed: dict[int, int], charset: str) -> Iterator[str]:
        kept = self._text(at, 0x007D, charset)[:HEADER_CHARACTERS]
        if kept.strip():
            yield from _fields(kept)
            return
        address = self._text(at, 0x5D01, charset) or self._text(at, 0x0C1F, charset)
        yield f"From: {_phrase(self._text(at, 0x0C1A, charset))} <{_UNSAFE.sub('', address)[:320]}>"
        if to := list(self._recipients(at, charset)):
            yield "To: " + ",\r\n ".join(to)
        yield f"Subject: {_encoded(self._text(at, 0x0037, charset))}"
        if (ticks := fixed.get(0x0039) or fixed.get(0x0E06)) and ticks < 1 << 62:
            yield f"Date: {_date(ticks)}"
        if name := self._text(at, 0x1035, charset):
            yield f"Message-ID: {_UNSAFE.sub('', name)[:998]}"

    def _recipients(self, at: tuple[str, ...], charset: str) -> Iterator[str]:
        for inside in self._inside(at, "__recip_version1.0_#"):
            address = self._text(inside, 0x39FE, charset) or self._text(inside, 0x3003, charset)
            yield f"{_phrase(self._text(inside, 0x3001, charset))} <{_UNSAFE.sub('', address)[:320]}>"

    # -- parts

    def _bodies(self, at: tuple[str, ...], charset: str) -> Iterator[bytes]:
        """Plain text and HTML as alternatives, or whichever there is."""
        plain = self._text(at, 0x1000, charset)
        html = self._html(at, charset)
        found = []
        if plain.strip():
            found.append(_part("text/plain; charset=utf-8", plain.encode("utf-8", "replace")))
        if html.strip():
            found.append(_part("text/html; charset=utf-8", html.encode("utf-8", "replace")))
        if len(found) < 2:
            yield from found
            return
        yield b'Content-Type: multipart/alternative; boundary="=_alt"\r\n\r\n' + b"".join(
            [*(b"--=_alt\r\n%b\r\n" % part for part in found), b"--=_alt--\r\n"]
        )

    def _html(self, at: tuple[str, ...], charset: str) -> str:
        octets = self._octets(at, 0x1013, "0102")
        return octets.decode(charset, "replace") if octets else self._text(at, 0x1013, charset)

    def _attachments(self, at: tuple[str, ...], charset: str, depth: int) -> Iterator[bytes]:
        for inside in self._inside(at, "__attach_version1.0_#"):
            yield self._attachment(inside, charset, depth)

    def _inside(self, at: tuple[str, ...], prefix: str) -> list[tuple[str, ...]]:
        """The storages in ``at`` whose names begin with ``prefix``, in order."""
        start = len(at)
        names = {
            path[start]
            for path in self._streams
            if len(path) > start and path[:start] == at and path[start].startswith(prefix)
        }
        return [(*at, name) for name in sorted(names)[:INSIDE]]

    def _attachment(self, at: tuple[str, ...], charset: str, depth: int) -> bytes:
        inner = (*at, "__substg1.0_3701000D")
        if inner in self._streams and depth + 1 < DEPTH:
            return b"Content-Type: message/rfc822\r\n\r\n" + self.message(inner, depth + 1)
        name = self._text(at, 0x3707, charset) or self._text(at, 0x3704, charset) or self._text(at, 0x3001, charset)
        media = self._text(at, 0x370E, charset)
        media = media if _MEDIA.fullmatch(media) else "application/octet-stream"
        content_id = _UNSAFE.sub("", self._text(at, 0x3712, charset))[:200]
        quoted = _encoded(name).replace('"', "'")
        disposition = "inline" if content_id else "attachment"
        fields = f'{media}; name="{quoted}"\r\nContent-Disposition: {disposition}; filename="{quoted}"'
        if content_id:
            fields += f"\r\nContent-ID: <{content_id.strip('<>')}>"
        return _part(fields, self._octets(at, 0x3701, "0102"))

    # -- properties

    def _text(self, at: tuple[str, ...], number: int, charset: str) -> str:
        octets = self._octets(at, number, "001F")
        if octets:
            return octets.decode("utf-16-le", "replace").rstrip("\0")
        return self._octets(at, number, "001E").decode(charset, "replace").rstrip("\0")

    def _octets(self, at: tuple[str, ...], number: int, kind: str) -> bytes:
        return self._stream((*at, f"__substg1.0_{number:04X}{kind}"))

    def _stream(self, path: tuple[str, ...]) -> bytes:
        if path not in self._streams:
            return b""
        size = self._file.get_size(list(path))
        if size > self._left:
            raise LimitExceeded("msg", 0, "outlook.total_octets")
        self._left -= size
        return bytes(self._file.openstream(list(path)).read())

    def _fixed(self, at: tuple[str, ...], header: int) -> dict[int, int]:
        """Properties of a fixed size by id, as whole numbers.  [MS-OXMSG] 2.4.2.2."""
        entries = self._stream((*at, "__properties_version1.0"))[header:]
        return {
            int.from_bytes(entries[place + 2 : place + 4], "little"): int.from_bytes(
                entries[place + 8 : place + (16 if entries[place] == 0x40 else 12)], "little"
            )
            for place in range(0, len(entries) - 15, 16)
        }


def _fields(kept: str) -> Iterator[str]:
    """The fields of a header that was kept, without those that speak of the parts, which are made anew."""
    ours = True
    for line in kept.replace("\r\n", "\n").split("\n"):
        if line[:1] not in (" ", "\t"):
            ours = _OURS.match(line) is None and _FIELD.match(line) is not None
        if ours and line.strip():
            yield line.replace("\r", "").replace("\0", "")


def _part(fields: str, content: bytes) -> bytes:
    encoded = b"".join(
        binascii.b2a_base64(content[at : at + 57]).replace(b"\n", b"\r\n") for at in range(0, len(content), 57)
    )
    head = f"Content-Type: {fields}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("utf-8", "replace") + encoded


def _encoded(text: str) -> str:
    return encoded_word.encode_unstructured(_UNSAFE.sub(" ", text)[:2_000]).decode("ascii").replace("\r\n", "")


def _phrase(text: str) -> str:
    return encoded_word.encode_phrase(_UNSAFE.sub(" ", text)[:2_000]).decode("ascii").replace("\r\n", "")


def _date(ticks: int) -> str:
    try:
        return dates.render(_EPOCH + timedelta(microseconds=ticks // 10)).decode("ascii")
    except OverflowError:
        return ""


def _charset(code_page: int) -> str:
    """Of what is in no Unicode.  PidTagInternetCodepage, [MS-OXPROPS] 2.746."""
    known = {65001: "utf-8", 20127: "ascii", 28591: "iso-8859-1", 28605: "iso-8859-15", 0: "cp1252"}
    name = known.get(code_page, f"cp{code_page}")
    try:
        b"".decode(name)
    except LookupError:
        return "cp1252"
    return name
