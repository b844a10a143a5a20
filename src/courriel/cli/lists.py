"""``courriel list``: mailing lists, their members, and posts that wait for a moderator."""

from __future__ import annotations

import sys
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, cell, console, rows_table, show
from courriel.ports import administration as do

AT_ONCE = 200
"""Members in one request: of the longest addresses (254 octets) they stay below the 64 KiB of a request."""

POSTING = ("anyone", "members", "moderators", "domain")
JOINING = ("confirm", "closed")


def settings_options(command: Any) -> Any:
    """The options of ``add`` and ``set``."""
    for option in reversed(
        (
            click.option("--name", help=_("Name as people write it.")),
            click.option("--owner", "owners", multiple=True, metavar="ADDRESS", help=_("Looks after it; repeatable.")),
            click.option(
                "--moderator", "moderators", multiple=True, metavar="ADDRESS", help=_("Approves posts; repeatable.")
            ),
            click.option("--posting", type=click.Choice(POSTING), help=_("Who may post without being asked about.")),
            click.option("--joining", type=click.Choice(JOINING), help=_("How people join.")),
            click.option("--archive", metavar="URL", help=_("Where old posts can be read.")),
            click.option(
                "--subject-prefix", metavar="TEXT", help=_("Put before subjects (breaks the author's signature).")
            ),
            click.option(
                "--verp/--no-verp", default=None, help=_("A return address for each member (default), or one for all.")
            ),
            click.option("--own-copy/--no-own-copy", default=None, help=_("Authors get their own posts (default).")),
            click.option(
                "--bounces", type=click.IntRange(1), help=_("Days with bounces after which a member is suspended.")
            ),
        )
    ):
        command = option(command)
    return command


def _settings(given: dict[str, Any]) -> do.ListSettings:
    lists = {"owners": given.pop("owners") or None, "moderators": given.pop("moderators") or None}
    return do.ListSettings(**lists, **given)


@click.group("list", help=_("Mailing lists and their members."))
def list_() -> None:
    pass


@list_.command(
    help=_(
        "A new list.\n\nExample: courriel list add dev@example.org --owner alice@example.org --posting members\n\n"
        "Its people write to dev@; they join at dev-subscribe@ and leave at dev-unsubscribe@."
    )
)
@click.argument("address", metavar="LIST")
@settings_options
@data_option
@json_option
@click.pass_obj
def add(doors: Doors, /, address: str, data: Path, as_json: bool, **given: Any) -> None:
    row = ask(doors.administration(data), do.ListAdd(address, _settings(given)))
    show(row, as_json, _card(row))


@list_.command("set", help=_("Change a list; what is not named stays."))
@click.argument("address", metavar="LIST")
@settings_options
@data_option
@json_option
@click.pass_obj
def set_(doors: Doors, /, address: str, data: Path, as_json: bool, **given: Any) -> None:
    row = ask(doors.administration(data), do.ListChange(address, _settings(given)))
    show(row, as_json, _card(row))


@list_.command("show", help=_("What a list is."))
@click.argument("address", metavar="LIST")
@data_option
@json_option
@click.pass_obj
def show_list(doors: Doors, address: str, data: Path, as_json: bool) -> None:
    row = ask(doors.administration(data), do.ListShow(address))
    show(row, as_json, _card(row))


def _card(row: dict[str, Any]) -> str:
    """A list on a few lines."""
    lines = [
        (_("list"), row["address"]),
        (_("name"), row["name"]),
        (_("owners"), row["owners"]),
        (_("moderators"), row["moderators"]),
        (_("who may post"), row["posting"]),
        (_("joining"), row["joining"]),
        (_("members"), row["members"]),
        (_("suspended"), row["suspended"]),
        (_("posts held"), row["held"]),
        (_("archive"), row["archive"]),
        (_("subject prefix"), row["subject_prefix"]),
        (_("return address each"), row["verp"]),
        (_("authors get a copy"), row["own_copy"]),
    ]
    width = max(len(title) for title, _value in lines)
    return "\n".join(f"{title:<{width}}  {cell(value)}" for title, value in lines)


@list_.command("list", help=_("The lists there are."))
@data_option
@json_option
@click.pass_obj
def list_lists(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.ListList())
    columns = [
        ("address", _("list")),
        ("name", _("name")),
        ("posting", _("who may post")),
        ("members", _("members")),
        ("suspended", _("suspended")),
        ("held", _("posts held")),
    ]
    show(rows, as_json, rows_table(rows, columns, _("No list yet. Add one: courriel list add dev@example.org")))


@list_.command(help=_("Remove a list with its members and the posts that wait."))
@click.argument("address", metavar="LIST")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@data_option
@click.pass_obj
def remove(doors: Doors, address: str, yes: bool, data: Path) -> None:
    if not yes:
        click.confirm(_("Remove {list} and forget its members?").format(list=address), abort=True)
    ask(doors.administration(data), do.ListRemove(address))
    console.print(_("{list} is removed.").format(list=address))


@list_.command(help=_("Who is on a list."))
@click.argument("address", metavar="LIST")
@data_option
@json_option
@click.pass_obj
def members(doors: Doors, address: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.ListMembers(address))
    columns = [("address", _("member")), ("joined_at", _("since")), ("suspended", _("suspended"))]
    show(rows, as_json, rows_table(rows, columns, _("Nobody yet. Add people: courriel list add-member LIST ADDRESS")))


@list_.command(
    "add-member",
    help=_("Put people on a list (or back on it, if they were suspended). With “-” addresses are read, one a line."),
)
@click.argument("address", metavar="LIST")
@click.argument("people", metavar="ADDRESS...", nargs=-1, required=True)
@data_option
@click.pass_obj
def add_member(doors: Doors, address: str, people: tuple[str, ...], data: Path) -> None:
    wanted = tuple(sys.stdin.read().split()) if people == ("-",) else people
    added = 0
    for start in range(0, len(wanted), AT_ONCE):
        done = ask(doors.administration(data), do.ListAddMembers(address, wanted[start : start + AT_ONCE]))
        added += done["added"]
    console.print(_("New on {list}: {count}").format(list=address, count=added))


@list_.command("remove-member", help=_("Take somebody off a list."))
@click.argument("address", metavar="LIST")
@click.argument("member", metavar="ADDRESS")
@data_option
@click.pass_obj
def remove_member(doors: Doors, address: str, member: str, data: Path) -> None:
    ask(doors.administration(data), do.ListRemoveMember(address, member))
    console.print(_("{member} is no longer on {list}.").format(member=member, list=address))


@list_.command(help=_("Show the posts that wait for a moderator; publish one (--approve ID) or drop it (--reject ID)."))
@click.argument("address", metavar="LIST")
@click.option("--approve", type=int, metavar="ID", help=_("Publish this post."))
@click.option("--reject", type=int, metavar="ID", help=_("Drop this post; nobody is told."))
@data_option
@json_option
@click.pass_obj
def moderate(doors: Doors, address: str, approve: int | None, reject: int | None, data: Path, as_json: bool) -> None:
    if approve is not None and reject is not None:
        raise click.UsageError(_("One of --approve and --reject, not both."))
    id = approve if approve is not None else reject
    if id is not None:
        done = ask(doors.administration(data), do.ListDecide(address, id, approve is not None))
        text = _("Post {id} is published.") if approve is not None else _("Post {id} is dropped.")
        show(done, as_json, text.format(id=id))
        return
    rows = ask(doors.administration(data), do.ListHeld(address))
    columns = [("id", _("id")), ("from", _("from")), ("subject", _("subject")), ("at", _("since"))]
    show(rows, as_json, rows_table(rows, columns, _("No post waits.")))
