"""The words of an HTML part, for search and previews.  Not a sanitiser: what comes out is text, never markup again.

Linear: every search that fails ends the walk, so an unclosed comment or tag costs one look at the rest.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

__all__ = ["html_text"]

# What is between these is not for readers (HTML §4: metadata and scripts).
_HIDDEN = frozenset({"script", "style", "head", "title", "template"})
_CLOSE = {name: re.compile(rf"</{name}(?![A-Za-z0-9])", re.IGNORECASE) for name in _HIDDEN}
_NAME = re.compile(r"/?[A-Za-z][A-Za-z0-9]*")
# Elements that run inside a word; any other tag separates words.
_INLINE = frozenset(
    {"", "a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "ins", "del", "kbd", "mark", "q", "s", "small"}
    | {"span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"}
)
# Bounded, so that no number is too long for int() and no name starts a long look-up.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9A-Fa-f]{1,6}(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,31});?")


def html_text(source: str, limit: int | None = None) -> str:
    """Text with blanks as they come; stops soon after ``limit`` characters that are no blanks."""
    if limit is None and (quick := _quick(source)) is not None:
        return _ENTITY.sub(lambda match: html.unescape(match[0]), quick)
    kept: list[str] = []
    seen = 0
    for piece in _pieces(source):
        kept.append(piece)
        if limit is not None:
            seen += len(piece.strip())
            if seen >= limit:
                break
    return _ENTITY.sub(lambda match: html.unescape(match[0]), "".join(kept))


class _Separators(dict[str, str]):
    """Name of a tag, as written → what stands in its place."""

    def __missing__(self, name: str) -> str:
        return "" if name.lower().removeprefix("/") in _INLINE else " "


_SEPARATORS = _Separators()
_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]*)[^<>]*>")


def _quick(source: str) -> str | None:
    """What ``_pieces`` gives, four times as fast, where every "<" begins a tag; None elsewhere (comments, mostly)."""
    pieces = _TAG.split(source)
    texts, names = pieces[::2], pieces[1::2]
    if any("<" in text for text in texts):
        return None
    pieces[1::2] = map(_SEPARATORS.__getitem__, names)
    lower = [name.lower() for name in names]
    at = 0
    kept: list[str] = []
    for place, name in enumerate(lower):
        if name in _HIDDEN and 2 * place + 1 >= at:
            kept += pieces[at : 2 * place + 1]
            try:
                at = 2 * lower.index("/" + name, place) + 1
            except ValueError:
                return "".join(kept)
    return "".join([*kept, *pieces[at:]])


def _pieces(source: str) -> Iterator[str]:
    at = 0
    while (less := source.find("<", at)) >= 0:
        if less > at:
            yield source[at:less]
        if source.startswith("<!--", less):
            end = source.find("-->", less + 4)
            if end < 0:
                return
            at = end + 3
            continue
        match = _NAME.match(source, less + 1)
        if match is None and not source.startswith(("!", "?"), less + 1):
            yield "<"
            at = less + 1
            continue
        end = source.find(">", less)
        if end < 0:
            return
        at = end + 1
        name = "" if match is None else match[0].lower()
        if name in _HIDDEN:
            closing = _CLOSE[name].search(source, at)
            if closing is None:
                return
            at = closing.start()
        elif name.removeprefix("/") not in _INLINE:
            yield " "
    yield source[at:]
