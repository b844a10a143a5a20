"""Comments in structured fields: where one ends, and a value without them.  RFC 5322 §3.2.2.

    comment = "(" *([FWS] ctext / quoted-pair / comment) [FWS] ")"

Linear whatever the nesting: depth is a number, not a stack.  Nothing here raises; an unclosed comment reaches to
the end of the value, and whoever must be strict asks ``end_of`` whether it was closed.
"""

from __future__ import annotations

import re

_OPEN, _CLOSE = b"()"
_FLAT = rb"\((?>(?:[^()\\]++|\\.|\((?>(?:[^()\\]++|\\.)*)\))*)\)"
# Ordinary comments, one inside another at most, and the blanks after them: a whole run in one piece.
_RUN = re.compile(rb"(?>(?:" + _FLAT + rb"[ \t\r\n]*+)+)", re.DOTALL)
_ONE = re.compile(_FLAT, re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_INSIDE = re.compile(rb"(?>(?:[^()\\]++|\\.)+)|(?>(?:" + _FLAT + rb")+)|\(++|\)|\\", re.DOTALL)
_OUTSIDE = re.compile(rb"(?>(?:[^(\"\\]++|\\.|\"(?>(?:[^\"\\]++|\\.)*)\\?\"?|\\)*)", re.DOTALL)


def end_of(raw: bytes, at: int) -> tuple[int, bool]:
    """(offset past the comments that begin at ``at`` and the blanks after them, whether all were closed)."""
    while raw.startswith(b"(", at):
        match = _RUN.match(raw, at)
        if match is not None:
            at = match.end()
            continue
        at, closed = _end_of_deep(raw, at)
        if not closed:
            return at, False
    return at, True


def _end_of_deep(raw: bytes, at: int) -> tuple[int, bool]:
    depth = 0
    while match := _INSIDE.match(raw, at):
        first, at = raw[at], match.end()
        if first == _CLOSE:
            depth -= 1
            if depth == 0:
                return at, True
        elif first == _OPEN and raw[at - 1] == _OPEN:  # a run of "("; a run of whole comments ends with ")"
            depth += at - match.start()
    return at, False


def text(raw: bytes, at: int) -> bytes:
    """What the comment that opens at ``at`` says: unfolded, without quoting and blanks around it."""
    match = _ONE.match(raw, at)
    if match is None:
        end, closed = _end_of_deep(raw, at)
        inside = raw[at + 1 : end - 1 if closed else end]
    else:
        inside = match[0][1:-1]
    return _QUOTED_PAIR.sub(rb"\1", inside).replace(b"\r\n", b"").replace(b"\n", b"").strip()


def without_comments(raw: bytes) -> bytes:
    """``raw`` with each comment outside quotes replaced by one space."""
    kept: list[bytes] = []
    at, stop = 0, len(raw)
    while at < stop:
        match = _OUTSIDE.match(raw, at)
        if match is not None:
            kept.append(match[0])
            at = match.end()
        if at < stop:
            at, _ = end_of(raw, at)
            kept.append(b" ")
    return b"".join(kept)
