"""What ``courriel analyze`` does: messages in, verdicts told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from gettext import gettext as _
from pathlib import Path
from typing import Final

import click
import msgspec

from courriel.base.errors import FormatError
from courriel.cli import analyze_batch, analyze_page, analyze_terminal
from courriel.cli.analyze import EXIT_UNREADABLE, Wrong
from courriel.cli.analyze_sources import Item, count, is_many, items
from courriel.cli.doors import Doors
from courriel.cli.output import Bar, console, errors
from courriel.formats.address import parse_mailbox_list
from courriel.formats.domain import normalise
from courriel.model.envelope import Client
from courriel.model.threat import Channel, Level
from courriel.ports.administration import Progress
from courriel.threats.dossier import Dossier, Source, dossier
from courriel.threats.read import read
from courriel.threats.scan import judge
from courriel.threats.signals import catalogue
from courriel.threats.signals.attachments import DEEP_LOOKS
from courriel.threats.stated import arrival
from courriel.threats.view import Arrival, Context, Executive

EXITS: Final = {Level.CLEAN.value: 0, Level.BULK.value: 0, Level.SUSPICIOUS.value: 1, Level.MALICIOUS.value: 2}


@dataclass(frozen=True, slots=True)
class Wishes:
    """How messages are judged and told."""

    channel: Channel
    context: Context
    authserv_id: str
    doors: Doors | None
    """None: the DNS is not asked."""
    language: str


def context(own_domains: tuple[str, ...], executives: tuple[str, ...]) -> Context:
    """The reader's house, as the command line has it.  Raises Wrong."""
    return Context(own_domains=_domains(own_domains), executives=tuple(_executive(text) for text in executives))


def _domains(given: tuple[str, ...]) -> frozenset[str]:
    try:
        return frozenset(normalise(domain) for domain in given)
    except FormatError as error:
        raise Wrong(str(error)) from None


def _executive(text: str) -> Executive:
    """``Name`` or ``Name <address>``."""
    if "<" not in text:
        return Executive(text.strip())
    found = parse_mailbox_list(text.encode())
    addresses = tuple(f"{one.local.decode()}@{one.domain.decode()}".lower() for one in found)
    return Executive(text.partition("<")[0].strip().strip('"'), addresses=addresses)


# ------------------------------------------------------------------------------------------------- telling


def tell(paths: tuple[Path, ...], wishes: Wishes, html: Path | None, form: str) -> int:
    """Analyse and print all; the exit code.  ``form`` is json, csv, or "" for a reader."""
    many = is_many(paths, mail=wishes.channel is Channel.MAIL)
    batch = analyze_batch.Batch()
    last: Dossier | None = None
    if form == "csv":
        click.echo(analyze_batch.csv_head(), nl=False)
    total = count(paths) if many else 0
    with Bar() if many else nullcontext() as bar:
        for number, (item, found) in enumerate(_analysed(paths, wishes), 1):
            if bar is not None:
                bar.show(Progress(number, total, what=_("analysed")))
            row = batch.lose(item.name, item.octets, item.problem) if found is None else batch.add(found)
            last = found
            if form == "csv":
                click.echo(analyze_batch.csv_line(row), nl=False)
            elif form == "json":
                click.echo(msgspec.json.encode(found if found is not None else _lost(item)))
    if not form and (many or last is None):
        analyze_batch.show(batch.rows, wishes.language, console)
    elif not form and last is not None:
        analyze_terminal.show(last, console)
    if html is not None:
        alone = last is not None and not many
        written = analyze_page.page(last) if alone and last is not None else analyze_batch.page(batch, wishes.language)
        html.write_text(written, "utf-8", errors="replace")
    return _exit_code(batch)


def _lost(item: Item) -> dict[str, object]:
    return {
        "schema": "courriel.analysis/1",
        "source": {"name": item.name, "octets": item.octets},
        "problem": item.problem,
    }


def _exit_code(batch: analyze_batch.Batch) -> int:
    worst = max((EXITS[row.level] for row in batch.rows if row.level), default=0)
    if worst:
        return worst
    lost = not batch.rows or any(row.problem for row in batch.rows)
    return EXIT_UNREADABLE if lost else 0


def _analysed(paths: tuple[Path, ...], wishes: Wishes) -> Iterator[tuple[Item, Dossier | None]]:
    for item in items(paths, mail=wishes.channel is Channel.MAIL):
        yield item, _analyse(item, item.raw, wishes) if item.raw is not None else None


def _analyse(item: Item, raw: bytes, wishes: Wishes) -> Dossier:
    came, checked_by = _arrival(raw, wishes)
    view = read(raw, came, wishes.context, wishes.channel)
    source = Source(item.name, item.octets, item.sha256, item.cut, checked_by, wishes.authserv_id)
    return dossier(source, view, judge(view, deep=DEEP_LOOKS), catalogue(), wishes.language)


def _arrival(raw: bytes, wishes: Wishes) -> tuple[Arrival, str]:
    """How it came, and who has checked the sender."""
    if wishes.channel is not Channel.MAIL:
        return Arrival(), "nobody"
    came = arrival(raw, wishes.authserv_id)
    if wishes.doors is None:
        return came, "server" if came.judgement is not None else "nobody"
    client = Client(came.client_ip, 0, came.helo)
    judgement = wishes.doors.judge_message(raw, client, came.mail_from)
    if judgement is None:
        errors.print(_("The DNS takes too long; the sender is not checked."), style="yellow")
        return came, "server" if came.judgement is not None else "nobody"
    return replace(came, judgement=judgement), "dns"
