"""A lesson of ``courriel learn``: a message, the reader's answer, the truth, the score."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

import click
from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from courriel.base.i18n import N_, translator
from courriel.cli import analyze_terminal
from courriel.cli.analyze_terminal import safe, shown
from courriel.cli.lessons import EXERCISES, HOUSES, Exercise, told
from courriel.cli.output import console
from courriel.model.threat import Channel, Level
from courriel.threats.defang import visible
from courriel.threats.dossier import Dossier
from courriel.threats.explain import Translate, kind_name

SCHEMA: Final = "courriel.lesson/1"

GOOD, BAD, DETAILS, STOP = "1", "2", "d", "q"
CHOICES: Final = (GOOD, BAD, DETAILS, STOP)
CHARACTERS: Final = 3_000
HARMFUL: Final = frozenset({Level.SUSPICIOUS.value, Level.MALICIOUS.value})

_CHANNELS: Final = {
    Channel.MAIL: N_("A message in your mailbox"),
    Channel.SMS: N_("A text message on your telephone"),
    Channel.CALL: N_("A telephone call"),
}


class Score:
    """What the reader got right.  ``missed`` were malicious and passed for harmless; ``alarms`` the other way."""

    def __init__(self) -> None:
        self.right = 0
        self.missed: list[Exercise] = []
        self.alarms: list[Exercise] = []

    @property
    def answered(self) -> int:
        return self.right + len(self.missed) + len(self.alarms)

    def count(self, exercise: Exercise, says_bad: bool) -> bool:
        """Whether the answer is right."""
        if says_bad is (exercise.kind is not None):
            self.right += 1
            return True
        (self.alarms if says_bad else self.missed).append(exercise)
        return False


def names() -> list[str]:
    """All exercises."""
    return [exercise.name for exercise in EXERCISES]


def exercises(wanted: Sequence[str]) -> list[Exercise]:
    """Those wanted, or all, in their order."""
    return [exercise for exercise in EXERCISES if not wanted or exercise.name in wanted]


def plain(exercise: Exercise, language: str) -> dict[str, object]:
    """For JSON."""
    return {
        "schema": SCHEMA,
        "name": exercise.name,
        "language": language,
        "channel": exercise.channel.value,
        "malicious": exercise.kind is not None,
        "kind": exercise.kind.value if exercise.kind is not None else None,
        "analysis": told(exercise, language),
    }


def teach(chosen: Sequence[Exercise], language: str) -> None:
    """As far as answers come."""
    _ = translator(language)
    score = Score()
    console.print(_welcome(language, _))
    for number, exercise in enumerate(chosen, 1):
        found = told(exercise, language)
        console.rule(f"{number}/{len(chosen)}")
        console.print(letter(exercise, found, _))
        answer = _answer(found, _)
        if answer not in (GOOD, BAD):
            break
        right = score.count(exercise, answer == BAD)
        console.print(_truth(exercise, right, language, _))
        if (found.level in HARMFUL) is not (exercise.kind is not None):
            console.print(_("Courriel itself judges otherwise here: no check is always right."), style="yellow")
        analyze_terminal.show_verdict(found, console)
    console.rule()
    for line in result(score, language, _):
        console.print(line)


def _welcome(language: str, _: Translate) -> Text:
    house = HOUSES[language]
    text = _(
        "You are {reader}, and work at {domain}. Your director is {director}; {colleague} is a colleague.\n"
        "Decide about each message as you would: is it harmless, or malicious?"
    )
    words = {"reader": house.reader, "domain": house.domain, "director": house.director.name}
    return Text(text.format(colleague=house.colleague, **words))


# ------------------------------------------------------------------------------------------------- a message


def letter(exercise: Exercise, found: Dossier, _: Translate) -> Panel:
    """The message as its reader sees it, with the link targets that pointing at them shows."""
    parts: list[RenderableType] = []
    if exercise.channel is Channel.MAIL:
        table = Table.grid(padding=(0, 2))
        for one in found.card.authors:
            table.add_row(Text(_("From"), style="dim"), Text(visible(f"{one.display} <{one.address}>")))
        table.add_row(Text(_("Subject"), style="dim"), Text(visible(found.subject), style="bold"))
        parts += [table, Text()]
    parts.append(shown(found.text.readable.strip(), CHARACTERS))
    parts += [
        Text.assemble(("\n🔗 ", "dim"), safe(one.text or one.host), (f" → {visible(one.defanged)}", "dim"))
        for one in found.links
        if one.kind != "text"
    ]
    parts += [Text(f"\n📎 {visible(one.name)}", style="dim") for one in found.files]
    return Panel(Group(*parts), title=_(_CHANNELS[exercise.channel]), title_align="left", box=ROUNDED, width=100)


def _answer(found: Dossier, _: Translate) -> str:
    """GOOD, BAD, STOP, or "" where answers have ended.  Details are shown as often as they are wanted."""
    question = _("[1] harmless  [2] malicious  [d] details  [q] stop")
    while True:
        click.echo(f"{question} > ", nl=False)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            click.echo(line.strip())
        if not line:
            return ""
        answer = line.strip().lower()[:1]
        if answer == DETAILS:
            analyze_terminal.show_proof(found, console)
        elif answer in CHOICES:
            return answer


def _truth(exercise: Exercise, right: bool, language: str, _: Translate) -> Text:
    judged = Text(_("Right.") if right else _("No."), style="bold green" if right else "bold red")
    if exercise.kind is None:
        return judged.append(" " + _("It is harmless."), style="not bold default")
    kind = _("It is malicious: {kind}.").format(kind=kind_name(exercise.kind, language))
    return judged.append(f" {kind}", style="not bold default")


# ------------------------------------------------------------------------------------------------- the end


def result(score: Score, language: str, _: Translate) -> Iterator[Text]:
    """The score, and what to look at again."""
    if not score.answered:
        yield Text(_("Nothing was answered. Come again: courriel learn"))
        return
    yield Text(_("{right} of {all} right.").format(right=score.right, all=score.answered), style="bold")
    if score.missed:
        kinds = ", ".join(kind_name(one.kind, language) for one in score.missed if one.kind is not None)
        yield Text(_("Taken for harmless: {kinds}").format(kinds=kinds), style="red")
    if score.alarms:
        names = ", ".join(one.name for one in score.alarms)
        yield Text(_("Harmless, and taken for malicious: {names}").format(names=names), style="yellow")
    again = " ".join(one.name for one in [*score.missed, *score.alarms])
    if again:
        yield Text(_("To look at these again: courriel learn {names}").format(names=again))
    else:
        yield Text(_("All of them. One habit is enough: before you click, pay or call, ask in another way."))
