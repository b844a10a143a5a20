"""``courriel device``: printers, NAS boxes and applications that send mail without a login."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, rows_table, show
from courriel.ports import administration as do


@click.group(help=_("Printers, NAS boxes and applications that send mail without a login."))
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
        ("sender", _("sends as")),
        ("hourly", _("messages an hour")),
    ]
    show(rows, as_json, rows_table(rows, columns, _("There are no devices.")))


@device.command(
    help=_(
        "Let a device send from a private network, and say what to type into it.\n\n"
        "Example: courriel device add printer-2 --network 192.168.1.0/24"
    )
)
@click.argument("name")
@click.option(
    "--network", "networks", multiple=True, required=True, metavar="NETWORK", help=_("Where it is; may be repeated.")
)
@click.option("--sender", default="", metavar="ADDRESS", help=_("The address it sends as (else its name)."))
@click.option("--hourly", type=click.IntRange(1), default=None, help=_("Most messages an hour."))
@data_option
@json_option
@click.pass_obj
def add(
    doors: Doors, name: str, networks: tuple[str, ...], sender: str, hourly: int | None, data: Path, as_json: bool
) -> None:
    made = ask(doors.administration(data), do.DeviceAdd(name, networks, sender, hourly or 0))
    show(made, as_json, _recipe(made))


def _recipe(made: dict[str, Any]) -> str:
    """What to type into the device."""
    lines = [
        _("Type this into {name}:").format(name=made["name"]),
        "",
        f"  {_('SMTP server')}: {made['server']}",
        f"  {_('Port')}: {made['port'] or '–'}",
        f"  {_('Encryption')}: {_('STARTTLS if it can, else none')}",
        f"  {_('User and password')}: {_('none')}",
        f"  {_('Sender address')}: {made['sender']}",
    ]
    if not made["port"]:
        hint = _("The door for devices is shut. Open it: listen.devices = 2525 in the settings, then restart.")
        lines += ["", hint]
    return "\n".join(lines)


@device.command(help=_("Take a device its right to send."))
@click.argument("name")
@data_option
@click.pass_obj
def remove(doors: Doors, name: str, data: Path) -> None:
    ask(doors.administration(data), do.DeviceRemove(name))
