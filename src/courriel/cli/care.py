"""``check``, ``restore``, ``import``, ``export``, ``trace``, ``status``: looking after stored mail."""

from __future__ import annotations

from datetime import UTC, datetime
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.moments import moment_of
from courriel.cli.options import data_option, json_option
from courriel.cli.output import EXIT_REFUSED, ask, console, rows_table, show
from courriel.model.mailbox import canonical_path
from courriel.ports import administration as do

EXIT_LOST = 3
"""Everything was mended, but not without loss."""


@click.command(
    help=_(
        "Compare stored mail with everything derived from it.\n\n"
        "The exit code is 0 when everything is in order, or was mended without loss; 1 when something is wrong and"
        " stays so; 3 when everything was mended, but something was lost."
    )
)
@click.option("--repair", is_flag=True, help=_("Mend what can be mended."))
@click.option(
    "--roll-back",
    is_flag=True,
    help=_("Put the store back to what it was before the last change of its form, for an older version of Courriel."),
)
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@data_option
@json_option
@click.pass_obj
def check(doors: Doors, repair: bool, roll_back: bool, yes: bool, data: Path, as_json: bool) -> None:
    if roll_back:
        _roll_back(doors, data, yes, as_json)
        return
    report = ask(doors.administration(data), do.Check(repair))
    columns = [("kind", _("what")), ("detail", _("detail")), ("repaired", _("mended")), ("lost", _("lost"))]
    findings = report["findings"]
    show(report, as_json, rows_table(findings, columns, _("Everything is in order.")))
    if any(not finding["repaired"] for finding in findings):
        raise click.exceptions.Exit(EXIT_REFUSED)
    if any(finding["lost"] for finding in findings):
        raise click.exceptions.Exit(EXIT_LOST)


def _roll_back(doors: Doors, data: Path, yes: bool, as_json: bool) -> None:
    if not yes:
        click.confirm(
            _("Mail that came since will only be in the files “….undone” next to the store. Go back all the same?"),
            abort=True,
        )
    versions = doors.roll_back(data)
    rows = [{"shard": number, "schema": version} for number, version in versions.items()]
    show(rows, as_json, rows_table(rows, [("shard", _("shard")), ("schema", _("form"))], ""))


@click.command(
    help=_(
        "Bring back mail that was deleted, to the mailboxes it was in: all of a user's, or what the options choose.\n\n"
        "Example: courriel restore alice@example.org --mailbox Sent --since 2d --dry-run"
    )
)
@click.argument("login", metavar="ADDRESS")
@click.option("--mailbox", default="", help=_("Only what was in this mailbox."))
@click.option(
    "--since",
    metavar="TIME",
    help=_("Only what was deleted since then: a time (2026-11-24, 2026-11-24T18:00), or how long ago (90min, 6h, 2d)."),
)
@click.option("--message", "ids", metavar="ID", multiple=True, type=int, help=_("Only this message. May be repeated."))
@click.option("--dry-run", is_flag=True, help=_("Only show what would come back."))
@data_option
@json_option
@click.pass_obj
def restore(
    doors: Doors, login: str, mailbox: str, since: str | None, ids: tuple[int, ...], dry_run: bool, data: Path,
    as_json: bool,
) -> None:  # fmt: skip
    path = canonical_path(mailbox) if mailbox else ""
    at = moment_of(since, datetime.now(UTC)) if since else 0.0
    rows = ask(doors.administration(data), do.Restore(login, ids, path, at, dry_run))
    columns = [
        ("id", _("id")),
        ("mailbox", _("mailbox")),
        ("from", _("from")),
        ("subject", _("subject")),
        ("octets", _("octets")),
        ("expunged_at", _("deleted")),
        ("forget_at", _("gone for good")),
    ]
    show(rows, as_json, rows_table(rows, columns, _("Nothing to bring back.")))
    if rows and not as_json and not dry_run:
        console.print(ngettext("{n} message is back.", "{n} messages are back.", len(rows)).format(n=len(rows)))


@click.command(
    "import",
    help=_(
        "Read an mbox file or a Maildir into a user's mailboxes.\n\nA second run goes on where the first one stopped."
    ),
)
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "login", metavar="ADDRESS", required=True, help=_("Whose mail it becomes."))
@click.option("--mailbox", default="INBOX", show_default=True, help=_("Mailbox it goes to (or below)."))
@data_option
@json_option
@click.pass_obj
def import_(doors: Doors, source: Path, login: str, mailbox: str, data: Path, as_json: bool) -> None:
    result = ask(doors.administration(data), do.Import(login, str(source.resolve()), mailbox))
    text = _("{imported} messages imported, {known} were there already, {refused} could not be read.")
    show(result, as_json, text.format(**result))


@click.command(help=_("Write a user's mail to files that any mail program reads."))
@click.argument("login", metavar="ADDRESS")
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["maildir", "mbox"]),
    default="maildir",
    show_default=True,
    help=_("Kind of files."),
)
@data_option
@json_option
@click.pass_obj
def export(doors: Doors, login: str, target: Path, form: str, data: Path, as_json: bool) -> None:
    result = ask(doors.administration(data), do.Export(login, str(target.resolve()), form))
    show(result, as_json, _("{exported} messages exported, {known} were there already.").format(**result))


@click.command(help=_("Write the wire of a user's next connections to the server's log (“off” ends it)."))
@click.argument("login", metavar="ADDRESS")
@click.argument("switch", type=click.Choice(["on", "off"]))
@data_option
@click.pass_obj
def wiretrace(doors: Doors, login: str, switch: str, data: Path) -> None:
    ask(doors.administration(data), do.Trace(login, switch == "on"))
    text = _("New connections of {login} are traced.") if switch == "on" else _("{login} is no longer traced.")
    console.print(text.format(login=login))


@click.command(help=_("What runs here."))
@data_option
@json_option
@click.pass_obj
def status(doors: Doors, data: Path, as_json: bool) -> None:
    value: dict[str, Any] = ask(doors.administration(data), do.Status())
    rows = [
        {"service": one["service"], "port": one["port"], "tls": one["tls"], "connections": one["connections"]}
        for one in value["listeners"]
    ]
    columns = [("service", _("service")), ("port", _("port")), ("tls", _("TLS")), ("connections", _("connections"))]
    show(value, as_json, rows_table(rows, columns, _("No server runs on this data.")))
