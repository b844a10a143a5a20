"""Many analyses together: a row each, counts, bars, CSV, and a page of all of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from courriel.base.i18n import translator
from courriel.cli import analyze_words as words
from courriel.cli.analyze_page import body, document, heading, safe, table
from courriel.cli.analyze_svg import bars
from courriel.cli.analyze_terminal import COLOURS, MARKS
from courriel.cli.analyze_terminal import safe as safe_text
from courriel.model.threat import Kind, Level
from courriel.threats.dossier import Dossier
from courriel.threats.explain import Translate, kind_name, level_name

BAR: Final = 40
"""Columns of the longest bar."""
KEPT: Final = 25
"""``analyze.kept``: the worst messages, told in full on the page of a batch; the others are rows."""
CELL: Final = 60
"""Characters of a cell in the terminal."""

_RANK: Final = {level.value: rank for rank, level in enumerate(Level)}


class Row(msgspec.Struct, frozen=True):
    """One message of a batch.  ``problem`` says why it could not be read; all else is empty then."""

    name: str
    octets: int = 0
    sha256: str = ""
    channel: str = ""
    level: str = ""
    kind: str = ""
    probability: float = 0.0
    score: float = 0.0
    sender: str = ""
    subject: str = ""
    date: str = ""
    signals: str = ""
    problem: str = ""


def row(dossier: Dossier) -> Row:
    """``signals`` are the names of those that decided."""
    source = dossier.source
    sender = next((f"{one.display} <{one.address}>".strip() for one in dossier.card.authors), "")
    return Row(
        source.name,
        source.octets,
        source.sha256,
        dossier.channel,
        dossier.level,
        dossier.kind or "",
        round(dossier.probability, 4),
        round(dossier.score, 4),
        sender,
        dossier.subject,
        dossier.date,
        " ".join(point.signal for point in dossier.explanation.deciding),
    )


class Batch:
    """Rows of all messages, and the dossiers of the worst KEPT."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.worst: list[Dossier] = []

    def add(self, dossier: Dossier) -> Row:
        """Count it; its row."""
        added = row(dossier)
        self.rows.append(added)
        if _RANK[dossier.level] >= _RANK[Level.SUSPICIOUS.value]:
            self.worst = sorted([*self.worst, dossier], key=_badness, reverse=True)[:KEPT]
        return added

    def lose(self, name: str, octets: int, problem: str) -> Row:
        """Count one that could not be read; its row."""
        self.rows.append(Row(name, octets, problem=problem))
        return self.rows[-1]


def _badness(dossier: Dossier) -> tuple[int, float]:
    return _RANK[dossier.level], dossier.probability


# ------------------------------------------------------------------------------------------------- CSV


def csv_head() -> str:
    """The line of names."""
    return _line(Row.__struct_fields__)


def csv_line(one: Row) -> str:
    """One row.  A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    return _line([_plain(getattr(one, name)) for name in Row.__struct_fields__])


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


# ------------------------------------------------------------------------------------------------- the terminal


def show(rows: Sequence[Row], language: str, console: Console) -> None:
    """A line for each, then bars."""
    _ = translator(language)
    lines = Table(box=None, pad_edge=False)
    for title in (_("verdict"), _("kind"), "%", _("sender"), _("subject"), _("message")):
        lines.add_column(title, no_wrap=True, overflow="ellipsis", max_width=CELL)
    for one in rows:
        lines.add_row(*_cells(one, language, _))
    console.print(lines)
    console.print(Text(f"\n{_(words.SUMMARY)}", style="bold"))
    for name, count, mood in [*levels(rows, language), *kinds(rows, language)]:
        most = max(len(rows), 1)
        length = max(round(count * BAR / most), 1) if count else 0
        console.print(Text.assemble(f"  {name:<38} ", ("█" * length, COLOURS.get(mood, "red")), f" {count}"))


def _cells(one: Row, language: str, _: Translate) -> list[Text]:
    if one.problem:
        return [Text(_("unreadable"), style="magenta"), Text(), Text(), Text(), Text(one.problem), safe_text(one.name)]
    level = Text(f"{MARKS[one.level]} {level_name(Level(one.level), language)}", style=COLOURS[one.level])
    kind = Text(kind_name(Kind(one.kind), language) if one.kind else "")
    percent = Text(f"{one.probability * 100:.0f}")
    return [level, kind, percent, safe_text(one.sender), safe_text(one.subject), Text(safe_text(one.name).plain)]


def levels(rows: Iterable[Row], language: str) -> list[tuple[str, int, str]]:
    """(name, count, colour) of each level, worst first, then of what could not be read."""
    _ = translator(language)
    counts = Counter(one.level for one in rows)
    found = [(level_name(level, language), counts[level.value], level.value) for level in reversed(Level)]
    return [*found, (_("unreadable"), counts[""], "")] if counts[""] else found


def kinds(rows: Iterable[Row], language: str) -> list[tuple[str, int, str]]:
    """(name, count, colour) of the kinds that were found, most first."""
    counts = Counter(one.kind for one in rows if one.kind and one.level in ("suspicious", "malicious"))
    return [(kind_name(Kind(kind), language), count, "malicious") for kind, count in counts.most_common()]


# ------------------------------------------------------------------------------------------------- the page


def page(batch: Batch, language: str) -> str:
    """Bars, a row for each message, and the worst in full."""
    _ = translator(language)
    rows = batch.rows
    title = _("{count} messages analysed").format(count=len(rows))
    plots = (levels(rows, language), kinds(rows, language))
    parts = [f"<h1>{escape(title)}</h1>"]
    parts += [f'<div class="wide">{bars(_(words.SUMMARY), plot)}</div>' for plot in plots if plot]
    titles = (_("verdict"), _("kind"), "%", _("sender"), _("subject"), _("message"))
    parts.append(table(titles, [_page_cells(one, language, _) for one in rows]))
    if batch.worst:
        parts.append(heading(words.WORST, _))
    for dossier in batch.worst:
        summary = f"{escape(dossier.explanation.level)} · {safe(dossier.subject)} · {safe(dossier.source.name)}"
        parts += [f"<details><summary>{summary}</summary>", *body(dossier, _, open_=False), "</details>"]
    return document(language, title, parts)


_STYLES: Final[Mapping[str, str]] = {"malicious": "bad", "suspicious": "waiting", "clean": "good", "bulk": "dim"}


def _page_cells(one: Row, language: str, _: Translate) -> list[str]:
    if one.problem:
        return [escape(_("unreadable")), "", "", "", escape(one.problem), safe(one.name)]
    level = f'<span class="{_STYLES[one.level]}">{escape(level_name(Level(one.level), language))}</span>'
    kind = escape(kind_name(Kind(one.kind), language)) if one.kind else ""
    return [level, kind, f"{one.probability * 100:.0f}", safe(one.sender), safe(one.subject), safe(one.name)]
