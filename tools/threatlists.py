"""Makes the lists of look-alikes that the signals need: confusables.txt and neighbours.txt in threats/lists.

python -m tools.threatlists TRANCO.csv

Confusables: small letters outside ASCII whose picture is one small Latin letter, by Unicode's confusables (UTS #39)
as the package ``confusable-homoglyphs`` brings them.  Neighbours: domains of the Tranco list that the signals would
take for imitations: most belong to the brands themselves, all have visitors of their own and no proof of deceit.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from courriel.threats.reading.organisation import organisation
from courriel.threats.signals import lookalike

LISTS: Final = Path(__file__).resolve().parent.parent / "src" / "courriel" / "threats" / "lists"
DECEITS: Final = frozenset(
    [
        "06yahoo",
        "66yahoo",
        "gbooking",
        "googl",
        "googlezip",
        "googll",
        "instragram",
        "microsof",
        "oneidrive",
        "openai626",
    ]
)
"""Visited, and no honest names all the same."""
HONEST: Final = "Honest domains that look like a brand's."
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def confusables() -> dict[str, str]:
    """Letter → its pictures."""
    source = files("confusable_homoglyphs") / "confusables.json"
    table: dict[str, list[dict[str, Any]]] = json.loads(source.read_text("utf-8"))
    pictures: dict[str, str] = {}
    for letter in LETTERS:
        alike = (one["c"] for one in table.get(letter, ()))
        found = sorted(one for one in alike if len(one) == 1 and not one.isascii() and _a_small_letter(one))
        pictures[letter] = "".join(found)
    return pictures


def _a_small_letter(character: str) -> bool:
    """Of those that may stand in a name of the DNS: NFKC does not change it (RFC 5892 §2)."""
    return unicodedata.category(character) in ("Ll", "Lo") and unicodedata.normalize("NFKC", character) == character


def neighbours(tranco: Path) -> list[str]:
    """Registrable domains that would be said to imitate a brand, and have visitors of their own."""
    hosts = (line.split(",")[1].strip() for line in tranco.read_text("utf-8").splitlines())
    names = {organisation(host) for host in hosts}
    return sorted(name for name in names if name.partition(".")[0] not in DECEITS and lookalike.imitated(name))


def _write(name: str, what: str, entries: list[str]) -> None:
    (LISTS / f"{name}.txt").write_text("\n".join([f"# {what}", *entries, ""]), "utf-8")


def main() -> None:
    pairs = [f"{letter} {pictures}" for letter, pictures in confusables().items() if pictures]
    _write("confusables", "A Latin letter, and what looks like it.", pairs)
    _write("neighbours", HONEST, [])
    _write("neighbours", HONEST, neighbours(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
