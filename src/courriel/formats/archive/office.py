"""Text of office documents: OOXML (ECMA-376, .docx .xlsx .pptx) and OpenDocument (ISO 26300, .odt .ods .odp).

Their XML is cut at its tags, not parsed: no DTD, no entity but the five of XML, nothing is ever fetched, and the work
is linear in the octets.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from courriel.formats.archive.zip import entries

__all__ = ["office_text"]

_NAMES: Final = re.compile(
    r"word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml"
    r"|xl/sharedStrings\.xml|xl/worksheets/[^/]+\.xml|xl/comments\d*\.xml"
    r"|ppt/(?:slides|notesSlides)/[^/]+\.xml|content\.xml|styles\.xml|docProps/core\.xml|meta\.xml"
)
# "[^<>]": a tag that does not end costs a look up to the next one, not to the end.
_TAG: Final = re.compile(r"<(/?)(?:[A-Za-z0-9.-]+:)?([A-Za-z0-9.-]*)[^<>]*>")
_ENDS_WORD: Final = frozenset(
    {"p", "h", "br", "cr", "tab", "tc", "tr", "si", "c", "s", "line-break", "list-item", "table-cell", "table-row"}
    | {"title", "subject", "creator", "description", "keywords", "keyword", "comment", "text-box"}
)
_REFERENCE: Final = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
# A cell whose value is no index into the shared strings.
_NUMBER: Final = re.compile(r'<c\b(?![^<>]*\bt="s")[^<>]*>(?:<f\b[^<>]*(?:/>|>[^<>]*</f>))?<v>([^<>]*)</v>')


def office_text(octets: bytes) -> Iterator[str]:
    """Text of each part that has any, words apart.  Never raises."""
    for name, content in entries(octets, lambda name: _NAMES.fullmatch(name) is not None):
        source = _decoded(content)
        if name.startswith("xl/worksheets/"):
            yield " ".join(_NUMBER.findall(source))
            source = "</c>".join([inline.partition("</is>")[0] for inline in source.split("<is>")[1:]])
        yield _REFERENCE.sub(lambda match: html.unescape(match[0]), _TAG.sub(_between, source))


def _between(match: re.Match[str]) -> str:
    return " " if match[2] in _ENDS_WORD else ""


def _decoded(content: bytes) -> str:
    """XML is UTF-8 unless it begins with a mark.  XML 1.0 §4.3.3."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")
