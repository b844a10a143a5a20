"""The tree of parts of one message, by offsets into its bytes.  RFC 2045, RFC 2046 §5.1, RFC 5322 §2.1.

One pass to the right: an open multipart keeps the place of its own next delimiter line and that of the nearest
one around it, so each octet is searched once a level and no line is looked at in Python.  Line ends may be CRLF
or LF.  Nothing is decoded here, and nothing is refused: see ``limits``.

As RFC 2046 §5.1.1 says, a line *beginning* with an open boundary is its delimiter; where several fit, the longest
wins, then the innermost (so does Dovecot).

The line end before a delimiter belongs to the delimiter (ibid.), unless it ends another delimiter line or a header:
``--inner--`` or ``Subject: x`` right above ``--outer``.  It stays with the part then, as in Dovecot, so that
octet counts agree.
"""

from __future__ import annotations

import msgspec

from courriel.formats.message.fields import Fields, content_fields, message_fields
from courriel.formats.message.limits import DEFAULT, MessageLimits
from courriel.formats.message.media import DIGEST_CHILD, OPAQUE, PLAIN, Kind, MediaType, media_type

__all__ = ["Part", "header_end", "parse"]


class Part(msgspec.Struct):
    """One part: ``raw[start:body]`` is its header with the empty line, ``raw[body:end]`` its body.

    Read-only once ``parse`` has returned.
    """

    start: int
    body: int
    end: int
    media: MediaType
    fields: Fields
    """Content-* of a part; ENVELOPE's fields too where ``start`` begins a message."""
    children: list[Part]
    """Of a multipart, in order.  Empty for anything else, and for a multipart without a delimiter."""
    message: Part | None = None
    """What message/rfc822 holds; it begins at ``body`` and ends at ``end``."""


class _Level(msgspec.Struct):
    """An open multipart."""

    part: Part
    delimiter: bytes
    """Line feed, two hyphens, boundary."""
    next: int
    """Offset of its next delimiter (of the line feed), not before the place now read; or past the end."""
    outer: int
    """The least ``next`` of the levels around it."""
    opened: int
    """Index in the list of open parts."""


def header_end(raw: bytes, start: int, stop: int) -> int:
    """Offset of the body whose header begins at ``start``; ``stop`` where no empty line comes before it."""
    if raw.startswith(b"\r\n", start, stop):
        return start + 2
    if raw.startswith(b"\n", start, stop):
        return start + 1
    crlf = raw.find(b"\n\r\n", start, stop)
    # Ends where the first search did: each octet is read at most twice.
    lf = raw.find(b"\n\n", start, stop if crlf < 0 else crlf + 1)
    if lf >= 0:
        return lf + 2
    return stop if crlf < 0 else crlf + 3


def parse(raw: bytes, limits: MessageLimits = DEFAULT) -> Part:
    """Read a complete message.  Never raises; ``0 ≤ start ≤ body ≤ end ≤ len(raw)``, children inside parents."""
    return _Parser(raw, limits).run()


class _Parser:
    __slots__ = ("delimiter_end", "end", "levels", "limits", "open", "overlaps", "parts", "raw", "root")

    def __init__(self, raw: bytes, limits: MessageLimits) -> None:
        self.raw = raw
        self.end = len(raw)
        self.limits = limits
        self.levels: list[_Level] = []
        self.open: list[Part] = []
        """From the root to the part now read: those whose end is not known yet."""
        self.delimiter_end = -1
        """Line feed that ends the close delimiter last seen."""
        self.parts = 0
        self.overlaps = 0

    def run(self) -> Part:
        root = self._message(0)
        while self.levels:
            at = self._next_part()
            if at < 0:
                break
            if self.parts + 1 >= self.limits.parts:
                self._rest(at)
                break
            self._part(at)
        for part in self.open:
            part.end = max(part.body, self.end)
        return root

    # -- opening

    def _message(self, at: int) -> Part:
        """Open the message that begins at ``at``, and all that begins with it."""
        body = header_end(self.raw, at, self._stop())
        fields = message_fields(self.raw, at, body, self.limits)
        return self._opened(at, body, fields, PLAIN)

    def _part(self, at: int) -> None:
        body = header_end(self.raw, at, self._stop())
        fields = content_fields(self.raw, at, body, self.limits)
        parent = self.levels[-1].part
        default = DIGEST_CHILD if parent.media.full == b"multipart/digest" else PLAIN
        parent.children.append(self._opened(at, body, fields, default))

    def _rest(self, at: int) -> None:
        part = Part(at, at, at, OPAQUE, {}, [])
        self.levels[-1].part.children.append(part)
        self.open.append(part)

    def _stop(self) -> int:
        """No header reaches past the next delimiter; the line feed before it may be the empty line's."""
        if not self.levels:
            return self.end
        level = self.levels[-1]
        nearest = level.next if level.next < level.outer else level.outer
        return nearest + 1 if nearest < self.end else self.end

    def _opened(self, at: int, body: int, fields: Fields, default: MediaType) -> Part:
        values = fields.get(b"content-type")
        media = default if values is None else media_type(values[0])
        self.parts += 1
        part = Part(at, body, body, media, fields, [])
        self.open.append(part)
        if media.kind >= Kind.MULTIPART:
            if len(self.open) > self.limits.depth:
                part.media = OPAQUE
            elif media.kind is Kind.MESSAGE:
                if self.parts < self.limits.parts:
                    part.message = self._message(body)
                else:
                    part.media = OPAQUE
            else:
                self._multipart(part)
        return part

    def _multipart(self, part: Part) -> None:
        boundary = part.media.boundary
        if boundary is None or len(boundary) > self.limits.boundary_octets:
            return
        # RFC 2046 §5.1.1: a boundary does not end with white space; gateways add it.
        boundary = boundary.rstrip()
        if not boundary or b"\n" in boundary:
            return
        delimiter = b"\n--" + boundary
        outer = self.end
        if self.levels:
            around = self.levels[-1]
            outer = around.next if around.next < around.outer else around.outer
        level = _Level(part, delimiter, 0, outer, len(self.open) - 1)
        # The line feed that ends the header may begin the first delimiter.
        level.next = self._find(level, max(part.body - 1, 0))
        self.levels.append(level)

    def _find(self, level: _Level, at: int) -> int:
        """The level's next delimiter from ``at``; none past the nearest delimiter around it is of interest."""
        found = self.raw.find(level.delimiter, at, level.outer + len(level.delimiter))
        return self.end if found < 0 else found

    # -- closing

    def _next_part(self) -> int:
        """Go to the next delimiter line that opens a part: offset of the part, -1 at the end of the message."""
        raw, end, levels = self.raw, self.end, self.levels
        while levels:
            level = levels[-1]
            at = level.next
            if level.outer <= at:
                at = level.outer
                if at == end:
                    return -1
                level = self._owner(at)
                if self.overlaps > self.limits.overlap_steps:
                    return -1
            elif at == end:
                return -1
            after = at + len(level.delimiter)
            self._close(level, at)
            if raw.startswith(b"--", after):
                self._leave(at)
                self.delimiter_end = raw.find(b"\n", after)
                continue
            line_end = raw.find(b"\n", after)
            if line_end < 0:
                return -1
            if level.outer == at:  # an enclosing boundary is a prefix of this one
                self._refresh(at)
            else:
                level.next = self._find(level, line_end)
            return line_end + 1
        return -1

    def _owner(self, at: int) -> _Level:
        """The level whose delimiter stands at ``at``: of several the longest, of equals the innermost."""
        levels = self.levels
        best = -1
        for index in range(len(levels) - 1, -1, -1):
            level = levels[index]
            self.overlaps += 1
            if level.next == at and (best < 0 or len(level.delimiter) > len(levels[best].delimiter)):
                best = index
            if level.outer > at:  # nothing further out has it
                break
        del levels[best + 1 :]
        return levels[best]

    def _close(self, level: _Level, at: int) -> None:
        """End every part inside ``level`` before the delimiter line whose line feed is at ``at``."""
        opened = self.open
        first = level.opened + 1
        bound = at + 1
        if at == self.delimiter_end or opened[-1].body == bound:
            end = bound
        else:
            end = at - 1 if at > 0 and self.raw[at - 1] == 13 else at
        for index in range(first, len(opened)):
            part = opened[index]
            if part.body > bound:  # a header without an empty line, cut by the delimiter
                part.body = bound
            part.end = bound = end if end > part.body else part.body
        del opened[first:]

    def _leave(self, at: int) -> None:
        """Close delimiter: the multipart's epilogue lasts up to the next delimiter around it."""
        level = self.levels.pop()
        if level.outer == at:
            self._refresh(at)

    def _refresh(self, at: int) -> None:
        """Move every level that still points at ``at`` past it.  Rare: see ``limits.overlap_steps``."""
        outer = self.end
        self.overlaps += len(self.levels)
        for level in self.levels:
            # A search that stopped at an outer "delimiter" which was none of its own must go on.
            cut_short = level.next == self.end and level.outer < self.end
            level.outer = outer
            if level.next <= at or cut_short:
                level.next = self._find(level, at + 1)
            if level.next < outer:
                outer = level.next
