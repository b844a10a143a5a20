"""Pictures of an analysis: the way a message came, and bars of a summary.  SVG without style attributes or scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from courriel.cli import analyze_words as words
from courriel.threats.defang import defanged, visible
from courriel.threats.dossier import Station
from courriel.threats.explain import Translate

STROKE: Final = {
    **{"good": "#2e7d43", "waiting": "#a37200", "bad": "#b3261e", "": "#777"},
    **{"malicious": "#b3261e", "suspicious": "#a37200", "clean": "#2e7d43", "bulk": "#2a6f97"},
}

ROW: Final = 74
"""From one station to the next, in pixels of the picture."""
WIDTH: Final = 460
HEIGHT: Final = 44
NOTES: Final = 300
"""Width of what stands beside the boxes."""
CHARACTERS: Final = 56
"""That fit into a box."""


def way(route: Sequence[Station], _: Translate) -> str:
    """Boxes from top (who sent it) to bottom (who received it), the time between on the arrows."""
    first = route[0]
    height = ROW * (len(route) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH + NOTES}" height="{height}"'
        f' font-size="13" font-family="system-ui, sans-serif"><title>{escape(_(words.ROUTE))}</title>',
        _box(0, first.from_name or "?", _address(first, _), "", dashed=True),
    ]
    for place, station in enumerate(route):
        top = ROW * (place + 1)
        mood = words.station_mood(station)
        told = words.span(station.delay_s, _) if place else _("sent")
        claim = ""
        if place and (station.from_name or station.from_ip):
            claim = _("got it from {name} {address}").format(name=station.from_name, address=_address(station, _))
        parts.append(_arrow(top - ROW + HEIGHT, top, mood, " · ".join(filter(None, (told, station.with_)))))
        parts.append(_box(top, station.by or "?", words.moment(station.at), mood))
        if claim:
            parts.append(f'<text class="dim" x="{WIDTH + 12}" y="{top + 26}">{_words(claim, 60)}</text>')
    return "".join([*parts, "</svg>"])


def _address(station: Station, _: Translate) -> str:
    if not station.from_ip:
        return ""
    return f"[{station.from_ip}] " + (_("private network") if station.private else "")


def _box(top: int, title: str, beneath: str, mood: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<rect class="box" x="1" y="{top + 1}" width="{WIDTH - 2}" height="{HEIGHT}" rx="7"'
        f' stroke="{STROKE[mood]}" stroke-width="1.5"{dash}/>'
        f'<text x="12" y="{top + 19}" font-weight="600">{_words(title, CHARACTERS)}</text>'
        f'<text class="dim" x="12" y="{top + 37}">{_words(beneath, CHARACTERS)}</text>'
    )


def _arrow(start: int, end: int, mood: str, told: str) -> str:
    colour = STROKE[mood]
    return (
        f'<path d="M30 {start + 2}V{end - 2}m-5 -7l5 7l5 -7" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        f'<text class="dim" x="46" y="{(start + end) // 2 + 5}">{_words(told, CHARACTERS)}</text>'
    )


def _words(text: str, characters: int) -> str:
    text = visible(defanged(text))
    return escape(text if len(text) <= characters else text[: characters - 1] + "…")


BAR: Final = 420
"""Width of the longest bar."""
LINE: Final = 30


def bars(title: str, rows: Sequence[tuple[str, int, str]]) -> str:
    """(name, count, mood of STROKE) as bars that lie."""
    most = max((count for _name, count, _mood in rows), default=0) or 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{BAR + 340}" height="{LINE * len(rows) + 10}"'
        f' font-size="14" font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
    ]
    for place, (name, count, mood) in enumerate(rows):
        top = LINE * place + 6
        width = max(round(count * BAR / most), 2) if count else 0
        parts.append(
            f'<text x="240" y="{top + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="252" y="{top}" width="{width}" height="20" rx="3" fill="{STROKE[mood]}"/>'
            f'<text x="{260 + width}" y="{top + 15}">{count}</text>'
        )
    return "".join([*parts, "</svg>"])
