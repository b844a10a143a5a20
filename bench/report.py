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
    cpu_ratio: float | None = None
    """Processor time per operation, Courriel to peer: holds on a busy machine, where a rate does not."""


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
    ratio = _median_ratio(row.figure, pairs)
    cpu_ratio = _median_ratio("cpu_us", pairs) if row.larger else None
    own = median(ours) if ours else None
    mark = judge(row, own if row.alone else ratio)
    return Line(row, median(peers) if peers else None, own, ratio, mark, cpu_ratio)


def _median_ratio(figure: str, pairs: Sequence[tuple[Figures | None, Figures | None]]) -> float | None:
    ratios = [
        own[figure] / peer[figure]
        for peer, own in pairs
        if peer is not None and own is not None and figure in own and peer.get(figure)
    ]
    return median(ratios) if ratios else None


def lines(results: Results) -> list[Line]:
    """The rows whose experiments ran."""
    return [line_of(row, results.pairs[row.experiment]) for row in ROWS if row.experiment in results.pairs]


def number(value: float | None, unit: str = "") -> str:
    """A figure as a person reads it, three digits that count."""
    if value is None:
        return "–"
    if unit == "µs" and abs(value) >= 1000:
        value, unit = value / 1000, "ms"
    for limit, factor, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit:
            return f"{value / factor:.3g} {letter}{unit}"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def ratio_text(row: Row, ratio: float | None) -> str:
    """A cost below one reads better as a fraction."""
    if ratio is None or ratio == 0:
        return "–" if ratio is None else "0"
    return f"1/{1 / ratio:.3g}" if not row.larger and ratio < 1 else f"{ratio:.3g} ×"


def _mark_text(row: Row, mark: float) -> str:
    if not mark:
        return "–"
    return number(mark, row.unit) if row.alone else ratio_text(row, mark)


def markdown(results: Results) -> str:
    """The whole report."""
    out = ["| figure | peer | Courriel | ratio | must | reach | | CPU ratio |", "|---|---|---|---|---|---|---|---|"]
    for line in lines(results):
        row = line.row
        marks = [_mark_text(row, mark) for mark in (row.must, row.reach)]
        cells = [row.title, number(line.peer, row.unit), number(line.ours, row.unit), ratio_text(row, line.ratio)]
        cpu = "" if line.cpu_ratio is None else f"1/{1 / line.cpu_ratio:.3g}" if line.cpu_ratio else "0"
        out.append("| " + " | ".join([*cells, *marks, line.mark, cpu]) + " |")
    for title, value in results.absolute.items():
        out.append(f"| {title} | – | {number(value)} | – | – | – | | |")
    out.append("")
    for name, figures in results.generators.items():
        out.append(f"Generator against the null server, {name}: {figures['rate']:.0f}/s.")
    out += [f"Note: {note}." for note in results.notes]
    out.append("Machine: " + ", ".join(f"{key} {value}" for key, value in results.machine.items()) + ".")
    return "\n".join(out) + "\n"
