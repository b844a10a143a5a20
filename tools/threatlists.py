"""Makes the lists of look-alikes that the signals need: confusables.txt and neighbours.txt in threats/lists.

python -m tools.threatlists TRANCO.csv

Confusables: small letters outside ASCII whose picture is one small Latin letter, by Unicode's confusables (UTS #39)
as the package ``confusable-homoglyphs`` brings them.  Neighbours: labels of the Tranco list that are one letter away
from an attacked brand's, hence registered by somebody with visitors of their own and no proof of deceit.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from courriel.threats.lists import brands, nearness

LISTS: Final = Path(__file__).resolve().parent.parent / "src" / "courriel" / "threats" / "lists"
DECEITS: Final = frozenset({"gbooking", "googl", "googll", "instragram", "microsof", "oneidrive"})
"""Visited, and no honest name all the same."""
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
    """Labels that would be found near a brand, and are others'."""
    near = nearness.Near(brands.labels())
    names = (line.split(",")[1].strip() for line in tranco.read_text("utf-8").splitlines())
    labels = {label for name in names for label in name.split(".")[:-1]}
    return sorted(label for label in labels if label not in DECEITS and near.of(label))


def _write(name: str, what: str, entries: list[str]) -> None:
    (LISTS / f"{name}.txt").write_text("\n".join([f"# {what}", *entries, ""]), "utf-8")


def main() -> None:
    pairs = [f"{letter} {pictures}" for letter, pictures in confusables().items() if pictures]
    _write("confusables", "A Latin letter, and what looks like it.", pairs)
    _write("neighbours", "Honest names one letter away from an attacked one.", neighbours(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
