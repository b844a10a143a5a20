"""``courriel sieve``: rules for one's mail are checked, tried on a message, kept and put to work.

The language is imported when a command needs it: it is a quarter of what all other commands would wait for.
"""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import EXIT_REFUSED, ask, console, rows_table, show
from courriel.ports import administration as do

if TYPE_CHECKING:
    from courriel.sieve.problems import BadScript
    from courriel.sieve.run import Script

FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)


@click.group(help=_("Rules for mail (Sieve scripts)."))
def sieve() -> None:
    pass


def _read(file: Path) -> bytes:
    with click.open_file(str(file), "rb") as stream:
        raw: bytes = stream.read()
    return raw


@sieve.command(help=_("Say what is wrong with a script.\n\nExample: courriel sieve check rules.sieve"))
@click.argument("file", type=FILE)
@json_option
def check(file: Path, as_json: bool) -> None:
    script = _compiled(file, _read(file), as_json)
    needs = sorted(script.capabilities)
    show(
        {"problems": [], "requires": needs},
        as_json,
        _("No mistakes. It requires: {names}").format(names=_list(needs)),
    )


def _list(names: list[str]) -> str:
    return ", ".join(names) or "–"


def _compiled(file: Path, raw: bytes, as_json: bool) -> Script:
    """A script without mistakes; else they are told, and the command ends."""
    from courriel.sieve.check import compile_script
    from courriel.sieve.problems import BadScript

    try:
        return compile_script(raw)
    except BadScript as error:
        _refuse(file, error, as_json)


def _refuse(file: Path, error: BadScript, as_json: bool) -> NoReturn:
    """Each mistake on a line as editors understand it, and a failure."""
    rows = [{"line": one.line, "problem": one.words(_)} for one in error.problems]
    text = "\n".join(f"{file}:{row['line']}: {row['problem']}" for row in rows)
    if as_json:
        show({"problems": rows}, True, "")
    else:
        console.print(text, markup=False, soft_wrap=True)
    raise click.exceptions.Exit(EXIT_REFUSED)


@sieve.command(
    help=_(
        "Tell step by step what a script would do with a message; nothing is done.\n\n"
        "Example: courriel sieve test rules.sieve message.eml --from friend@example.org"
    )
)
@click.argument("script", type=FILE)
@click.argument("message", type=FILE)
@click.option("--from", "sender", metavar="ADDRESS", help=_("Sender of the envelope (else that of the message)."))
@click.option("--to", "recipient", metavar="ADDRESS", help=_("Recipient of the envelope (else that of the message)."))
@click.option("--mailbox", "mailboxes", multiple=True, metavar="NAME", help=_("A mailbox that there is; repeatable."))
@json_option
def test(
    script: Path, message: Path, sender: str | None, recipient: str | None, mailboxes: tuple[str, ...], as_json: bool
) -> None:
    from courriel.cli import sieve_trial
    from courriel.sieve.problems import BadScript

    try:
        found = sieve_trial.run(_read(script), _read(message), sender, recipient, mailboxes)
    except BadScript as error:
        _refuse(script, error, as_json)
    if as_json:
        show(sieve_trial.plain(found), True, "")
    else:
        console.print(sieve_trial.told(found), markup=False, soft_wrap=True)


@sieve.command(
    help=_("Keep a script for an account.\n\nExample: courriel sieve put alice@example.org rules.sieve --activate")
)
@click.argument("account")
@click.argument("file", type=FILE)
@click.option("--name", help=_("Name of the script (else that of the file)."))
@click.option("--activate", is_flag=True, help=_("Put it to work."))
@data_option
@json_option
@click.pass_obj
def put(doors: Doors, account: str, file: Path, name: str | None, activate: bool, data: Path, as_json: bool) -> None:
    raw = _read(file)
    _compiled(file, raw, as_json)
    request = do.ScriptPut(account, name or file.stem, raw.decode("utf-8"), activate)
    done = ask(doors.administration(data), request)
    text = _("Script “{name}” is kept and at work.") if done["active"] else _("Script “{name}” is kept.")
    show(done, as_json, text.format(name=done["name"]))


@sieve.command("list", help=_("The scripts of an account."))
@click.argument("account")
@data_option
@json_option
@click.pass_obj
def list_scripts(doors: Doors, account: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.ScriptList(account))
    columns = [("name", _("script")), ("octets", _("octets")), ("active", _("at work"))]
    show(rows, as_json, rows_table(rows, columns, _("No script yet. Keep one: courriel sieve put ACCOUNT FILE")))


@sieve.command("show", help=_("Print a script (without a name: the one at work)."))
@click.argument("account")
@click.argument("name", default="")
@data_option
@json_option
@click.pass_obj
def show_script(doors: Doors, account: str, name: str, data: Path, as_json: bool) -> None:
    found: dict[str, Any] = ask(doors.administration(data), do.ScriptShow(account, name))
    if as_json:
        show(found, True, "")
    else:
        click.echo(found["content"], nl=not found["content"].endswith("\n"))


@sieve.command(help=_("Put a script to work instead of any other; with --off none works."))
@click.argument("account")
@click.argument("name", default="")
@click.option("--off", is_flag=True, help=_("Let all scripts rest."))
@data_option
@click.pass_obj
def activate(doors: Doors, account: str, name: str, off: bool, data: Path) -> None:
    if off is bool(name):
        raise click.UsageError(_("Give the name of a script, or --off."))
    ask(doors.administration(data), do.ScriptActivate(account, name))
    console.print(_("No script is at work.") if off else _("Script “{name}” is at work.").format(name=name))


@sieve.command(help=_("Remove a script that is not at work."))
@click.argument("account")
@click.argument("name")
@data_option
@click.pass_obj
def remove(doors: Doors, account: str, name: str, data: Path) -> None:
    ask(doors.administration(data), do.ScriptRemove(account, name))
    console.print(_("Script “{name}” is removed.").format(name=name))
