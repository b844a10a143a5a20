"""``courriel migrate``: an account from another server to this one."""

from __future__ import annotations

import os
import sys
from gettext import gettext as _
from pathlib import Path

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import EXIT_REFUSED, ask, octets, rows_table, show
from courriel.ports import administration as do


@click.command(
    help=_(
        "Bring an account over from another server by IMAP, with dates, flags and special mailboxes.\n\n"
        "It may be stopped and run again at any time: it goes on where it was, and brings what has come since. Nothing"
        " is changed on the other server. At the end everything is compared; the exit code is 1 when something is"
        " missing.\n\n"
        "Example: courriel migrate imaps://alice@old.example.org --to alice@example.org"
    )
)
@click.argument("source", metavar="imaps://USER@HOST")
@click.option("--to", "login", metavar="ADDRESS", required=True, help=_("Whose mail it becomes."))
@click.option(
    "--password-stdin", is_flag=True, help=_("Read the password there from the first line of standard input.")
)
@click.option("--ca", type=click.Path(exists=True, path_type=Path), help=_("Certificate authority to trust (PEM)."))
@click.option("--dry-run", is_flag=True, help=_("Only show which mailbox goes where."))
@data_option
@json_option
@click.pass_obj
def migrate(
    doors: Doors, source: str, login: str, password_stdin: bool, ca: Path | None, dry_run: bool, data: Path,
    as_json: bool,
) -> None:  # fmt: skip
    authority = str(ca.resolve()) if ca is not None else ""
    request = do.Migrate(login, source, _password(password_stdin), authority, dry_run)
    answer = ask(doors.administration(data), request)
    if dry_run:
        columns = [("source", _("there")), ("mailbox", _("here"))]
        show(answer, as_json, rows_table(answer, columns, _("There are no mailboxes there.")))
        return
    rows = [
        {"what": _("mailboxes"), "count": answer["mailboxes"]},
        {"what": _("messages brought now"), "count": answer["brought"]},
        {"what": _("size"), "count": octets(answer["octets"])},
        {"what": _("messages brought before"), "count": answer["known"]},
        {"what": _("messages with new flags"), "count": answer["flags_changed"]},
        {"what": _("messages compared, octet by octet"), "count": answer["verified"]},
        {"what": _("deleted here since"), "count": answer["gone"]},
        {"what": _("mailboxes that could not be opened there"), "count": answer["closed"]},
        {"what": _("not given by the other server"), "count": answer["refused"]},
        {"what": _("missing"), "count": answer["missing"]},
        {"what": _("damaged"), "count": answer["damaged"]},
    ]
    show(answer, as_json, rows_table(rows, [("what", ""), ("count", "")], ""))
    if not answer["whole"]:
        raise click.exceptions.Exit(EXIT_REFUSED)


def _password(from_stdin: bool) -> str:
    """The password at the other server: from standard input, COURRIEL_PASSWORD, or asked for."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    known = os.environ.get("COURRIEL_PASSWORD")
    return known if known is not None else str(click.prompt(_("Password"), hide_input=True, err=True))
