"""``courriel dns``: what the DNS should say of a domain, what it says, and how it gets there."""

from __future__ import annotations

import os
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from courriel.cli.dns_dmarc import dmarc
from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option, primary_options
from courriel.cli.output import ask, console, errors, rows_table, show
from courriel.formats import zone_file
from courriel.model.zone_record import State, ZoneRecord
from courriel.ports import administration as do
from courriel.zones import spf
from courriel.zones.plan import TTL_S
from courriel.zones.sheet import sheet

TOKEN: Final = "COURRIEL_PROVIDER_TOKEN"
"""Variable that may have a provider's token."""

EXIT_NOT_RIGHT: Final = 1
"""A needed record is missing or wrong, or the DNS did not answer."""


@click.group(help=_("Records of your domains in the DNS: what is needed, what is there, how to get it there."))
def dns() -> None:
    pass


def _purposes() -> dict[str, str]:
    """What each kind of record is for, in plain words."""
    return {
        "mx": _("tells other servers where mail for the domain goes"),
        "address": _("the address of this server"),
        "reverse": _("the name of that address; set by who gave you the address, not in your zone"),
        "spf": _("says which servers may send for the domain"),
        "host-spf": _("the same for bounces, which name this server itself"),
        "dkim": _("the key with which others check our signatures"),
        "dmarc": _("says what others do with forged mail, and where they report it"),
        "tls-reports": _("asks other servers to report broken encryption"),
        "dane": _("promises this server's key, so that nobody can stand between"),
        "mta-sts": _("says that there is a promise of encryption, and which"),
        "mta-sts-host": _("where other servers read that promise"),
        "service": _("lets mail programs find this server by themselves"),
        "autoconfig": _("gives Thunderbird and others their settings"),
        "autodiscover": _("gives Outlook its settings"),
        "caa": _("says who may give certificates for the domain"),
    }


def _states() -> dict[str, str]:
    return {
        State.RIGHT.value: _("right"),
        State.MISSING.value: _("missing"),
        State.DIFFERENT.value: _("different"),
        State.UNKNOWN.value: _("no answer"),
    }


_sender_option = click.option(
    "--sender", "services", multiple=True, metavar="SERVICE",
    help=_("A service that sends for the domain too (google, microsoft, mailchimp …)."),
)  # fmt: skip


@dns.command("show", help=_("Every record a domain needs, why, and what stands there now."))
@click.argument("domain")
@_sender_option
@click.option(
    "--by-hand", is_flag=True, help=_("What is missing, ready to be typed: each text once, with all its places.")
)
@data_option
@json_option
@click.pass_obj
def show_(
    doors: Doors, domain: str, services: tuple[str, ...], by_hand: bool, data: Path, as_json: bool
) -> None:  # fmt: skip
    found = ask(doors.administration(data), do.DnsShow(domain, services))
    if by_hand:
        _show_sheet(found["rows"], as_json)
        return
    show(found, as_json, _table(found["rows"]))
    if not as_json:
        _say_spf(found)


def _show_sheet(rows: list[dict[str, Any]], as_json: bool) -> None:
    missing = [row for row in rows if row["state"] in (State.MISSING.value, State.DIFFERENT.value)]
    copies = sheet([ZoneRecord(row["name"], row["type"], row["value"]) for row in missing])
    if as_json:
        show(msgspec.to_builtins(copies), as_json, "")
        return
    for number, copied in enumerate(copies, 1):
        console.print(f"{number}. {copied.text}", style="bold", markup=False, soft_wrap=True)
        for place in copied.places:
            console.print(f"     {place.type:6}{place.name}  {place.numbers}".rstrip(), markup=False, soft_wrap=True)
    if not copies:
        console.print(_("All is right."))


def _table(rows: list[dict[str, Any]]) -> Any:
    purposes, states = _purposes(), _states()
    shown = [row | {"why": purposes[row["purpose"]], "now": _now(row, states)} for row in rows]
    columns = [("name", _("name")), ("type", _("type")), ("value", _("value")), ("now", _("now")), ("why", _("why"))]
    return rows_table(shown, columns, "")


def _now(row: dict[str, Any], states: dict[str, str]) -> str:
    state = states[row["state"]]
    if row["state"] == State.DIFFERENT.value:
        return _("{state}: {found}").format(state=state, found="; ".join(row["found"]))
    return state


def _say_spf(found: dict[str, Any]) -> None:
    """What the SPF record costs those who read it."""
    count = found["spf_lookups"]
    console.print()
    text = ngettext(
        "The SPF record costs receivers {count} look-up of {limit}.",
        "The SPF record costs receivers {count} look-ups of {limit}.",
        count,
    )
    console.print(text.format(count=count, limit=spf.LOOKUPS))
    if count > spf.LOOKUPS:
        console.print(_("That is too many: they will not believe it. Take senders out that are not used."), style="red")
    for name in found["unknown"]:
        console.print(_("{name} has no SPF record, or did not answer.").format(name=name))


@dns.command(
    "zone",
    help=_("The records as lines of a zone file, each with its reason.\n\nExample: courriel dns zone example.org"),
)
@click.argument("domain")
@_sender_option
@data_option
@click.pass_obj
def zone(doors: Doors, domain: str, services: tuple[str, ...], data: Path) -> None:
    found = ask(doors.administration(data), do.DnsShow(domain, services))
    purposes = _purposes()
    for row in found["rows"]:
        click.echo(zone_file.comment(purposes[row["purpose"]]))
        click.echo(zone_file.line(row["name"], row["type"], row["value"], TTL_S))


@dns.command("check", help=_("Say what is not right; the exit code is 1 when a needed record is not."))
@click.argument("domain")
@data_option
@json_option
@click.pass_obj
def check(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DnsShow(domain))["rows"]
    wrong = [row for row in rows if row["state"] != State.RIGHT.value]
    show(wrong, as_json, _table(wrong) if wrong else _("All is right."))
    if any(row["needed"] for row in wrong):
        raise click.exceptions.Exit(EXIT_NOT_RIGHT)


@dns.command(
    "publish",
    help=_(
        "Bring what is missing into the zone, by dynamic updates (RFC 2136) or through your provider.\n\n"
        "Examples:\n\ncourriel dns publish example.org --server 192.0.2.53 --key-file update.key\n\n"
        "courriel dns publish example.org --provider gandi --token-file gandi.token"
    ),
)
@click.argument("domain")
@primary_options
@click.option(
    "--provider", type=click.Choice(list(do.PROVIDERS)), default=None, help=_("The company that has the zone.")
)
@click.option(
    "--token-file",
    type=click.File("r"),
    help=_("The provider's token; else it is read from {variable}.").format(variable=TOKEN),
)
@click.option("--ttl", "ttl_s", type=click.IntRange(1, 604_800), default=TTL_S, show_default=True, help=_("Seconds."))
@_sender_option
@data_option
@json_option
@click.pass_obj
def publish(
    doors: Doors, domain: str, server: str, key_file: Any, provider: str | None, token_file: Any, zone: str, ttl_s: int,
    services: tuple[str, ...], data: Path, as_json: bool,
) -> None:  # fmt: skip
    if bool(server) == bool(provider):
        raise click.UsageError(_("Say who has the zone: --server or --provider."))
    key = key_file.read() if key_file else ""
    token = (token_file.read() if token_file else os.environ.get(TOKEN, "")) if provider else ""
    request = do.DnsPublish(domain, server, key, zone, services, ttl_s, provider or "", token)
    done = ask(doors.administration(data), request)
    count = len(done["changes"])
    show(done, as_json, ngettext("{count} change was made.", "{count} changes were made.", count).format(count=count))
    left = [row for row in done["rows"] if row["state"] != State.RIGHT.value]
    if left and not as_json:
        if provider:
            errors.print(_("This is not seen yet; what was just told to the provider may take some minutes:"))
        else:
            errors.print(_("This is left; it lies in other zones, or the server kept something else:"))
        errors.print(_table(left))


@dns.command(
    "inventory",
    help=_("Who sends for a domain: by its SPF record, with what each costs receivers, and as others report it."),
)
@click.argument("domain")
@data_option
@json_option
@click.pass_obj
def inventory(doors: Doors, domain: str, data: Path, as_json: bool) -> None:
    rows = ask(doors.administration(data), do.DnsInventory(domain))
    senders = {
        "ours": _("this server"),
        "service": _("a known service"),
        "domain": _("what another domain says"),
        "network": _("a network"),
        "anyone": _("anybody at all"),
        "reported": _("in no record; seen by others"),
    }
    shown = [row | {"who": row["name"] or "", "sender": senders[row["sender"]]} for row in rows]
    columns = [("mechanism", _("entry")), ("sender", _("who")), ("who", _("name")), ("lookups", _("look-ups"))]
    empty = _("The domain has no SPF record yet: “courriel dns show” has one for you.")
    show(rows, as_json, rows_table(shown, columns, empty))


dns.add_command(dmarc)
