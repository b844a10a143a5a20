"""``search status`` and ``search rebuild``: the index of words."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, rows_table, show
from courriel.ports import administration as do


@click.group(help=_("The index of words that makes searches quick."))
def search() -> None:
    pass


@search.command("status", help=_("How far the index has come.\n\nA message counts once, however many people have it."))
@data_option
@json_option
@click.pass_obj
def search_status(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.SearchStatus())
    columns = [("shard", _("shard")), ("bodies", _("messages")), ("indexed", _("indexed")), ("octets", _("octets"))]
    show(rows, as_json, rows_table(rows, columns, _("There is no index: search.index is off.")))


@search.command("rebuild", help=_("Throw the index away and read all mail anew, in the background."))
@data_option
@click.pass_obj
def search_rebuild(doors: Doors, data: Path) -> None:
    ask(doors.administration(data), do.SearchRebuild())
    console.print(_("The index is made anew while the server runs; see “search status”."))
