"""Logistic regression over sets of hashed features: what ``tools.model`` and ``tools.eval`` learn tables of words with.

Deterministic: the same rows in the same order give the same octets.  numpy and scipy, in development only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from courriel.threats.table import Head, Table, parse, render

FEWEST = 2
"""Clusters of near-duplicates that a feature must stand in."""
RIDGE = 3e-5
LEVEL = 0.03
"""How hard the log-odds of a text without known words are held at 0: unknown words are no evidence, though good mail
happens to be wordier than bad in what there is to learn from."""
KEPT = 40_000
"""Features of a table: the heaviest."""
STEPS = 120

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """One text.  ``answers``: head → whether it is what the head asks for; a head that is missing learns nothing."""

    features: frozenset[int]
    answers: dict[str, bool]
    source: str
    cluster: str


def learn(examples: Sequence[Example], heads: Sequence[str], kept: int = KEPT) -> bytes:
    """The file of a table."""
    known, matrix = _matrix(examples)
    weights, biases = [], []
    for head in heads:
        chosen = [at for at, one in enumerate(examples) if head in one.answers]
        answers = np.array([examples[at].answers[head] for at in chosen])
        each = _importance([examples[at] for at in chosen], head)
        vector, bias = _fit(matrix[chosen], answers, each)
        weights.append(vector)
        biases.append(bias)
    strongest = np.max([np.abs(vector) / (np.abs(vector).max() or 1) for vector in weights], axis=0)
    order = np.sort(np.argsort(-strongest, kind="stable")[:kept])
    described, columns = [], []
    for head, vector, bias in zip(heads, weights, biases, strict=True):
        scale = float(np.abs(vector[order]).max()) / 127 or 1.0
        columns.append(np.rint(vector[order] / scale).astype(int).tolist())
        described.append(Head(head, round(bias, 6), float(f"{scale:.6g}")))
    return render(described, known[order].tolist(), columns)


def table_of(examples: Sequence[Example], heads: Sequence[str], kept: int = KEPT) -> Table:
    """As the package would read it."""
    return parse(learn(examples, heads, kept))


def _matrix(examples: Sequence[Example]) -> tuple[NDArray[np.int64], csr_matrix]:
    seen: dict[str, set[int]] = {}
    for one in examples:
        seen.setdefault(one.cluster, set()).update(one.features)
    counts: Counter[int] = Counter()
    for several in seen.values():
        counts.update(several)
    known = np.array(sorted(feature for feature, count in counts.items() if count >= FEWEST), dtype=np.int64)
    columns, pointers, values = [], [0], []
    for one in examples:
        wanted = np.fromiter(sorted(one.features), dtype=np.int64, count=len(one.features))
        places = np.searchsorted(known, wanted)
        places[places == len(known)] = 0
        found = places[known[places] == wanted]
        columns.append(found)
        values.append(np.full(len(found), 1 / np.sqrt(max(1, len(one.features)))))
        pointers.append(pointers[-1] + len(found))
    shape = (len(examples), len(known))
    return known, csr_matrix((np.concatenate(values), np.concatenate(columns), pointers), shape=shape)


def _importance(examples: Sequence[Example], head: str) -> Floats:
    """Both answers weigh the same; inside each, a source weighs as the root of its size, a campaign as two messages."""
    clusters = Counter(one.cluster for one in examples)
    each = np.array([min(1.0, 2.0 / clusters[one.cluster]) for one in examples])
    groups: dict[tuple[bool, str], list[int]] = {}
    for at, one in enumerate(examples):
        groups.setdefault((one.answers[head], one.source), []).append(at)
    for several in groups.values():
        each[several] /= np.sqrt(each[several].sum())
    for answer in (False, True):
        several = [at for at, one in enumerate(examples) if one.answers[head] is answer]
        each[several] *= 0.5 / each[several].sum()
    return each


def _fit(matrix: csr_matrix, answers: NDArray[np.bool_], each: Floats) -> tuple[Floats, float]:
    signs = np.where(answers, 1.0, -1.0)
    turned = matrix.T.tocsr()

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights, bias = parameters[:-1], parameters[-1]
        margins = signs * (matrix @ weights + bias)
        pull = -signs * each / (1 + np.exp(np.clip(margins, -50, 50)))
        value = float(each @ np.logaddexp(0, -margins) + RIDGE / 2 * (weights @ weights) + LEVEL / 2 * bias**2)
        return value, np.append(turned @ pull + RIDGE * weights, pull.sum() + LEVEL * bias)

    start = np.zeros(matrix.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x[:-1], float(found.x[-1])
