"""``courriel reports``: who sends in the name of your domains, as other servers report it."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any, Final

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, rows_table, show
from courriel.ports import administration as do

SHOWN: Final = 30
"""Addresses in the table; --json has all."""

BAR: Final = 40
"""Columns of the longest bar."""


@click.command(
    "reports",
    help=_(
        "Who sends in the name of your domains, and how TLS sessions with them went, as other servers report it.\n\n"
        "Example: courriel reports example.org --days 14"
    ),
)
@click.argument("domain", default="")
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help=_("How many days to look back.")
)
@click.option("--sent", is_flag=True, help=_("Show the reports of ours to other domains instead."))
@click.option("--send", is_flag=True, help=_("Send what is due of ours now, then show it."))
@data_option
@json_option
@click.pass_obj
def reports(doors: Doors, domain: str, days: int, sent: bool, send: bool, data: Path, as_json: bool) -> None:
    if sent or send:
        _show_sent(ask(doors.administration(data), do.ReportsSent(days, send)), domain, as_json)
        return
    found = ask(doors.administration(data), do.Reports(domain, days))
    if as_json:
        show(found, as_json, "")
        return
    for number, one in enumerate(found):
        if number:
            console.print()
        _tell(one)


def _show_sent(rows: list[dict[str, Any]], domain: str, as_json: bool) -> None:
    rows = [row for row in rows if domain in ("", row["domain"])]
    if as_json:
        show(rows, as_json, "")
        return
    kinds = {"dmarc": "DMARC", "tls": "TLS"}
    columns = [
        ("day", _("day")),
        ("kind", _("kind")),
        ("domain", _("domain")),
        ("to", _("sent to")),
        ("rows", _("rows")),
        ("problem", _("not sent because")),
    ]
    shown = [row | {"kind": kinds[row["kind"]]} for row in rows]
    nothing = _("No report was due. They go out once a day, to domains that ask for them.")
    console.print(rows_table(shown, columns, nothing))


def _tell(found: dict[str, Any]) -> None:
    console.print(_("{domain}, since {day}").format(domain=found["domain"], day=found["since"]), style="bold")
    if not found["reporters"]:
        console.print(_("No report yet. They come a day after the DNS asks for them: courriel dns check DOMAIN"))
        return
    if found["sources"]:
        _tell_sources(found)
    if found["tls"]:
        console.print()
        rows = [row | {"result": row["result"] or _("good")} for row in found["tls"]]
        console.print(
            rows_table(rows, [("policy", _("policy")), ("result", _("result")), ("sessions", _("TLS sessions"))], "")
        )
    console.print()
    console.print(_("Reported by: {reporters}").format(reporters=", ".join(found["reporters"])), markup=False)


def _tell_sources(found: dict[str, Any]) -> None:
    words = {"known": _("known"), "unknown": _("unknown"), "forged": _("forged")}
    rows = [
        row | {"standing": words[row["standing"]], "passed": percent(row["aligned"], row["messages"])}
        for row in found["sources"]
    ]
    columns = [
        ("ip", _("address")),
        ("name", _("name")),
        ("messages", _("messages")),
        ("passed", _("passed")),
        ("standing", _("who")),
        ("other", _("passes for")),
    ]
    console.print(rows_table(rows[:SHOWN], columns, ""))
    if more := len(rows) - SHOWN if len(rows) > SHOWN else 0:
        console.print(ngettext("… and {count} more address", "… and {count} more addresses", more).format(count=more))
    console.print()
    for line in plot(found["days"]):
        console.print(line, markup=False)
    console.print()
    count, share = found["messages"], percent(found["aligned"], found["messages"])
    text = ngettext("{count} message, passed: {share}", "{count} messages, passed: {share}", count)
    console.print(text.format(count=count, share=share))


def percent(part: int, whole: int) -> str:
    """Never rounded up to all."""
    tenths = part * 1000 // whole if whole else 0
    return f"{tenths // 10}.{tenths % 10} %"


def plot(days: list[dict[str, Any]]) -> list[str]:
    """A bar a day: full for what passed DMARC, light for what did not."""
    most = max((day["messages"] for day in days), default=0) or 1
    lines = []
    for day in days:
        length = -(-day["messages"] * BAR // most)
        good = day["aligned"] * length // day["messages"] if day["messages"] else 0
        bar = "█" * good + "░" * (length - good)
        lines.append(f"{day['day']} {bar:{BAR}} {day['messages']}")
    return lines
