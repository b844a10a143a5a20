"""``courriel doctor``: what is good with a domain's mail, what is not, and exactly what to change."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Final

import click
import msgspec

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, show
from courriel.model.finding import Finding, Health
from courriel.ports import administration as do
from courriel.zones import words

EXIT_BAD: Final = 1
"""Something is bad; warnings alone are no failure."""

_MARKS: Final = {
    Health.GOOD: ("✓", "green"),
    Health.WARNING: ("!", "yellow"),
    Health.BAD: ("✗", "red"),
    Health.UNKNOWN: ("?", "cyan"),
}


@click.command(
    help=_(
        "Examine a domain: its records, encryption, port 25 in and out, block lists.\n\n"
        "The exit code is 1 when something is bad.\n\nExample: courriel doctor example.org"
    )
)
@click.argument("domain")
@click.option("--outside", default="", metavar="DOMAIN", help=_("Whose servers are asked whether port 25 is open."))
@data_option
@json_option
@click.pass_obj
def doctor(doors: Doors, domain: str, outside: str, data: Path, as_json: bool) -> None:
    found = ask(doors.administration(data), do.Doctor(domain, outside))
    if as_json:
        show(found, as_json, "")
    else:
        _tell(msgspec.convert(found, list[Finding]))
    if any(finding["health"] == Health.BAD.value for finding in found):
        raise click.exceptions.Exit(EXIT_BAD)


def _tell(found: list[Finding]) -> None:
    last = None
    for finding in found:
        if finding.group is not last:
            last = finding.group
            console.print(_(words.GROUPS[last]), style="bold")
        mark, style = _MARKS[finding.health]
        console.print(f"  {mark} {words.sentence(finding, _)}", style=style, markup=False)
        if finding.publish:
            console.print("      " + _("publish: {record}").format(record=finding.publish), markup=False)
    console.print()
    bad = sum(finding.health is Health.BAD for finding in found)
    console.print(
        ngettext("{count} thing must change.", "{count} things must change.", bad).format(count=bad)
        if bad
        else _("Nothing must change.")
    )
