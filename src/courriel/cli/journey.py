"""``courriel trace``: the way of one message, drawn in the terminal, told in words, as JSON or as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
from rich.text import Text

from courriel.cli.doors import Doors
from courriel.cli.journey_svg import picture
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console
from courriel.ports import administration as do

Hop: TypeAlias = Mapping[str, Any]
"""As ``ports.administration.Journey`` gives it."""

COLOURS: Final = {"good": "green", "waiting": "yellow", "bad": "red"}
MARKS: Final = {"good": "●", "waiting": "◌", "bad": "✖"}


@click.command(
    help=_(
        "Show the way of a message: who handed it in, where it was kept, which servers it was offered to.\n\n"
        "Example: courriel trace 01a20df308200ccdc48dc1c9ae --svg way.svg"
    )
)
@click.argument("name", metavar="ID|MESSAGE-ID")
@click.option("--words", is_flag=True, help=_("Tell it in sentences."))
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help=_("Draw it into this file."))
@data_option
@json_option
@click.pass_obj
def trace(doors: Doors, name: str, words: bool, svg: Path | None, data: Path, as_json: bool) -> None:
    found = ask(doors.administration(data), do.Journey(name))
    hops: Sequence[Hop] = found["hops"]
    if svg is not None:
        svg.write_text(picture([(title(hop), _short(hop), hop["mood"], hop["seconds"]) for hop in hops]), "utf-8")
    if as_json:
        console.print_json(data=found)
    elif words:
        for hop in hops:
            console.print(f"{_time(hop)}  {sentence(hop)}", markup=False)
    else:
        console.print(drawing(hops))


def drawing(hops: Sequence[Hop]) -> Text:
    """One line a station, one between them for the time it took."""
    text = Text()
    for place, hop in enumerate(hops):
        if place:
            text.append(f"  │ {_span(hop['seconds'])}\n", style="dim")
        colour = COLOURS[hop["mood"]]
        text.append(f"  {MARKS[hop['mood']]} ", style=colour)
        text.append(f"{title(hop):<10} ", style="bold")
        text.append(sentence(hop) + "\n", style=colour if hop["mood"] != "good" else "")
    return text


def title(hop: Hop) -> str:
    """The name of the station, the field's own."""
    return _titles().get(hop["place"], str(hop["place"]))


def _titles() -> Mapping[str, str]:
    return {
        "remote MX": "MX",
        "queue": _("queue"),
        "device": _("device"),
        "report": _("report"),
        "server": "MTA",
        "forward": _("forward"),
        "list": _("list"),
        "filter": _("filter"),
        "sender check": _("sender"),
        "content check": _("content"),
        "rules": _("rules"),
    }


def sentence(hop: Hop) -> str:
    """What happened there, for people."""
    facts = hop["facts"]
    get = facts.get
    place = hop["place"]
    if place in ("MUA", "MTA", "device"):
        who = get("login") or get("helo") or _("somebody")
        return _("{who} ({ip}) hands in a message from <{sender}>.").format(
            who=who, ip=get("ip", "–"), sender=get("sender", "")
        )
    if place in ("MSA", "MX"):
        how = get("tls") or _("no encryption")
        return _("Taken and kept: {octets} octets, {how}.").format(octets=get("octets", "?"), how=how)
    if place == "filter":
        return _filtered(facts)
    if place == "sender check":
        return _judged(facts)
    if place == "content check":
        return _scanned(facts)
    if place == "server":
        return _("This server wrote a report.")
    if place == "MDA":
        return _("Put into the mailbox of {to}.").format(to=get("to", ""))
    if place == "report":
        return _told(str(get("kind")))
    if place == "forward":
        return _forward(hop)
    if place == "list":
        return _list(hop["facts"])
    if place == "rules":
        return _sorted(facts)
    if place == "queue":
        if hop["mood"] == "bad":
            return _("Given up for {domain}: it waited too long.").format(domain=get("domain", ""))
        return _("Waits to travel on to {to}.").format(to=get("to", ""))
    return _attempt(hop)


def _judged(facts: Mapping[str, str]) -> str:
    domain = facts.get("domain") or _("nobody")
    found = _("Says it is from {domain}: SPF {spf}, DKIM {dkim}, DMARC {dmarc}; ").format(
        domain=domain, spf=facts.get("spf", "?"), dkim=facts.get("dkim", "?"), dmarc=facts.get("dmarc", "?")
    )
    decided = {"accept": _("taken"), "junk": _("put among the junk"), "refuse": _("refused")}
    why = f" ({facts['why']})" if facts.get("why") else ""
    return f"{found}{decided.get(facts.get('decision', ''), '?')}{why}."


def _scanned(facts: Mapping[str, str]) -> str:
    levels = {
        "clean": _("Nothing bad was seen in it"),
        "bulk": _("It is mail to many"),
        "suspicious": _("It looks suspicious"),
        "malicious": _("It is malicious"),
    }
    decided = {"accept": _("taken"), "junk": _("put among the junk"), "refuse": _("refused")}
    kind = f" ({facts['kind']})" if facts.get("kind") else ""
    said = f"{levels.get(facts.get('found', ''), '?')}{kind}; {decided.get(facts.get('decision', ''), '?')}"
    return f"{said}: {facts['signals']}." if facts.get("signals") else f"{said}."


def _forward(hop: Hop) -> str:
    forwarder, to = hop["facts"].get("forwarder", ""), hop["facts"].get("to", "")
    if hop["mood"] == "bad":
        return _("Kept: {forwarder} has sent it on before, this is a loop.").format(forwarder=forwarder)
    return _("{forwarder} sends it on to {to}.").format(forwarder=forwarder, to=to)


def _sorted(facts: Mapping[str, str]) -> str:
    account = facts.get("account", "")
    if facts.get("error"):
        return _("The script of {account} stopped: {error}").format(account=account, error=facts["error"])
    return _("The script of {account} wants: {wanted}").format(account=account, wanted=facts.get("wanted", ""))


def _list(facts: Mapping[str, str]) -> str:
    text = {
        "posted": _("{list}: a post of {why} for {count} members."),
        "held": _("{list}: a post of {why} waits for a moderator."),
        "refused": _("{list}: refused, {why}."),
        "loop": _("{list}: dropped, it has been on this list already."),
        "automatic": _("{list}: dropped, a program wrote it."),
        "joined": _("{list}: {why} has joined."),
        "left": _("{list}: {why} has left."),
        "asked": _("{list}: {why} is asked to confirm."),
        "helped": _("{list}: {why} gets the help text."),
        "rejected": _("{list}: a post of {why} was rejected."),
        "bounced": _("{list}: mail to {why} came back; days: {count}."),
    }.get(facts.get("decision", ""), _("{list}: nothing done, {why}."))
    return text.format(list=facts.get("list", ""), why=facts.get("why", ""), count=facts.get("count", ""))


def _filtered(facts: Mapping[str, str]) -> str:
    if "milter" not in facts:
        return _("Dropped for {to}, as a filter wants it.").format(to=facts.get("to", ""))
    verdicts = {
        "accepted": _("let it pass"),
        "quarantined": _("wants it kept apart"),
        "deferred": _("wants it later"),
        "refused": _("refused it"),
        "discarded": _("wants it dropped"),
    }
    words = {"milter": facts["milter"], "verdict": verdicts.get(facts.get("verdict", ""), "–")}
    if facts.get("reason"):
        return _("{milter} {verdict}: {reason}").format(**words, reason=facts["reason"])
    return _("{milter} {verdict}.").format(**words)


def _told(kind: str) -> str:
    if kind == "delayed":
        return _("The sender was told that it takes long.")
    if kind == "succeeded":
        return _("The sender was told that it arrived.")
    return _("The sender was told that it did not arrive.")


def _attempt(hop: Hop) -> str:
    facts = hop["facts"]
    server = facts.get("host") or facts.get("ip") or _("no server")
    words = {"server": server, "recipient": facts.get("recipient", ""), "reply": facts.get("reply", "")}
    if hop["mood"] == "good":
        return _("{server} took it for {recipient}: {reply}").format(**words)
    if hop["mood"] == "waiting":
        return _("{server} could not take it for {recipient} now, it will be tried again: {reply}").format(**words)
    return _("{server} will never take it for {recipient}: {reply}").format(**words)


def _short(hop: Hop) -> str:
    """What fits into a box of the picture."""
    facts = hop["facts"]
    for name in ("login", "host", "to", "ip", "tls", "kind", "domain"):
        if facts.get(name):
            return str(facts[name])
    return ""


def _span(seconds: float) -> str:
    if seconds < 1:
        return _("{count} ms").format(count=round(seconds * 1_000))
    if seconds < 120:
        return _("{count} s").format(count=round(seconds, 1))
    if seconds < 7_200:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=round(seconds / 3_600, 1))


def _time(hop: Hop) -> str:
    return datetime.fromtimestamp(hop["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
