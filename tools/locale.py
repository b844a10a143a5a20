"""Brings the French catalogue in step with the texts of the code, and compiles it.

python -m tools.locale          extract, update locale/fr/…/courriel.po, compile courriel.mo
python -m tools.locale --check  only say what is missing or stale; exit code 1 then
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCES: Final = Path(__file__).resolve().parent.parent / "src" / "courriel"
FOLDER: Final = SOURCES / "locale" / "fr" / "LC_MESSAGES"
PO: Final = FOLDER / "courriel.po"
MO: Final = FOLDER / "courriel.mo"

LIBRARY_TEXTS: Final = (
    "Usage:",
    "Options",
    "Commands",
    "Show this message and exit.",
    "Show the version and exit.",
    "Try '{command} {option}' for help.",
    "Error: {message}",
    "Missing command.",
    "No such command {name!r}.",
    "required",
    "default: {default}",
    "Aborted!",
)
"""Texts of the command line library that people see; it translates them by gettext too."""


def extracted() -> Catalog:
    """The texts of the code."""
    catalog = Catalog(locale="fr", domain="courriel", fuzzy=False)
    for _file, _line, message, comments, context in extract_from_dir(SOURCES):
        catalog.add(message, auto_comments=comments, context=context)
    for text in LIBRARY_TEXTS:
        catalog.add(text)
    return catalog


def translated() -> Catalog:
    """The catalogue as it stands."""
    with PO.open("rb") as file:
        return read_po(file, locale="fr")


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def problems() -> Iterator[str]:
    """What keeps French readers from reading French."""
    catalog = translated()
    for message in extracted():
        known = catalog.get(message.id, message.context) if message.id else None
        if message.id and (known is None or not known.string or not all(_strings(known.string))):
            yield f"not translated: {message.id!r}"
    if not MO.exists() or MO.read_bytes() != compiled(catalog):
        yield "courriel.mo is stale: run python -m tools.locale"


def _strings(string: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


def update() -> None:
    """Merge new texts into the catalogue, drop old ones, compile."""
    catalog = translated() if PO.exists() else Catalog(locale="fr", domain="courriel", fuzzy=False)
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    with PO.open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, no_location=True, ignore_obsolete=True)
    MO.write_bytes(compiled(translated()))


def main() -> int:
    if "--check" not in sys.argv[1:]:
        update()
    found = list(problems())
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
