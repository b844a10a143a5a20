"""Links taken apart as a browser would, and links written out in text.  WHATWG URL §4.4, leniently; RFC 3986.

Nothing raises: what is no link has an empty host.  Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from courriel.threats.reading.organisation import host_name, organisation
from courriel.threats.view import Link

HREF_CHARACTERS: Final = 4_096
"""Of one link; data: links are megabytes."""
TEXT_CHARACTERS: Final = 300
"""Of what the reader sees of one link."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30}):")
_BLANKS: Final = re.compile(r"[\t\r\n]")
_EDGES: Final = "".join(map(chr, range(33)))
_AUTHORITY: Final = re.compile(r"[/?#]")
_HIERARCHIC: Final = frozenset({"http", "https", "ftp", "ws", "wss"})
_PORT: Final = re.compile(r":([0-9]{0,5})$")
_TEXT_LINK: Final = re.compile(
    r"\b(?:https?://|ftp://|www\.)[^\s<>\"'\u00ab\u00bb\u201c\u201d\[\]{}|\\^`]{3,2000}", re.IGNORECASE
)
_BARE_LINK: Final = re.compile(
    r"(?<![\w@./-])(?:[A-Za-z0-9-]{1,63}\.){1,5}"
    r"(?:[A-Za-z]{2,24}/[^\s<>\"']{1,500}"
    r"|(?:com|net|org|info|biz|fr|uk|de|eu|be|ch|ca|us|ly|gl|xyz|top|shop|site|online|live|club|link|click|app|io)"
    r"(?![\w@.-]))",
    re.IGNORECASE,
)
_TRAILING: Final = ".,;:!?)'\"*_~>"


def link(kind: str, text: str, href: str) -> Link:
    """``text`` and ``href`` as they stand; blanks of ``text`` are run together by the caller."""
    href = href[:HREF_CHARACTERS].strip(_EDGES)
    return Link(kind, text[:TEXT_CHARACTERS], href, *_taken_apart(href))


def written(text: str, bare: bool, most: int) -> Iterator[Link]:
    """Links that stand in a text; with ``bare`` also ``bit.ly/x`` and ``shop.com``, as people write them in an SMS."""
    ends = 0
    if "://" in text or "ww." in text.lower():
        for found in _TEXT_LINK.finditer(text):
            if most <= 0:
                return
            most -= 1
            yield _written(found[0])
    if bare and "." in text:
        for found in _BARE_LINK.finditer(text):
            if most <= 0:
                return
            if found.start() >= ends and not found[0].lower().startswith("www."):
                most -= 1
                yield _written(found[0])


def _written(found: str) -> Link:
    href = found.rstrip(_TRAILING)
    full = href if "://" in href[:10] else f"http://{href}"
    return Link("text", href[:TEXT_CHARACTERS], href, *_taken_apart(full))


@lru_cache(maxsize=4096)
def _taken_apart(href: str) -> tuple[str, str, str, int | None, str, str]:
    """Scheme, userinfo, host, port, path, organisation."""
    href = _BLANKS.sub("", href)
    match = _SCHEME.match(href)
    scheme, rest = (match[1].lower(), href[match.end() :]) if match else ("", href)
    if scheme in _HIERARCHIC:
        rest = rest.lstrip("/\\")
    elif rest.startswith("//"):
        rest = rest[2:]
    else:
        return scheme, "", "", None, rest, ""
    rest = rest.replace("\\", "/") if "\\" in rest else rest
    end = _AUTHORITY.search(rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    userinfo, _, place = authority.rpartition("@")
    port = None
    found = _PORT.search(place)
    if found is not None:
        port = int(found[1]) if found[1] else None
        place = place[: found.start()]
    if "%" in place:
        place = unquote(place)
    host = host_name(place)
    return scheme, userinfo, host, port, path, organisation(host)
