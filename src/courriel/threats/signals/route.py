"""The way the message came: what the sending machine calls itself, who it is, and the times on the way.

Sees: a greeting with another's name or none, a connection of a home, stations that noted times long before those
behind them, a date that no station confirms.  Why: honest mail comes from servers with names of their own.  How it is
evaded: rented servers and stolen mailboxes have clean routes.  Good mail: clocks are wrong by hours (hence a day), and
stations inside a house have private addresses, which says nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from courriel.base.i18n import N_
from courriel.formats import dates
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.model.verdict import Result
from courriel.threats.lists import brands, words
from courriel.threats.reading.organisation import organisation
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.proof import under
from courriel.threats.view import View

BACK_S: Final = 86_400.0
"""Seconds by which a later station's time may be before an earlier one's: clocks and time zones are set wrongly."""
DATE_S: Final = 3 * 86_400.0
"""Seconds between the message's own date and its first station; drafts and queues wait for days."""

HELO: Final = Signal(
    name="route.false-greeting",
    group=Group.ROUTE,
    seen=N_("The sending machine called itself “{helo}”, which it is not."),
    why=N_("Honest servers greet with their own name; this one borrowed a name or had none."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 1.4, Kind.PHISHING: 1.1, Kind.SPOOFING: 0.5},
)
HOME: Final = Signal(
    name="route.home-connection",
    group=Group.ROUTE,
    seen=N_("It came straight from what looks like a home or mobile connection: {name}."),
    why=N_("Mail comes from servers; such lines send it when a computer has been taken over."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 1.4, Kind.PHISHING: 0.8, Kind.MALWARE: 0.8},
)
NAMELESS: Final = Signal(
    name="route.no-name",
    group=Group.ROUTE,
    seen=N_("The sending machine {ip} has no name that leads back to it."),
    why=N_("Servers that send honest mail are named by their owners."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.8, Kind.PHISHING: 0.6},
)
BACK: Final = Signal(
    name="route.times-go-back",
    group=Group.ROUTE,
    seen=N_("By its own notes it arrived at {later} {days} days before it left the station before."),
    why=N_("Either a clock is wrong, or stations were invented to hide where it came from."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.8, Kind.PHISHING: 0.3},
)
DATE: Final = Signal(
    name="route.date-off",
    group=Group.ROUTE,
    seen=N_("Its date ({date}) is {days} days away from when it was sent."),
    why=N_("A date in the future keeps a message on top of the list; one long ago hides it from eyes."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 1.1, Kind.PHISHING: 0.5},
)

_DYNAMIC: Final = re.compile(
    r"(?:^|[.\-])(?:dyn|dynamic|dsl|adsl|vdsl|xdsl|cable|dial|dialup|dip|pool|ppp|dhcp|cpe|catv|ftth|fiber|mobile|gprs|"
    r"broadband|customer|res|hsd1|abo|client)\d*(?=[.\-]|$)",
    re.IGNORECASE,
)
_SERVERS: Final = re.compile(
    r"(?:^|[.\-])(?:mail|smtp|mx|relay|out|mta|static|server|vps|email|news|send)\w*[.\-]", re.I
)


def greeting(view: View) -> Iterable[Finding]:
    """HELO (RFC 5321 §4.1.1.1): a name of the machine's own, with a dot."""
    helo, reverse = view.arrival.helo.lower().rstrip("."), view.arrival.reverse_name.lower().rstrip(".")
    if view.channel is not Channel.MAIL or not helo or not view.arrival.client_ip:
        return
    strength = _falseness(helo, reverse, view)
    if strength:
        yield Finding(HELO.name, HELO.group, strength, (Evidence("envelope", helo[:200]),), {"helo": helo[:80]})


def machine(view: View) -> Iterable[Finding]:
    """What the machine's own name says."""
    arrival = view.arrival
    if view.channel is not Channel.MAIL or not arrival.client_ip:
        return
    for name in (arrival.reverse_name, arrival.helo):
        if name and is_dynamic(name.lower(), arrival.client_ip):
            yield Finding(HOME.name, HOME.group, 1.0, (Evidence("envelope", name[:200]),), {"name": name[:80]})
            return
    judgement = arrival.judgement
    if judgement is not None and judgement.origin.iprev.result in (Result.FAIL, Result.PERMERROR):
        evidence = (Evidence("envelope", arrival.client_ip),)
        yield Finding(NAMELESS.name, NAMELESS.group, 1.0, evidence, {"ip": arrival.client_ip})


def times(view: View) -> Iterable[Finding]:
    """Stations' times, newest first, and the message's own date."""
    if view.channel is not Channel.MAIL:
        return
    timed = [(hop, hop.at) for hop in view.hops if hop.at is not None]
    for (later, later_at), (_, before_at) in pairwise(timed):
        if before_at - later_at > BACK_S:
            facts = {"later": later.by or "?", "days": _days(before_at - later_at)}
            yield Finding(BACK.name, BACK.group, 1.0, (Evidence("received", later.text[:200]),), facts)
            break
    written = view.header("date")
    date = dates.parse(written.encode("utf-8", "replace")) if written and timed else None
    if written and date is not None and abs(off := date.timestamp() - timed[-1][1]) > DATE_S:
        facts = {"date": written[:60], "days": _days(abs(off))}
        yield Finding(DATE.name, DATE.group, 1.0 if off > 0 else 0.6, (Evidence("date", written[:200]),), facts)


def is_dynamic(name: str, ip: str) -> bool:
    """Whether a name is one of many that a provider gives its customers: it holds the address, or says so."""
    if _SERVERS.search(name):
        return False
    octets = ip.split(".")
    if len(octets) == 4 and name.count(".") > 1:
        host = re.split(r"[.\-x_]", name)
        stripped = [part.lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0") for part in host]
        if sum(octet in stripped for octet in dict.fromkeys(octets)) >= 3:
            return True
    return bool(_DYNAMIC.search(name))


def _falseness(helo: str, reverse: str, view: View) -> float:
    """0 to 1.  Programs of people behind a router greet with what it calls them, so that counts for half."""
    bare = helo.strip("[]")
    if _is_address(bare):
        return 1.0 if helo == bare else 0.5 * (bare.removeprefix("ipv6:") != view.arrival.client_ip)
    if "." not in helo:
        return 1.0
    if helo.endswith((".local", ".localdomain", ".lan")):
        return 0.5
    famous = organisation(helo)
    own = any(under(helo, domain) for domain in view.context.own_domains)
    borrowed = own or famous in brands.by_domain() or famous in words("free_mail")
    return float(bool(reverse) and borrowed and not brands.same_owner(famous, organisation(reverse)))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def _days(seconds: float) -> str:
    return str(max(1, round(seconds / 86_400)))


SIGNALS: Final[tuple[Signal, ...]] = (HELO, HOME, NAMELESS, BACK, DATE)
LOOKS: Final[tuple[Look, ...]] = (greeting, machine, times)
