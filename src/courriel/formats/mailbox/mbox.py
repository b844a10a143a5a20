"""mbox: many messages in one stream, each begun by a ``From `` line.  RFC 4155 and the mboxo/mboxrd practice.

Read: a ``From `` line begins a message where it opens the stream or follows an empty line and looks like one (an
hour and a year in it), since bodies hold lines such as ``From there we went on``.  ``>From `` loses one ``>``
(mboxrd; mboxo wrote the same).  ``Content-Length`` (mboxcl) is never trusted.  Written: mboxrd.

Flags travel in ``Status``, ``X-Status`` and ``X-Keywords`` fields.  The reader takes them out of the header, the
writer puts them at its end, so that what is exported and imported again is the same message.  Pure: the stream is
handed in as pieces of any size, and nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from courriel.formats import dates, header

MESSAGE_OCTETS = 256 * 1_048_576
"""``mbox.message_octets``: a larger message is passed over and reported as ``Oversized``."""
FROM_LINE_OCTETS = 1_000
"""``mbox.from_line_octets``: a longer line is text, whatever it begins with."""


class Message(msgspec.Struct, frozen=True):
    """One message out of an mbox."""

    offset: int
    """Octets of the stream before its ``From `` line: where an interrupted import goes on."""
    sender: bytes
    received_at: datetime | None
    """From the ``From `` line, which is UTC by RFC 4155; None where it cannot be read."""
    flags: frozenset[str]
    r"""IMAP system flags (``\Seen``) and keywords."""
    raw: bytes


class Oversized(msgspec.Struct, frozen=True):
    """A message over ``mbox.message_octets``, passed over."""

    offset: int
    size_octets: int


# Hour and year are looked for one after the other from the same place, so the line is read three times, not n².
_FROM_LINE = re.compile(rb"From (?:(\S++)[ \t]++)?((?=[^\r\n]*?[0-9]:[0-9]{2})(?=[^\r\n]*?[0-9]{4})[^\r\n]*+)\r?\n?")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_TO_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_LONE_LF = re.compile(rb"(?<!\r)\n")
_STATUS_FIELDS = frozenset({b"status", b"x-status", b"x-keywords"})
_LETTERS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
_NEXT = b"\nFrom "


def read(pieces: Iterable[bytes], *, crlf: bool = True, limit: int = MESSAGE_OCTETS) -> Iterator[Message | Oversized]:
    """Every message of the stream, in order; ``crlf`` gives it CRLF line ends, as the store wants.

    What stands before the first ``From `` line is no message and is passed over.
    """
    for offset, size, block in _blocks(pieces, limit):
        if block is None:
            yield Oversized(offset, size)
        elif (line := _FROM_LINE.match(block[: FROM_LINE_OCTETS + 2])) is not None:
            yield _message(offset, line[1] or b"", line[2], block[_line_end(block) :], crlf)
        elif offset == 0 and block.startswith(b"From "):
            yield _message(offset, block[5 : _line_end(block)].strip(), b"", block[_line_end(block) :], crlf)


def _line_end(block: bytes) -> int:
    end = block.find(b"\n")
    return len(block) if end < 0 else end + 1


def _blocks(pieces: Iterable[bytes], limit: int) -> Iterator[tuple[int, int, bytes | None]]:
    """(offset, octets, bytes or None where over the limit) from each ``From `` line to the next."""
    buffer = bytearray()
    start = 0  # offset of buffer[0] in the stream
    dropped = 0  # octets of this message thrown away because it is over the limit
    searched = 0
    for piece in pieces:
        buffer += piece
        while (border := _border(buffer, searched)) is not None:
            at, decided = border
            if not decided:
                searched = at
                break
            size = dropped + at
            yield start, size, None if size > limit else bytes(buffer[:at])
            del buffer[:at]
            start, dropped, searched = start + size, 0, 0
        else:
            searched = max(searched, len(buffer) - len(_NEXT) - 2, 0)
        if dropped + len(buffer) > limit and len(buffer) > _KEEP_OCTETS:
            cut = min(len(buffer) - _KEEP_OCTETS, max(searched - 3, 0))
            dropped += cut
            del buffer[:cut]
            searched -= cut
    at = 0
    while (border := _border(buffer, max(searched, at), last=True)) is not None:
        end = border[0]
        yield start, dropped + end - at, None if dropped + end - at > limit else bytes(buffer[at:end])
        start, dropped, at, searched = start + dropped + end - at, 0, end, end
    if at < len(buffer) or dropped:
        size = dropped + len(buffer) - at
        yield start, size, None if size > limit else bytes(buffer[at:])


_KEEP_OCTETS = FROM_LINE_OCTETS + 64


def _border(buffer: bytearray, searched: int, *, last: bool = False) -> tuple[int, bool] | None:
    """(offset of the next ``From `` line, True), (where to look again with more octets, False), or None."""
    at = searched
    while (found := buffer.find(_NEXT, at)) >= 0:
        before = bytes(buffer[max(found - 2, 0) : found])
        if found == 0 or before[-1:] == b"\n" or before in (b"\n\r", b"\r"):
            end = buffer.find(b"\n", found + 1, found + 1 + FROM_LINE_OCTETS)
            if end < 0 and not last and len(buffer) < found + 1 + FROM_LINE_OCTETS:
                return found, False
            if _FROM_LINE.match(bytes(buffer[found + 1 : found + 1 + FROM_LINE_OCTETS])) is not None:
                return found + 1, True
        at = found + 1
    return None


def _message(offset: int, sender: bytes, date: bytes, raw: bytes, crlf: bool) -> Message:
    if raw.endswith(b"\r\n\r\n"):  # the empty line before the next From line belongs to the mbox
        raw = raw[:-2]
    elif raw.endswith(b"\n\n"):
        raw = raw[:-1]
    if b"\n>" in raw or raw.startswith(b">"):
        raw = _QUOTED_FROM.sub(rb"\1", raw)
    raw, flags = _take_status(raw)
    if crlf:
        raw = _LONE_LF.sub(b"\r\n", raw)
    moment = dates.parse(date.strip()) if date else None
    return Message(offset, sender, moment, flags, raw)


def _take_status(raw: bytes) -> tuple[bytes, frozenset[str]]:
    """The message without its status fields, and what they say."""
    block = header.split_block(raw)
    kept: list[bytes] = []
    flags: set[str] = set()
    at = 0
    for field in block.fields:
        if field.name.lower() not in _STATUS_FIELDS:
            continue
        kept.append(raw[at : field.start])
        at = field.end
        value = header.unfold(raw[field.value_start : field.end]).decode("utf-8", "replace")
        if field.name.lower() == b"x-keywords":
            flags.update(value.split())
        else:
            flags.update(_LETTERS[letter] for letter in value if letter in _LETTERS)
    kept.append(raw[at:])
    return b"".join(kept), frozenset(flags)


def render(sender: bytes, received_at: datetime, flags: Iterable[str], raw: bytes) -> bytes:
    """One message as mboxrd with LF line ends: From line, status fields, quoted body and an empty line."""
    at = received_at.astimezone(UTC)
    day, month = dates.render(at)[:3], dates.render_date(at.date()).split(b"-")[1]
    line = b"From %b %b %b %2d %02d:%02d:%02d %d\n" % (
        *(_word(sender) or b"MAILER-DAEMON", day, month, at.day, at.hour, at.minute, at.second),
        at.year,
    )
    text = raw.replace(b"\r\n", b"\n")
    body = header.split_block(text).body
    blank = 1 if text[:body].endswith(b"\n\n") or text[:body] == b"\n" else 0
    head = text[: body - blank]
    if head and not head.endswith(b"\n"):
        head += b"\n"
    text = head + _status_fields(flags) + (text[body - blank :] or b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    return line + _TO_QUOTE.sub(rb">\1", text) + b"\n"


def _word(raw: bytes) -> bytes:
    return b"".join(raw.split()).replace(b"\0", b"")


def _status_fields(flags: Iterable[str]) -> bytes:
    wanted = set(flags)
    status = b"Status: RO\n" if "\\Seen" in wanted else b"Status: O\n"
    letters = "".join(letter for letter, flag in _LETTERS.items() if letter != "R" and flag in wanted)
    keywords = sorted(flag for flag in wanted if not flag.startswith("\\"))
    lines = [status]
    if letters:
        lines.append(b"X-Status: %b\n" % letters.encode("ascii"))
    lines += [b"X-Keywords: %b\n" % _word(keyword.encode("utf-8", "replace")) for keyword in keywords]
    return b"".join(lines)
