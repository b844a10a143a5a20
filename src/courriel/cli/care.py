"""``check``, ``restore``, ``import``, ``export``, ``trace``, ``status``: looking after stored mail."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import EXIT_REFUSED, ask, console, rows_table, show
from courriel.ports import administration as do


@click.command(
    help=_("Compare stored mail with everything derived from it.\n\nThe exit code is 1 when something is wrong.")
)
@click.option("--repair", is_flag=True, help=_("Mend what can be mended."))
@data_option
@json_option
@click.pass_obj
def check(doors: Doors, repair: bool, data: Path, as_json: bool) -> None:
    report = ask(doors.administration(data), do.Check(repair))
    columns = [("kind", _("what")), ("detail", _("detail")), ("repaired", _("mended"))]
    show(report, as_json, rows_table(report["findings"], columns, _("Everything is in order.")))
    if any(not finding["repaired"] for finding in report["findings"]):
        raise click.exceptions.Exit(EXIT_REFUSED)


@click.group(help=_("Bring back mail that was deleted."))
def restore() -> None:
    pass


@restore.command("list", help=_("What a user deleted and can still be brought back."))
@click.argument("login", metavar="ADDRESS")
@data_option
@json_option
@click.pass_obj
def restore_list(doors: Doors, login: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.RestoreList(login))
    columns = [
        ("id", _("id")),
        ("mailbox", _("mailbox")),
        ("subject", _("subject")),
        ("octets", _("octets")),
        ("expunged_at", _("deleted")),
        ("forget_at", _("gone for good")),
    ]
    show(rows, as_json, rows_table(rows, columns, _("Nothing to bring back.")))


@restore.command("mail", help=_("Bring messages back by their id, or all with --all."))
@click.argument("login", metavar="ADDRESS")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help=_("Bring back everything."))
@data_option
@click.pass_obj
def restore_mail(doors: Doors, login: str, ids: tuple[int, ...], everything: bool, data: Path) -> None:
    if not ids and not everything:
        raise click.UsageError(_("Name messages by id (see “restore list”), or say --all."))
    count = ask(doors.administration(data), do.Restore(login, ids))["restored"]
    console.print(ngettext("{n} message is back.", "{n} messages are back.", count).format(n=count))


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
