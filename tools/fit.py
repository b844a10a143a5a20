"""Learns a whole model from rows: tables of words, and how much words and signals count.

The weights are fitted on what tables say of sources that they have not seen (every source family is held out once):
a table is always surer of its own sources than it may be of the world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from courriel.model.threat import Channel, Finding, Kind, Report
from courriel.threats import words
from courriel.threats.scan import findings
from courriel.threats.signals import catalogue
from courriel.threats.table import Table, parse
from courriel.threats.weigh import KNOWN_FROM, hand_set, weigh
from courriel.threats.weights import LEAST, MOST, Weights
from tools.kit import Row
from tools.train import Example, learn

CAP = 16.0
"""Log-odds of words at most: ``weights.AGAINST`` of words."""
STIFFNESS = 0.001
"""How hard a signal's factor is held at 1."""
_TEACHING = {Channel.CALL: {Channel.CALL, Channel.SMS}}
"""What is said in text messages stands in for calls, of which there is no permissive corpus to speak of."""
KINDS: Mapping[Channel, Mapping[Kind, float]] = {
    Channel.MAIL: {
        Kind.SPAM: 0.0,
        Kind.SCAM: -1.0,
        Kind.PHISHING: -0.6,
        Kind.SPEAR_PHISHING: -1.6,
        Kind.WHALING: -1.6,
        Kind.VISHING: -1.8,
        Kind.SPOOFING: -1.5,
        Kind.MALWARE: -1.5,
    },
    Channel.SMS: {Kind.SPAM: 0.0, Kind.SMISHING: -0.5, Kind.VISHING: -1.5, Kind.SCAM: -1.5},
    Channel.CALL: {Kind.VISHING: 1.0, Kind.SPAM: -1.0},
}
"""Log-odds of kinds before anything is seen, given that the message is bad: how common they are."""
FAMILIES = {"list-cake": "lists", "list-cocci": "lists", "list-man": "lists", "list-usrp": "lists"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """A row, read and looked at once."""

    file: str
    label: str
    source: str
    licence: str
    also: frozenset[str]
    lang: str
    cluster: str
    bad: bool
    channel: Channel
    features: frozenset[int]
    findings: tuple[Finding, ...]

    @property
    def family(self) -> str:
        return FAMILIES.get(self.source, self.source)


@dataclass(frozen=True)
class Model:
    """``files``: channel → the octets of its table."""

    files: dict[Channel, bytes]
    tables: dict[Channel, Table]
    weights: dict[Channel, Weights]

    def judge(self, one: Read) -> Report:
        table = self.tables[one.channel]
        opinion = words.opinion(set(one.features), table)
        return weigh(one.channel, one.findings, opinion, catalogue(), self.weights[one.channel])


def look(row: Row) -> Read:
    """Read a row and let every signal look."""
    view = row.view()
    return Read(
        row.file,
        row.label,
        row.source,
        row.licence,
        row.also,
        row.lang,
        row.cluster,
        row.bad,
        row.channel,
        frozenset(words.features(view)),
        tuple(findings(view)),
    )


def build(rows: Sequence[Read], channels: Iterable[Channel] = tuple(Channel)) -> Model:
    """The model that these rows teach."""
    files: dict[Channel, bytes] = {}
    fitted: dict[Channel, Weights] = {}
    for channel in channels:
        taught = [row for row in rows if row.channel in _TEACHING.get(channel, {channel})]
        examples = [_example(row) for row in taught]
        files[channel] = learn(examples, _heads(examples))
        fitted[channel] = _weights(channel, taught)
    tables = {channel: parse(raw) for channel, raw in files.items()}
    return Model(files, tables, fitted)


def _example(row: Read) -> Example:
    # Generated requests for transfers teach what their generator writes like, and that business talk is bad.
    answers = {} if row.source == "bec-adjei" else {"malicious": row.bad}
    if row.channel is Channel.MAIL:
        answers["bec"] = row.label == "whaling"
    if row.bad and row.channel is Channel.SMS:
        answers["smishing"] = row.label in ("smishing", "vishing")
    if row.bad and row.channel is Channel.MAIL and row.label in ("phishing", "spoofing", "spam"):
        answers["phishing"] = row.label != "spam"
    return Example(row.features, answers, row.source, row.cluster)


def _heads(examples: Sequence[Example]) -> list[str]:
    """Those that have something to learn from: a hundred of either answer."""
    heads = []
    for head in ("malicious", "bec", "phishing", "smishing"):
        answers = [one.answers[head] for one in examples if head in one.answers]
        if min(answers.count(True), answers.count(False)) >= 100:
            heads.append(head)
    return heads


def _weights(channel: Channel, taught: Sequence[Read]) -> Weights:
    rows, unseen, heard = _unseen(taught)
    names = sorted({finding.signal for row in rows for finding in row.findings} & catalogue().keys())
    seen = _strengths(rows, names)
    answers = np.array([row.bad for row in rows])
    each = _balanced(rows)
    enough = np.array([(seen[:, at] != 0).sum() >= 10 for at in range(len(names))], dtype=bool)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        prior, slope, zero, factors = parameters[0], parameters[1], parameters[2], parameters[3:]
        level = np.tanh(slope * heard * (unseen - zero) / CAP)
        score = prior + CAP * level + seen @ factors
        signs = np.where(answers, 1.0, -1.0)
        pull = -signs * each / (1 + np.exp(np.clip(signs * score, -50, 50)))
        steep = (1 - level**2) * pull * heard
        value = float(each @ np.logaddexp(0, -signs * score) + STIFFNESS * ((factors - 1) ** 2).sum())
        gradient = [pull.sum(), steep @ (unseen - zero), -slope * steep.sum()]
        return value, np.append(gradient, seen.T @ pull + 2 * STIFFNESS * (factors - 1))

    start = np.concatenate([[-1.5, 1.0, 0.0], np.ones(len(names))])
    bounds = [(-6.0, 0.0), (0.05, 4.0), (-3.0, 3.0), *[(LEAST, MOST) if one else (1.0, 1.0) for one in enough]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    factors = {name: round(float(value), 3) for name, value in zip(names, found[3:], strict=True)}
    return Weights(
        prior=round(float(found[0]), 4),
        words_slope=round(float(found[1]), 4),
        words_zero=round(float(found[2]), 4),
        words_cap=CAP,
        signals={name: value for name, value in factors.items() if value != 1.0},
        kinds=dict(KINDS[channel]),
    )


def _unseen(taught: Sequence[Read]) -> tuple[list[Read], Floats, Floats]:
    """Rows, what words say of them by a table that has not seen their source, and how far that is heard."""
    taught = [row for row in taught if "malicious" in _example(row).answers]
    rows: list[Read] = []
    said: list[float] = []
    heard: list[float] = []
    folds = _folds(taught)
    for fold in sorted(set(folds)):
        others = [row for row, place in zip(taught, folds, strict=True) if place != fold]
        if len({row.bad for row in others}) < 2:
            continue
        table = parse(learn([_example(row) for row in others], ["malicious"]))
        held_out = [row for row, place in zip(taught, folds, strict=True) if place == fold]
        rows += held_out
        for row in held_out:
            opinion = words.opinion(set(row.features), table)
            said.append(opinion.heads["malicious"])
            heard.append(min(1.0, opinion.known / KNOWN_FROM))
    return rows, np.array(said), np.array(heard)


def _folds(rows: Sequence[Read]) -> list[str]:
    """The family of each row; where all are of one, a third by its cluster."""
    families = [row.family for row in rows]
    if len(set(families)) > 1:
        return families
    return [str(crc32(row.cluster.encode()) % 3) for row in rows]


def _strengths(rows: Sequence[Read], names: Sequence[str]) -> Floats:
    places = {name: at for at, name in enumerate(names)}
    signals = catalogue()
    seen = np.zeros((len(rows), len(names)))
    for line, row in zip(seen, rows, strict=True):
        for finding in row.findings:
            if finding.signal in places:
                line[places[finding.signal]] += hand_set(signals[finding.signal]) * finding.strength
    return seen


def _balanced(rows: Sequence[Read]) -> Floats:
    """Each answer half of the weight; inside, a source as the root of its size."""
    each = np.zeros(len(rows))
    groups: dict[tuple[bool, str], list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault((row.bad, row.source), []).append(at)
    for several in groups.values():
        each[several] = 1 / np.sqrt(len(several))
    for bad in (False, True):
        several = [at for at, row in enumerate(rows) if row.bad is bad]
        each[several] *= 0.5 / each[several].sum()
    return each
