"""``courriel dkim``: the keys that sign the mail of our domains, and what to publish for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, rows_table, show
from courriel.ports import administration as do


@click.group(help=_("Keys that sign the mail of your domains."))
def dkim() -> None:
    pass


@dkim.command("list", help=_("The keys of DOMAIN or of all domains, and what each is for just now."))
@click.argument("domain", required=False, default="")
@data_option
@json_option
@click.pass_obj
def list_(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimList(domain))
    show(rows, as_json, _table(rows))


@dkim.command(
    "show",
    help=_(
        "The records to publish in the DNS for the keys of DOMAIN, ready to copy.\n\n"
        "Example: courriel dkim show example.org"
    ),
)
@click.argument("domain")
@data_option
@json_option
@click.pass_obj
def show_(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimList(domain))
    _show_records(rows, as_json)


@dkim.command(
    help=_("Make keys for a domain that has none, and say what to publish.\n\nExample: courriel dkim new example.org")
)
@click.argument("domain")
@data_option
@json_option
@click.pass_obj
def new(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimNew(domain))
    _show_records(rows, as_json)


@dkim.command(help=_("Let the spare keys of DOMAIN sign from now on; they have to be in the DNS."))
@click.argument("domain")
@data_option
@json_option
@click.pass_obj
def rotate(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimRotate(domain))
    show(rows, as_json, _table(rows))


@dkim.command(
    help=_(
        "Sign no more with a key that others may have, and say what to publish instead.\n\n"
        "Example: courriel dkim retire example.org r20261124a"
    )
)
@click.argument("domain")
@click.argument("selector")
@data_option
@json_option
@click.pass_obj
def retire(doors: Doors, domain: str, selector: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimRetire(domain, selector))
    _show_records(rows, as_json)


@dkim.command(help=_("Look whether the DNS has the keys of DOMAIN (or of all); those it has begin to sign."))
@click.argument("domain", required=False, default="")
@data_option
@json_option
@click.pass_obj
def check(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DkimCheck(domain))
    show(rows, as_json, _table(rows))


def _table(rows: Sequence[Mapping[str, Any]]) -> Table | str:
    shown = [dict(row) | {"state": _state(row), "seen": bool(row["seen_at"])} for row in rows]
    columns = [
        ("domain", _("domain")),
        ("selector", _("selector")),
        ("algorithm", _("kind")),
        ("state", _("state")),
        ("since", _("since")),
        ("seen", _("in the DNS")),
    ]
    return rows_table(shown, columns, _("No keys yet. Make some: courriel dkim new example.org"))


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == "pending":
        return _("spare") if row["seen_at"] else _("to be published")
    known = {"active": _("signs"), "retiring": _("signs no more, stays published"), "retired": _("retired")}
    return known[row["state"]]


def _show_records(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Lines of a zone file, unfolded: a terminal must not break what is copied."""
    if as_json:
        show(rows, True, "")
        return
    for row in rows:
        click.echo(f"; {_state(row)}: {_said(row)} ({row['host']})")
        strings = " ".join(f'"{one}"' for one in row["strings"])
        click.echo(f"{row['name']}. IN TXT ( {strings} )\n")
    click.echo(_("Where a web form wants one text, join the strings without blanks between them."))
    click.echo(_("What is published is noticed by itself; to look now: courriel dkim check"))


def _said(row: Mapping[str, Any]) -> str:
    if row["state"] == "retired":
        return _("publish this in its place, or remove the record")
    return _("the DNS has it") if row["seen_at"] else _("publish this")
