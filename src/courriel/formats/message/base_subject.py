"""The base subject: what is left of a Subject without "Re:", "[list]", "(fwd)" and their like.  RFC 5256 §2.1, §5.

    subject     = *subj-leader [subj-middle] *subj-trailer
    subj-refwd  = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
    subj-blob   = "[" *BLOBCHAR "]" *WSP
    subj-leader = (*subj-blob subj-refwd) / WSP
    subj-fwd    = "[fwd:" subject "]"
    subj-trailer = "(fwd)" / WSP

Places are moved over the text, nothing is cut before the end, so a hostile subject costs no more than its length.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["base_subject"]

_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_BLOBS: Final = re.compile(r"(?>(?:\[[^\[\]]*+\][ \t]*+)*)")
_REFWD: Final = re.compile(r"(?:re|fwd?)[ \t]*+(?>(?:\[[^\[\]]*+\][ \t]*+)?):", re.IGNORECASE | re.ASCII)
_FWD_HEADER: Final = re.compile(r"\[fwd:", re.IGNORECASE | re.ASCII)
_FWD_TRAILER: Final = re.compile(r"\(fwd\)", re.IGNORECASE | re.ASCII)
_TRAILER_CHARACTERS: Final = 5
_PLAIN_START: Final = frozenset(" [rRfF")
_PLAIN_END: Final = frozenset(" )]")


def base_subject(subject: str) -> tuple[str, bool]:
    """The base subject of a decoded Subject, and whether it was a reply or forward (RFC 5256 §3, REFERENCES)."""
    text = _BLANKS.sub(" ", subject)
    if not text or (text[0] not in _PLAIN_START and text[-1] not in _PLAIN_END):
        return text, False
    start, end = 0, len(text)
    answered = False
    while True:
        end, forwarded = _before_trailers(text, start, end)
        start, led = _after_leaders(text, start, end)
        answered = answered or forwarded or led
        header = _FWD_HEADER.match(text, start, end)
        if header is None or text[end - 1] != "]" or header.end() == end:
            return text[start:end], answered
        start, end = header.end(), end - 1
        answered = True


def _before_trailers(text: str, start: int, end: int) -> tuple[int, bool]:
    """Rule 2: the end without trailers, and whether there was a "(fwd)"."""
    forwarded = False
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif end - start >= _TRAILER_CHARACTERS and _FWD_TRAILER.match(text, end - _TRAILER_CHARACTERS, end):
            end -= _TRAILER_CHARACTERS
            forwarded = True
        else:
            break
    return end, forwarded


def _after_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """Rules 3 to 5: the start without leaders and blobs, and whether there was a "Re:" or "Fwd:".

    Blobs with nothing to answer behind them go too, but for the last one when nothing else would be left.
    """
    answered = False
    while start < end:
        if text[start] == " ":
            start += 1
            continue
        blobs = _BLOBS.match(text, start, end)
        assert blobs is not None, "it matches nothing, too"
        leader = _REFWD.match(text, blobs.end(), end)
        if leader is None:
            if blobs.end() < end:
                return blobs.end(), answered
            return max(start, text.rfind("[", start, end)), answered
        start = leader.end()
        answered = True
    return start, answered
