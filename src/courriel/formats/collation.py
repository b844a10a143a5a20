"""i;unicode-casemap: the order of text that does not tell capitals from small letters.  RFC 5051 §2, RFC 4790 §9.2.

SORT and THREAD compare by it (RFC 5256 §7).  Of ASCII text it is i;ascii-casemap.  The key is text whose code points
compare as the collation compares the octets of its UTF-8.  Marks are put in canonical order, which RFC 5051 leaves
out: two spellings of one letter must not differ by it.
"""

from __future__ import annotations

import unicodedata

__all__ = ["casemap"]


class _Titlecase(dict[int, str]):
    """Code point → its simple titlecase mapping; where Python knows only a longer one there is none."""

    def __missing__(self, point: int) -> str:
        title = chr(point).title()
        mapped = self[point] = title if len(title) == 1 else chr(point)
        return mapped


_TITLECASE = _Titlecase()


def casemap(text: str) -> str:
    """The key of ``text``: titlecase, then decomposed."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", text.translate(_TITLECASE))
