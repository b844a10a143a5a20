"""A report in the reader's words: one line that decides, the facts behind it, what to do.  English and French.

    verdict   what it is, for somebody who has never heard of the words of the trade
    deciding  the facts that decided, each with what was seen, why it matters, what to do, and the words it stands on
    good      what speaks for the message, where anything does
    limits    what could not be known, which is not the same as being bad

Nothing is judged here: the report decides, this finds the sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from courriel.base.i18n import N_, translator
from courriel.model.threat import DECIDING, Evidence, Group, Kind, Level, Reason, Report
from courriel.threats.kinds import ADVICE, LEVELS, PORTRAITS, VERDICTS, Portrait
from courriel.threats.quoting import as_they_stand
from courriel.threats.signal import Signal
from courriel.threats.view import View

Translate: TypeAlias = Callable[[str], str]


class Point(msgspec.Struct, frozen=True):
    """One finding in words.  ``weight`` as in the report; negative where it speaks for the message."""

    signal: str
    group: str
    seen: str
    why: str
    then: str
    evidence: tuple[Evidence, ...]
    strength: float
    weight: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """``kind`` and ``definition`` are "" where no kind is named, as for a mailing; ``good`` is None where nothing
    speaks for the message, or where all that decided does; ``points`` are all findings, heaviest first, with those of
    ``deciding``."""

    language: str
    level: str
    verdict: str
    kind: str
    definition: str
    certainty: str
    deciding: tuple[Point, ...]
    good: Point | None
    advice: tuple[str, ...]
    limits: tuple[str, ...]
    points: tuple[Point, ...]


GROUPS: Final[Mapping[Group, str]] = {
    Group.AUTHENTICATION: N_("proof of the sender"),
    Group.IDENTITY: N_("who it says it is"),
    Group.ROUTE: N_("the way it came"),
    Group.LINKS: N_("links"),
    Group.CONTENT: N_("what it says"),
    Group.ATTACHMENTS: N_("attachments"),
    Group.CONTEXT: N_("what is known of the sender"),
    Group.WORDS: N_("choice of words"),
}

_WORDS_AGAINST: Final = (
    N_("Its choice of words resembles messages that were malicious."),
    N_("Those who write such messages use the same turns of phrase again and again. Words alone prove nothing."),
    N_("Look at the other reasons: the words only add to them."),
)
_WORDS_FOR: Final = (
    N_("Its choice of words resembles ordinary messages."),
    N_("Most malicious messages are worded otherwise. A careful forger can write like this, too."),
    N_("Nothing needs to be done."),
)
_UNNAMED: Final = (
    N_("The check “{signal}” found something."),
    N_("It counted towards the verdict."),
    N_("Look at the words that it points at."),
)
"""For findings without a signal in the catalogue: what the model of words says, and what a newer server found."""

UNPROVEN_FROM: Final = 0.9
"""``explain.unproven_from``: a suspicious message this probable is one that only lacks facts."""
FACT: Final = 0.25
"""``explain.fact``: log-odds from which a fact is worth more to a reader than the choice of words."""

_UNPROVEN: Final = N_("Probable, but not proven: too few facts speak against it.")
_CERTAINTY: Final = (
    (0.99, N_("Practically certain.")),
    (0.9, N_("Very probable.")),
    (0.7, N_("Probable.")),
    (0.4, N_("Uncertain: it could be either.")),
    (0.0, N_("Improbable.")),
)
"""From this probability on."""


def explain(report: Report, catalogue: Mapping[str, Signal], language: str, view: View | None = None) -> Explanation:
    """``language`` is one of ``base.i18n.LANGUAGES``; without a ``view`` nothing is said about limits, and quotes are
    taken on trust."""
    _ = translator(language)
    points = {id(reason): point(reason, catalogue, _, view) for reason in report.reasons}
    deciding = tuple(points[id(reason)] for reason in _deciding(report))
    good = min((reason for reason in report.reasons if reason.weight < 0), key=_weight, default=None)
    portrait = _portrait(report)
    return Explanation(
        language=language,
        level=_(LEVELS[report.level]),
        verdict=_(_verdict(report)),
        kind=_(portrait.name) if portrait is not None else "",
        definition=_(portrait.definition) if portrait is not None else "",
        certainty=_certainty(report, _),
        deciding=deciding,
        good=points[id(good)] if good is not None and report.level is not Level.CLEAN else None,
        advice=tuple(_(text) for text in _advice(report)),
        limits=tuple(_(text) for text in _limits(view)) if view is not None else (),
        points=tuple(points.values()),
    )


def kind_name(kind: Kind, language: str) -> str:
    """What a kind is called."""
    return translator(language)(PORTRAITS[kind].name)


def level_name(level: Level, language: str) -> str:
    """What a level is called."""
    return translator(language)(LEVELS[level])


def point(reason: Reason, catalogue: Mapping[str, Signal], _: Translate, view: View | None = None) -> Point:
    """One reason in words; with the ``view``, only quotes that stand in it."""
    finding = reason.finding
    places = _Places({"signal": finding.signal, **finding.facts})
    seen, why, then = (_(text).format_map(places) for text in _sentences(reason, catalogue))
    return Point(
        finding.signal,
        _(GROUPS[finding.group]),
        seen,
        why,
        then,
        finding.evidence if view is None else as_they_stand(finding.evidence, view),
        finding.strength,
        reason.weight,
    )


def _deciding(report: Report) -> list[Reason]:
    """As ``Report.deciding``, but facts before the choice of words, which nobody can check: it comes after all facts
    that weigh anything."""
    bad = report.level is not Level.CLEAN
    speaking = [reason for reason in report.reasons if reason.weight and (reason.weight > 0) is bad]
    facts = [one for one in speaking if one.finding.group is not Group.WORDS and abs(one.weight) >= FACT]
    return [*facts, *(one for one in speaking if one not in facts)][:DECIDING]


def _sentences(reason: Reason, catalogue: Mapping[str, Signal]) -> tuple[str, str, str]:
    signal = catalogue.get(reason.finding.signal)
    if signal is not None:
        return signal.seen, signal.why, signal.then
    if reason.finding.group is Group.WORDS:
        return _WORDS_AGAINST if reason.weight > 0 else _WORDS_FOR
    return _UNNAMED


class _Places(dict[str, str]):
    """Facts for the places of a sentence; one that is missing leaves a gap, never an error."""

    def __missing__(self, name: str) -> str:
        return "…"


def _portrait(report: Report) -> Portrait | None:
    """Of the kind.  A mailing that harms nobody is not called spam to its reader's face: it may be wanted."""
    if report.kind is None or report.level in (Level.CLEAN, Level.BULK):
        return None
    return PORTRAITS[report.kind]


def _verdict(report: Report) -> str:
    portrait = _portrait(report)
    if portrait is None:
        return VERDICTS[report.level]
    return portrait.certain if report.level is Level.MALICIOUS else portrait.possible


def _advice(report: Report) -> tuple[str, ...]:
    portrait = _portrait(report)
    return ADVICE[report.level] if portrait is None else portrait.advice


def _certainty(report: Report, _: Translate) -> str:
    """How sure, as a person says it, and on how many kinds of evidence it rests."""
    sure = report.probability if report.level is not Level.CLEAN else 1 - report.probability
    word = _(next(text for least, text in _CERTAINTY if sure >= least))
    if report.level is Level.SUSPICIOUS and report.probability >= UNPROVEN_FROM:
        word = _(_UNPROVEN)
    if report.groups < 2:
        return word
    rest = _("{count} independent kinds of evidence were found.").format(count=report.groups)
    return f"{word} {rest}"


_LIMITS: Final = (
    N_("Nobody has checked here whether the sender is genuine, because the server that received it is not known."),
    N_("Whether this sender has written before is not known."),
)


def _limits(view: View) -> tuple[str, ...]:
    known = (view.arrival.judgement is not None or not view.authors, view.context.remembers)
    return tuple(text for text, is_known in zip(_LIMITS, known, strict=True) if not is_known)


def _weight(reason: Reason) -> float:
    return reason.weight
