"""One analysis in the terminal: first what anybody understands, then the proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.box import HEAVY, ROUNDED
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from courriel.base.i18n import translator
from courriel.cli import analyze_words as words
from courriel.cli.output import octets
from courriel.threats.defang import defanged, pieces, unlinked, visible
from courriel.threats.dossier import Dossier, Mailbox, Station
from courriel.threats.explain import Point, Translate

COLOURS: Final = {"clean": "green", "bulk": "cyan", "suspicious": "yellow", "malicious": "red"}
MARKS: Final = {"clean": "✔", "bulk": "◌", "suspicious": "▲", "malicious": "✖"}
MOODS: Final = {"good": "green", "waiting": "yellow", "bad": "red", "": ""}
NUMBERS: Final = "①②③"
TEXT_CHARACTERS: Final = 3_000
"""``analyze.terminal_characters``: of each text; the page and the JSON have more."""
ROWS: Final = 30
"""``analyze.terminal_rows``: of links, attachments and findings."""
BAR: Final = 12
"""Columns of the longest bar of a weight."""


WIDTH: Final = 110
"""Columns of a report at most: longer lines are tiring to read."""


def show(dossier: Dossier, console: Console) -> None:
    """Print all of it."""
    show_verdict(dossier, console)
    show_proof(dossier, console)


def show_verdict(dossier: Dossier, console: Console) -> None:
    """Print what anybody understands."""
    _ = translator(dossier.explanation.language)
    console = _narrow(console)
    console.print(_verdict(dossier, _))
    for section in _lay(dossier, _):
        console.print(section)


def show_proof(dossier: Dossier, console: Console) -> None:
    """Print the proof in detail."""
    _ = translator(dossier.explanation.language)
    console = _narrow(console)
    console.print(Rule(_(words.DETAIL), style="dim"))
    for section in _proof(dossier, _):
        console.print(section)


def _narrow(console: Console) -> Console:
    return Console(file=console.file, width=min(console.width, WIDTH), highlight=False)


def safe(text: str, style: str = "") -> Text:
    """Words of the message: harmless, and with every hidden character named."""
    return Text(visible(defanged(text)), style=style)


def sentence(text: str, style: str = "") -> Text:
    """A sentence, or a quote in one: no link, but names of domains as everybody knows them."""
    return Text(visible(unlinked(text)), style=style)


# ------------------------------------------------------------------------------------------------- for anybody


def _verdict(dossier: Dossier, _: Translate) -> Panel:
    said = dossier.explanation
    colour = COLOURS[dossier.level]
    title = " · ".join(filter(None, (said.level.upper(), said.kind)))
    body = Text(said.verdict, style=f"bold {colour}")
    if said.definition:
        body.append(f"\n{said.definition}", style="not bold default")
    body.append(f"\n{said.certainty}", style="not bold dim")
    return Panel(body, title=f"{MARKS[dossier.level]} {title}", box=HEAVY, border_style=colour, title_align="left")


def _lay(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    said = dossier.explanation
    if said.deciding:
        yield _title(words.DECIDED, _)
        for number, point in zip(NUMBERS, said.deciding, strict=False):
            yield _point(number, point, _)
    if said.good is not None:
        yield _title(words.GOOD, _)
        yield _point("✔", said.good, _)
    yield _title(words.ADVICE, _)
    for text in said.advice:
        yield Padding(Text(f"→ {text}"), (0, 0, 0, 2))
    if said.limits:
        yield _title(words.LIMITS, _)
        for text in said.limits:
            yield Padding(Text(f"? {text}", style="dim"), (0, 0, 0, 2))
    yield Text()


def _title(text: str, _: Translate) -> Text:
    return Text(f"\n{_(text)}", style="bold")


def _point(mark: str, point: Point, _: Translate) -> Padding:
    lines: list[RenderableType] = [Text.assemble((f"{mark} ", "bold"), sentence(point.seen, "bold"))]
    details = [Text.assemble((f"{place}: ", "dim"), quotes) for place, quotes in _quotes(point, _)]
    details += [sentence(point.why), sentence(f"→ {point.then}")]
    lines += [Padding(line, (0, 0, 0, 2)) for line in details]
    return Padding(Group(*lines), (0, 0, 0, 2))


def _quotes(point: Point, _: Translate) -> Iterator[tuple[str, Text]]:
    """(where, the words quoted from there)."""
    for place, quoted in words.quotes(point.evidence).items():
        yield words.where(place, _), Text(" · ").join(sentence(f"“{one}”", "italic magenta") for one in quoted)


# ------------------------------------------------------------------------------------------------- the proof


def _proof(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    yield _card(dossier, _)
    if dossier.channel == "mail":
        yield from _checks(dossier, _)
        yield from _route(dossier, _)
    yield from _links(dossier, _)
    yield from _files(dossier, _)
    yield from _text(dossier, _)
    yield from _points(dossier, _)


def _card(dossier: Dossier, _: Translate) -> Panel:
    table = Table.grid(padding=(0, 2))
    card = dossier.card
    rows = [
        ("From", card.authors, "" if not card.several else _("several senders are named")),
        ("Sender", (card.sender,) if card.sender else (), _differs("sender", dossier, _)),
        ("Reply-To", card.reply_to, _differs("reply_to", dossier, _)),
        ("Return-Path", (card.return_path,) if card.return_path else (), _differs("return_path", dossier, _)),
        ("To", card.recipients[:5], ""),
    ]
    for name, people, note in rows:
        if people:
            line = Text("\n").join(_mailbox(one) for one in people)
            table.add_row(Text(name, style="dim"), line.append(f"\n▲ {note}", style="yellow") if note else line)
    for name, value in (("Subject", dossier.subject), ("Date", dossier.date), ("Message-ID", dossier.message_id)):
        if value:
            table.add_row(Text(name, style="dim"), safe(value))
    source = dossier.source
    cut = " · " + _("only its beginning was looked at") if source.cut else ""
    digest = f" · sha256 {source.sha256}" if source.sha256 else ""
    size = f"{octets(source.octets)}{digest}{cut}"
    table.add_row(Text(_("File"), style="dim"), sentence(source.name).append(f"\n{size}"))
    return Panel(table, title=_(words.CARD), title_align="left", box=ROUNDED, border_style="dim")


def _differs(name: str, dossier: Dossier, _: Translate) -> str:
    return _(words.DIFFERS[name]) if name in dossier.card.differs else ""


def _mailbox(one: Mailbox) -> Text:
    if not one.display:
        return safe(one.address)
    return Text.assemble(safe(one.display, "bold"), "  ", safe(f"<{one.address}>"))


def _checks(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    yield _title(words.CHECKS, _)
    yield Padding(sentence(words.checked_by(dossier, _), "dim"), (0, 0, 0, 2))
    if not dossier.checks:
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for one in dossier.checks[:ROWS]:
        detail = safe(" · ".join(filter(None, (one.domain, one.detail))))
        result = Text(f"{one.result}: {words.check_result(one, _)}", style=MOODS[words.mood(one)])
        question = Text(words.check_question(one, _), style="dim")
        table.add_row(Text(one.method, style="bold"), Group(result, question), detail)
    yield Padding(table, (0, 0, 0, 2))


def _route(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    if not dossier.route:
        return
    yield _title(words.ROUTE, _)
    yield Padding(way(dossier.route, _), (0, 0, 0, 2))
    if (more := dossier.stations_in_all - len(dossier.route)) > 0:
        yield Text(_("  … and {count} earlier stations").format(count=more), style="dim")


def way(route: tuple[Station, ...], _: Translate) -> Text:
    """The picture of the way: from whom to whom, oldest first, with the time between."""
    text = Text()
    first = route[0]
    text.append("○ ", style="bold").append_text(_from(first, _)).append("\n")
    for place, station in enumerate(route):
        colour = MOODS[words.station_mood(station)]
        note = words.span(station.delay_s, _) if place else ""
        if place and (station.from_name or station.from_ip):
            text.append("┆ ", style="dim").append(_("says it got it from "), style="dim")
            text.append_text(_from(station, _)).append("\n")
        text.append("│ ", style=colour).append(note or _("sent"), style=colour)
        text.append_text(sentence(f"  {station.with_}\n", "dim"))
        mark = "◉" if place == len(route) - 1 else "●"
        text.append(f"{mark} ", style=f"bold {colour}").append_text(safe(station.by or "?", "bold"))
        text.append(f"  {words.moment(station.at)}\n", style="dim")
    return text


def _from(station: Station, _: Translate) -> Text:
    name = safe(station.from_name or "?", "bold")
    if not station.from_ip:
        return name
    note = _("private network") if station.private else ""
    return Text.assemble(name, f" [{visible(station.from_ip)}] ", (note, "dim"))


def _links(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    if not dossier.links:
        return
    yield _title(words.LINKS, _)
    table = Table(box=None, pad_edge=False)
    for title in (_("shown as"), _("leads to"), _("organisation")):
        table.add_column(title, overflow="fold")
    for one in dossier.links[:ROWS]:
        style = "red" if one.differs else ""
        shown = safe(one.text) if one.text else Text(f"({one.kind})", style="dim")
        table.add_row(shown, Text(visible(one.defanged), style=style), safe(one.organisation or one.host))
    yield Padding(table, (0, 0, 0, 2))
    yield from _more(dossier.links_in_all, _)


def _files(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    if not dossier.files:
        return
    yield _title(words.FILES, _)
    table = Table(box=None, pad_edge=False)
    for title in (_("name"), _("really is"), _("size"), "SHA-256"):
        table.add_column(title, overflow="fold")
    for one in dossier.files[:ROWS]:
        kind = Text(f"{_(words.FILES_ARE[one.real_type])}\n", style="red" if one.real_type in words.DANGEROUS else "")
        kind.append_text(sentence(one.media_type, "dim"))
        table.add_row(sentence(one.name or "–"), kind, octets(one.octets), one.sha256)
    yield Padding(table, (0, 0, 0, 2))
    yield from _more(dossier.files_in_all, _)


def _more(in_all: int, _: Translate) -> Iterator[Text]:
    if in_all > ROWS:
        yield Text(_("  {count} in all; --json has them").format(count=in_all), style="dim")


def _text(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    text = dossier.text
    if not text.visible and not text.hidden:
        return
    yield _title(words.TEXT, _)
    yield Panel(shown(text.readable, TEXT_CHARACTERS), box=ROUNDED, border_style="dim")
    if text.hidden.strip():
        body = shown(text.hidden, TEXT_CHARACTERS)
        yield Panel(body, title=_("hidden from readers"), box=ROUNDED, border_style="red", title_align="left")


def shown(text: str, limit: int) -> Text:
    """A text of the message, hidden characters in red."""
    built = Text()
    for piece, is_name in pieces(text[:limit]):
        built.append(piece if is_name else defanged(piece), style="red reverse" if is_name else "")
    return built.append(" …", style="dim") if len(text) > limit else built


def _points(dossier: Dossier, _: Translate) -> Iterator[RenderableType]:
    yield _title(words.POINTS, _)
    table = Table(box=None, pad_edge=False)
    table.add_column(_("weight"), justify="right")
    table.add_column("")
    table.add_column(_("signal"))
    table.add_column(_("seen"), overflow="fold")
    points = dossier.explanation.points
    most = max((abs(point.weight) for point in points), default=0) or 1
    for point in points[:ROWS]:
        length = max(round(abs(point.weight) * BAR / most), 1)
        colour = "red" if point.weight > 0 else "green"
        name = sentence(point.signal, "dim")
        table.add_row(f"{point.weight:+.2f}", Text("█" * length, style=colour), name, sentence(point.seen))
    table.add_row(f"{dossier.prior:+.2f}", "", Text("–", style="dim"), _("before anything was looked at"))
    sum_words = _("sum: not wanted with {percent}").format(percent=words.percent(dossier.probability))
    table.add_row(f"{dossier.score:+.2f}", "", "", Text(sum_words, style="bold"))
    yield Padding(table, (0, 0, 0, 2))
