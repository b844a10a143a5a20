"""``courriel mailbox``: which mailboxes somebody has, who else may use them, and public ones."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, octets, rows_table, show
from courriel.ports import administration as do

RIGHTS: Final = {"read": "lr", "write": "lrswite", "all": "lrswipkxtea"}
"""What people ask for; whoever knows RFC 4314 writes its letters."""


@click.group(
    help=_("Mailboxes, and who else may use them.\n\nACCOUNT is a user, or the word “public” for public mailboxes.")
)
def mailbox() -> None:
    pass


@mailbox.command("list", help=_("The mailboxes of a user, or the public ones."))
@click.argument("account")
@data_option
@json_option
@click.pass_obj
def list_(doors: Doors, account: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.MailboxList(account))
    columns = [
        ("mailbox", _("mailbox")),
        ("messages", _("messages")),
        ("unseen", _("unread")),
        ("size", _("size")),
        ("others", _("shared with")),
    ]
    show(rows, as_json, rows_table([_row(row) for row in rows], columns, _("No mailboxes.")))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    others = [f"{who} ({rights})" for who, rights in row["shared"].items()]
    return row | {"size": octets(row["octets"]), "others": others or ""}


_rights_option = click.option(
    "--rights",
    metavar="RIGHTS",
    default="read",
    show_default=True,
    help=_(
        "read; write (also mark, add and delete messages); all (also mailboxes, and sharing on);"
        " or letters of RFC 4314, after + or - to change those that are there."
    ),
)


@mailbox.command(
    "share",
    help=_(
        "Let somebody else use a mailbox.\n\nWHO is a user, anyone, or @DOMAIN for all users of a domain;"
        " -WHO takes rights away that another entry gives.\n\n"
        "Example: courriel mailbox share alice@example.org INBOX bob@example.org --rights write"
    ),
    context_settings={"ignore_unknown_options": True},
)
@click.argument("account")
@click.argument("mailbox")
@click.argument("who")
@_rights_option
@data_option
@json_option
@click.pass_obj
def share(doors: Doors, account: str, mailbox: str, who: str, rights: str, data: Path, as_json: bool) -> None:
    answer = ask(doors.administration(data), do.MailboxShare(account, mailbox, who, RIGHTS.get(rights, rights)))
    text = _("{who} has these rights to {mailbox} now: {rights}").format(**answer)
    show(answer, as_json, text)


@mailbox.command(
    "unshare",
    help=_("Let somebody else use a mailbox no longer; without WHO, nobody else."),
    context_settings={"ignore_unknown_options": True},
)
@click.argument("account")
@click.argument("mailbox")
@click.argument("who", required=False, default="")
@data_option
@click.pass_obj
def unshare(doors: Doors, account: str, mailbox: str, who: str, data: Path) -> None:
    ask(doors.administration(data), do.MailboxUnshare(account, mailbox, who))
    text = _("{who} has no entry for {mailbox} any more.") if who else _("{mailbox} is shared with nobody now.")
    console.print(text.format(who=who, mailbox=mailbox), markup=False)


@mailbox.command("rights", help=_("Who may do what with a mailbox."))
@click.argument("account")
@click.argument("mailbox")
@data_option
@json_option
@click.pass_obj
def rights(doors: Doors, account: str, mailbox: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.MailboxRights(account, mailbox))
    show(rows, as_json, rows_table(rows, [("who", _("who")), ("rights", _("rights"))], _("Nobody has rights.")))


@mailbox.group("public", help=_("Mailboxes that are nobody's: people see them below “Public”."))
def public() -> None:
    pass


@public.command(
    "add",
    help=_("A new public mailbox.\n\nExample: courriel mailbox public add News --for @example.org"),
)
@click.argument("mailbox")
@click.option("--for", "who", default="anyone", show_default=True, help=_("Who may use it: a user, anyone, @DOMAIN."))
@_rights_option
@data_option
@click.pass_obj
def public_add(doors: Doors, mailbox: str, who: str, rights: str, data: Path) -> None:
    answer = ask(doors.administration(data), do.MailboxPublicAdd(mailbox, who, RIGHTS.get(rights, rights)))
    console.print(_("Public/{mailbox} is there.").format(**answer), markup=False)


@public.command("remove", help=_("Remove a public mailbox with its messages."))
@click.argument("mailbox")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@data_option
@click.pass_obj
def public_remove(doors: Doors, mailbox: str, yes: bool, data: Path) -> None:
    if not yes:
        click.confirm(_("Delete Public/{mailbox} with its messages?").format(mailbox=mailbox), abort=True)
    ask(doors.administration(data), do.MailboxPublicRemove(mailbox))
    console.print(_("Public/{mailbox} is removed.").format(mailbox=mailbox), markup=False)
