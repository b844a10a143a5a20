"""The way of a message as a person draws it: MUA → MSA → queue → MX → mailbox.  Pure.

Made of the events that were kept (``ports/journeys.py``); what was not kept is not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Protocol, TypeAlias

import msgspec

Fields: TypeAlias = Mapping[str, str | int | float | bool | None]


class Place(Enum):
    """Where a message was.  RFC 5598 §4 has the names."""

    MUA = "MUA"
    """A person's program."""
    DEVICE = "device"
    MTA = "MTA"
    """Another server that handed it to us."""
    MSA = "MSA"
    """Our door for people and devices."""
    MX = "MX"
    """Our door for other servers."""
    OURSELVES = "server"
    """This server had something to say."""
    QUEUE = "queue"
    REMOTE = "remote MX"
    MDA = "MDA"
    """A mailbox here."""
    REPORT = "report"
    FORWARD = "forward"
    """An address here that sends it on."""
    LIST = "list"
    FILTER = "filter"
    """A program of the administrator that judged it."""
    JUDGE = "sender check"
    """Who really sent it."""
    SCAN = "content check"
    """What it is after."""
    RULES = "rules"
    """A reader's own script."""


class Mood(Enum):
    """How it went there."""

    GOOD = "good"
    WAITING = "waiting"
    BAD = "bad"


class Hop(msgspec.Struct, frozen=True):
    """One station: POSIX time, seconds since the station before, and what is to be said (``facts``, by name)."""

    place: Place
    at: float
    seconds: float
    mood: Mood
    facts: dict[str, str]


_SENDERS: Final = {"submission": (Place.MUA, Place.MSA), "device": (Place.DEVICE, Place.MSA)}
_MOODS: Final = {"delivered": Mood.GOOD, "waiting": Mood.WAITING, "failed": Mood.BAD, "expired": Mood.BAD}

_VERDICTS: Final = {"accepted": Mood.GOOD, "quarantined": Mood.WAITING, "deferred": Mood.WAITING}


_DECISIONS: Final = {"accept": Mood.GOOD, "junk": Mood.WAITING}

_LIST_MOODS: Final = {
    **dict.fromkeys(("posted", "joined", "left", "helped", "asked"), Mood.GOOD),
    **dict.fromkeys(("held", "bounced"), Mood.WAITING),
}


def hops(steps: Sequence[tuple[str, float, Fields]]) -> list[Hop]:
    """Stations of (event, POSIX seconds, fields), in the order in which they happened."""
    found: list[Hop] = []

    def add(place: Place, at: float, mood: Mood, fields: Fields, *names: str) -> None:
        facts = {name: str(fields[name]) for name in names if fields.get(name) not in (None, "")}
        found.append(Hop(place, at, max(at - found[-1].at, 0.0) if found else 0.0, mood, facts))

    for event, at, fields in steps:
        if event == "delivery.accepted":
            _arrival(add, at, fields)
        elif event == "delivery.stored":
            add(Place.MDA, at, Mood.GOOD, fields, "to")
        elif event == "milter.asked":
            add(
                Place.FILTER,
                at,
                _VERDICTS.get(str(fields.get("verdict")), Mood.BAD),
                fields,
                "milter",
                "verdict",
                "reason",
            )
        elif event == "delivery.judged":
            mood = _DECISIONS.get(str(fields.get("decision")), Mood.BAD)
            add(Place.JUDGE, at, mood, fields, "ip", "spf", "dkim", "dmarc", "domain", "decision", "why")
        elif event == "delivery.scanned":
            mood = _DECISIONS.get(str(fields.get("decision")), Mood.BAD)
            add(Place.SCAN, at, mood, fields, "found", "kind", "probability", "signals", "decision")
        elif event == "delivery.discarded":
            add(Place.FILTER, at, Mood.BAD, fields, "to")
        elif event == "delivery.queued":
            add(Place.QUEUE, at, Mood.GOOD, fields, "to")
        elif event == "relay.attempt":
            mood = _MOODS.get(str(fields.get("state")), Mood.BAD)
            add(Place.REMOTE, at, mood, fields, "recipient", "host", "ip", "tls", "reply", "state")
        elif event == "relay.expired":
            add(Place.QUEUE, at, Mood.BAD, fields, "domain")
        elif event == "delivery.forwarded":
            add(Place.FORWARD, at, Mood.GOOD, fields, "forwarder", "sender", "to", "part")
        elif event == "delivery.loop":
            add(Place.FORWARD, at, Mood.BAD, fields, "forwarder")
        elif event == "delivery.list":
            mood = _LIST_MOODS.get(str(fields.get("decision")), Mood.BAD)
            add(Place.LIST, at, mood, fields, "list", "decision", "why", "count")
        elif event == "delivery.sorted":
            add(Place.RULES, at, Mood.BAD if fields.get("error") else Mood.GOOD, fields, "account", "wanted", "error")
        elif event == "delivery.reported":
            add(Place.REPORT, at, Mood.GOOD, fields, "kind", "report")
    return found


class _Add(Protocol):
    """The shape of ``add`` above."""

    def __call__(self, place: Place, at: float, mood: Mood, fields: Fields, *names: str) -> None: ...


def _arrival(add: _Add, at: float, fields: Fields) -> None:
    """Who came, and by which door."""
    door = str(fields.get("door"))
    if door == "own":
        add(Place.OURSELVES, at, Mood.GOOD, fields, "message_id")
        return
    sender, ours = _SENDERS.get(door, (Place.MTA, Place.MX))
    began = fields.get("began")
    start = float(began) if isinstance(began, int | float) else at
    add(sender, start, Mood.GOOD, fields, "login", "helo", "ip", "sender")
    add(ours, at, Mood.GOOD, fields, "tls", "message_id", "octets")
