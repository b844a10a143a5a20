"""Writes the table of docs/bounces.md from the explanations in the code, in English and French.

python -m tools.bouncetable    writes the table between the page's marks
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from courriel.base.i18n import LANGUAGES
from courriel.delivery.explanations import EXPLANATIONS, Again

PAGE: Final = Path(__file__).parent.parent / "docs" / "bounces.md"
BEGIN: Final = "<!-- table: make docs -->\n"
END: Final = "<!-- end of table -->\n"


def table() -> str:
    """One row a kind and language: what happened, what to do, and whether sending again helps."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield "| kind | what happened | what the sender can do | again |"
    yield "|---|---|---|---|"
    for explanation in EXPLANATIONS.values():
        again = explanation.again.name.lower()
        for language in LANGUAGES:
            happened, advice, _ = explanation.in_language(language)
            kind, word = (f"`{explanation.kind.value}`", again) if language == LANGUAGES[0] else ("", "")
            yield f"| {kind} | {happened} | {advice} | {word} |"
    yield ""
    yield "*again* is one of:"
    yield ""
    for choice in Again:
        yield f"- `{choice.name.lower()}`: {choice.value}"


def render(page: str) -> str:
    """The page with today's table between its marks."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} has lost its marks")
    return before + mark + table() + end + after


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
