"""``courriel device``: printers, NAS boxes and applications that send mail."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, rows_table, show
from courriel.ports import administration as do


@click.group(help=_("Printers, NAS boxes and applications that send mail."))
def device() -> None:
    pass


@device.command("list", help=_("Which devices may send, and from where."))
@data_option
@json_option
@click.pass_obj
def list_(doors: Doors, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DeviceList())
    columns = [
        ("name", _("name")),
        ("networks", _("networks")),
        ("has_login", _("logs in")),
        ("sender", _("sends as")),
        ("hourly", _("messages an hour")),
    ]
    show(rows, as_json, rows_table(rows, columns, _("There are no devices.")))


@device.command(
    help=_(
        "Let a device send from a private network or with a password of its own, and say what to type into it.\n\n"
        "Example: courriel device add printer-2 --network 192.168.1.0/24"
    )
)
@click.argument("name")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="NETWORK",
    help=_("Where it is; may be repeated. With --login: from where it may send its password without encryption."),
)
@click.option("--login", is_flag=True, help=_("It logs in, with a password that is made now and shown once."))
@click.option("--sender", default="", metavar="ADDRESS", help=_("The address it sends as (else its name)."))
@click.option("--hourly", type=click.IntRange(1), default=None, help=_("Most messages an hour."))
@data_option
@json_option
@click.pass_obj
def add(
    doors: Doors,
    name: str,
    networks: tuple[str, ...],
    login: bool,
    sender: str,
    hourly: int | None,
    data: Path,
    as_json: bool,
) -> None:
    if not (networks or login):
        raise click.UsageError(_("Say where it is (--network), or let it log in (--login)."))
    made = ask(doors.administration(data), do.DeviceAdd(name, networks, sender, hourly or 0, login))
    show(made, as_json, _recipe(made))


@device.command(help=_("A new password for a device that logs in; the old one ends at once."))
@click.argument("name")
@data_option
@json_option
@click.pass_obj
def passwd(doors: Doors, name: str, data: Path, as_json: bool) -> None:
    made = ask(doors.administration(data), do.DevicePassword(name))
    show(made, as_json, _recipe(made))


def _recipe(made: dict[str, Any]) -> str:
    """What to type into the device."""
    how = _with_login(made) if made["has_login"] else _without_login(made)
    rows = [(_("SMTP server"), made["server"]), *how, (_("Sender address"), made["sender"])]
    lines = [
        _("Type this into {name}:").format(name=made["name"]),
        "",
        *[f"  {what}: {value}" for what, value in rows],
    ]
    if made["has_login"]:
        lines += ["", _("The password is not shown again. A new one: courriel device passwd {name}").format(**made)]
    if not made["port"] and made["networks"]:
        hint = _("The door for devices is shut. Open it: listen.devices = 2525 in the settings, then restart.")
        lines += ["", hint]
    return "\n".join(lines)


def _without_login(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (_("Port"), made["port"] or "–"),
        (_("Encryption"), _("STARTTLS if it can, else none")),
        (_("User and password"), _("none")),
    ]


def _with_login(made: dict[str, Any]) -> list[tuple[str, str]]:
    """The port for mail programs; the door for devices where it may do without encryption, too."""
    ports = [
        _("{port} with STARTTLS").format(port=made["submission"]) if made["submission"] else "",
        _("{port} with TLS from the start (SSL)").format(port=made["submissions"]) if made["submissions"] else "",
        _("{port} if it cannot encrypt").format(port=made["port"]) if made["port"] and made["networks"] else "",
    ]
    return [
        (_("Port and encryption"), _(", or ").join(one for one in ports if one) or "–"),
        (_("User"), made["name"]),
        (_("Password"), made["password"]),
    ]


@device.command(help=_("Take a device its right to send."))
@click.argument("name")
@data_option
@click.pass_obj
def remove(doors: Doors, name: str, data: Path) -> None:
    ask(doors.administration(data), do.DeviceRemove(name))
