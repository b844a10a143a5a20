"""The way of a message as a picture: boxes from left to right, an arrow with its time between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 150
"""Of a box, in pixels of the picture."""
HEIGHT: Final = 64
GAP: Final = 70
MARGIN: Final = 20
CHARACTERS: Final = 22
"""That fit into a box."""

FILL: Final = {"good": "#e7f5ea", "waiting": "#fdf3d8", "bad": "#fbe4e4"}
STROKE: Final = {"good": "#2e7d43", "waiting": "#a37200", "bad": "#b3261e"}


def picture(stations: Sequence[tuple[str, str, str, float]]) -> str:
    """SVG of (title, what is beneath it, mood, seconds since the station before)."""
    width = 2 * MARGIN + len(stations) * WIDTH + max(len(stations) - 1, 0) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 2 * MARGIN}"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
    ]
    for place, (title, beneath, mood, seconds) in enumerate(stations):
        left = MARGIN + place * (WIDTH + GAP)
        if place:
            parts.append(_arrow(left - GAP, left, seconds))
        parts.append(_box(left, title, beneath, mood))
    return "\n".join([*parts, "</svg>\n"])


def _box(left: int, title: str, beneath: str, mood: str) -> str:
    middle = left + WIDTH // 2
    return (
        f"<g><title>{escape(f'{title}: {beneath}')}</title>"
        f'<rect x="{left}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{FILL[mood]}"'
        f' stroke="{STROKE[mood]}"/>'
        f'<text x="{middle}" y="{MARGIN + 26}" text-anchor="middle" font-weight="600">{escape(_cut(title))}</text>'
        f'<text x="{middle}" y="{MARGIN + 46}" text-anchor="middle" fill="#444">{escape(_cut(beneath))}</text></g>'
    )


def _arrow(start: int, end: int, seconds: float) -> str:
    middle, height = (start + end) // 2, MARGIN + HEIGHT // 2
    label = f"{seconds * 1_000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return (
        f'<line x1="{start + 4}" y1="{height}" x2="{end - 4}" y2="{height}" stroke="#555" marker-end="url(#tip)"/>'
        f'<text x="{middle}" y="{height - 8}" text-anchor="middle" fill="#555" font-size="11">{label}</text>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
