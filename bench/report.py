"""The table: medians of both sides, the ratio pair by pair, and which mark it reaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.generators import Figures
from bench.rows import ROWS, Row


@dataclass
class Results:
    """Raw figures: ``pairs[experiment]`` is a list of (peer, Courriel), None where that side did not run."""

    machine: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    generators: dict[str, Figures] = field(default_factory=dict)
    pairs: dict[str, list[tuple[Figures | None, Figures | None]]] = field(default_factory=dict)
    absolute: dict[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.__dict__, indent=1) + "\n")


@dataclass(frozen=True)
class Line:
    """One line of the table; ``mark`` is "", "below", "must" or "reach"."""

    row: Row
    peer: float | None
    ours: float | None
    ratio: float | None
    mark: str


def judge(row: Row, ratio: float | None) -> str:
    """Which mark a ratio reaches."""
    if ratio is None:
        return ""
    if row.larger:
        return "reach" if row.reach and ratio >= row.reach else "must" if ratio >= row.must else "below"
    return "reach" if row.reach and ratio <= row.reach else "must" if ratio <= row.must else "below"


def line_of(row: Row, pairs: Sequence[tuple[Figures | None, Figures | None]]) -> Line:
    """Medians of each side, and the median of the ratios of each pair."""
    peers = [peer[row.figure] for peer, _ in pairs if peer is not None and row.figure in peer]
    ours = [own[row.figure] for _, own in pairs if own is not None and row.figure in own]
    ratios = [
        own[row.figure] / peer[row.figure]
        for peer, own in pairs
        if peer is not None and own is not None and row.figure in own and peer.get(row.figure)
    ]
    ratio = median(ratios) if ratios else None
    return Line(row, median(peers) if peers else None, median(ours) if ours else None, ratio, judge(row, ratio))


def lines(results: Results) -> list[Line]:
    """The rows whose experiments ran."""
    return [line_of(row, results.pairs[row.experiment]) for row in ROWS if row.experiment in results.pairs]


def number(value: float | None, unit: str = "") -> str:
    """A figure as a person reads it, three digits that count."""
    if value is None:
        return "–"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):.3g} {letter}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def ratio_text(row: Row, ratio: float | None) -> str:
    """A cost below one reads better as a fraction."""
    if ratio is None or ratio == 0:
        return "–" if ratio is None else "0"
    return f"1/{1 / ratio:.3g}" if not row.larger and ratio < 1 else f"{ratio:.3g} ×"


def markdown(results: Results) -> str:
    """The whole report."""
    out = ["| figure | peer | Courriel | ratio | must | reach | |", "|---|---|---|---|---|---|---|"]
    for line in lines(results):
        row = line.row
        marks = [ratio_text(row, mark) if mark else "–" for mark in (row.must, row.reach)]
        cells = [row.title, number(line.peer, row.unit), number(line.ours, row.unit), ratio_text(row, line.ratio)]
        out.append("| " + " | ".join([*cells, *marks, line.mark]) + " |")
    for title, value in results.absolute.items():
        out.append(f"| {title} | – | {number(value)} | – | – | – | |")
    out.append("")
    for name, figures in results.generators.items():
        out.append(f"Generator against the null server, {name}: {figures['rate']:.0f}/s.")
    out += [f"Note: {note}." for note in results.notes]
    out.append("Machine: " + ", ".join(f"{key} {value}" for key, value in results.machine.items()) + ".")
    return "\n".join(out) + "\n"
