"""The figures of an evaluation: ROC points, calibration, confusion.  numpy, in development only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BINS = 10


def roc(scores: Sequence[float], bad: Sequence[bool]) -> dict[str, float]:
    """AUC (ties count half), TPR at 1 % and 0.1 % FPR, FPR at 99 % TPR; none where one side is empty."""
    values, answers = np.array(scores), np.array(bad, dtype=bool)
    positives, negatives = int(answers.sum()), int((~answers).sum())
    if not positives or not negatives:
        return {"bad": positives, "good": negatives}
    order = np.argsort(-values, kind="stable")
    values, answers = values[order], answers[order]
    ends = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    hits = np.concatenate([[0.0], np.cumsum(answers)[ends] / positives])
    alarms = np.concatenate([[0.0], np.cumsum(~answers)[ends] / negatives])
    return {
        "bad": positives,
        "good": negatives,
        "auc": float(np.trapezoid(hits, alarms)),
        "tpr_at_0.1%": float(hits[alarms <= 0.001].max()),
        "tpr_at_1%": float(hits[alarms <= 0.01].max()),
        "fpr_at_99%": float(alarms[hits >= 0.99].min()),
    }


def calibration(probabilities: Sequence[float], bad: Sequence[bool]) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error, and for each bin that has any: mean probability, share of bad, messages."""
    values, answers = np.array(probabilities), np.array(bad, dtype=float)
    places = np.minimum((values * BINS).astype(int), BINS - 1)
    bins = []
    for place in range(BINS):
        inside = places == place
        if inside.any():
            bins.append((float(values[inside].mean()), float(answers[inside].mean()), int(inside.sum())))
    error = sum(abs(mean - share) * count for mean, share, count in bins) / max(1, len(values))
    return error, bins


def table(heads: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A table of Markdown that is also legible in a terminal."""
    cells = [[*map(str, heads)], *[[_cell(one) for one in line] for line in lines]]
    widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(rows)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"
    return str(value)
