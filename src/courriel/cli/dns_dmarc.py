"""``courriel dns dmarc``: the way of a domain's policy from none to reject, one earned step after the other."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option, primary_options
from courriel.cli.output import ask, console, rows_table, show
from courriel.cli.reports import percent
from courriel.formats import zone_file
from courriel.ports import administration as do
from courriel.zones.plan import TTL_S
from courriel.zones.policy_step import DAYS, MESSAGES


@click.command(
    "dmarc",
    help=_(
        "How far a domain is on the way to a strict DMARC policy, and whether reports have earned the next step.\n\n"
        "Example: courriel dns dmarc example.org --apply --server 192.0.2.53 --key-file update.key"
    ),
)
@click.argument("domain")
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help=_("How many days to look back.")
)
@click.option("--apply", is_flag=True, help=_("Publish the next step, if it is earned; needs --server."))
@primary_options
@data_option
@json_option
@click.pass_obj
def dmarc(
    doors: Doors, domain: str, days: int, apply: bool, server: str, key_file: Any, zone: str, data: Path, as_json: bool
) -> None:
    if apply and not server:
        raise click.UsageError(_("--apply needs --server: where the zone is changed"))
    key = key_file.read() if key_file else ""
    request = do.DnsDmarc(domain, days, server if apply else "", key, zone, TTL_S)
    found = ask(doors.administration(data), request)
    if as_json:
        show(found, as_json, "")
        return
    _tell(found)


def _tell(found: dict[str, Any]) -> None:
    console.print(_way(found["now"]), markup=False)
    console.print()
    text = ngettext("{days} day with reports", "{days} days with reports", found["days"])
    own = _("own mail that passes: {share} of {count}").format(
        share=percent(found["passing"], found["own"]), count=found["own"]
    )
    forged = ngettext("{count} forged message", "{count} forged messages", found["forged"])
    console.print(f"{text.format(days=found['days'])} · {own} · {forged.format(count=found['forged'])}", markup=False)
    console.print(_advice(found), markup=False)
    if found["hinder"]:
        columns = [
            ("ip", _("address")),
            ("messages", _("messages")),
            ("passed", _("passed")),
            ("other", _("passes for")),
        ]
        rows = [row | {"passed": percent(row["aligned"], row["messages"])} for row in found["hinder"]]
        console.print(rows_table(rows, columns, ""))
    if found["changes"]:
        console.print(_("Published."), style="bold green")
    elif found["earned"]:
        console.print(zone_file.line(f"_dmarc.{found['domain']}", "TXT", found["text"], TTL_S), markup=False)


def _way(now: str) -> str:
    """``none → [quarantine] → reject``."""
    return " → ".join(f"[{policy}]" if policy == now else policy for policy in ("none", "quarantine", "reject"))


def _advice(found: dict[str, Any]) -> str:
    words = {
        "nothing": _("The next step is earned: {next}."),
        "no record": _("There is no DMARC record yet. “courriel dns show {domain}” has one that only watches."),
        "no reports": _("No report has come yet; they come a day after the record is there."),
        "days": _("All is well so far. Wait until {wanted} days have reports."),
        "messages": _("All is well so far, but of less than {least} messages nothing can be said yet."),
        "failing": _("Mail of your own senders does not pass. Let them sign, or put them into the SPF record:"),
        "unknown": _("These senders pass for another domain. If they are yours, set them up; then look again:"),
        "arrived": _("The policy is as strict as it can be."),
    }
    return words[found["standstill"]].format(next=found["next"], domain=found["domain"], wanted=DAYS, least=MESSAGES)
