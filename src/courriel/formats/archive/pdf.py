"""Text of PDF files (ISO 32000), by pypdf; for a process that may be ended when it takes too long or too much."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

__all__ = ["PAGES", "pdf_text"]

PAGES: Final = 500
"""Pages read of a document."""


def pdf_text(octets: bytes) -> Iterator[str]:
    """Text of each page.  Raises nothing; ends at what it cannot read."""
    import pypdf  # 20 MB and 0.2 s, for those who have such mail

    try:
        reader = pypdf.PdfReader(io.BytesIO(octets), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return
        for number, page in enumerate(reader.pages):
            if number == PAGES:
                return
            yield page.extract_text()
    except Exception:  # a hostile file makes it raise anything: it is a file without text then
        return
