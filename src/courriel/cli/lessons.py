"""The exercises of ``courriel learn``: invented messages to invented people, and what each really is.

The files stand in ``exercises/NAME.LANGUAGE.eml`` (mail) or ``.txt`` (SMS, telephone).  Every domain in them is
reserved for examples (RFC 2606, RFC 6761) and every address of the net for documentation (RFC 5737).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from courriel.model.threat import Channel, Kind
from courriel.threats.dossier import Dossier, Source, dossier
from courriel.threats.read import read
from courriel.threats.scan import judge
from courriel.threats.signals import catalogue
from courriel.threats.stated import arrival
from courriel.threats.view import Context, Executive, Sender, View


@dataclass(frozen=True, slots=True)
class Exercise:
    """``kind`` is None for a message that harms nobody."""

    name: str
    kind: Kind | None
    channel: Channel = Channel.MAIL


EXERCISES: Final = (
    Exercise("colleague", None),
    Exercise("bank", Kind.PHISHING),
    Exercise("parcel", Kind.SMISHING, Channel.SMS),
    Exercise("newsletter", None),
    Exercise("order", Kind.WHALING),
    Exercise("renewal", Kind.VISHING),
    Exercise("reset", None),
    Exercise("invoice", Kind.MALWARE),
    Exercise("house", Kind.SPOOFING),
    Exercise("dentist", None, Channel.SMS),
    Exercise("camera", Kind.SCAM),
    Exercise("adviser", Kind.VISHING, Channel.CALL),
    Exercise("supplier", Kind.SPEAR_PHISHING),
)
"""In the order in which they are given: easy ones first, good ones between."""


@dataclass(frozen=True, slots=True)
class House:
    """Where the reader of the exercises works."""

    domain: str
    reader: str
    director: Executive
    colleague: str
    colleague_address: str
    written: tuple[str, ...]
    """Addresses, not of the house, from which the reader has had mail for long."""


HOUSES: Final[Mapping[str, House]] = {
    "en": House(
        "brightwell.example",
        "Sam Carter",
        Executive("Helen Ward", "Managing Director", ("helen.ward@brightwell.example",)),
        "Priya Nair",
        "priya.nair@brightwell.example",
        ("news@thegreenshed.example", "no-reply@tidewater-library.example"),
    ),
    "fr": House(
        "clairval.example",
        "Camille Roche",
        Executive("Hélène Garnier", "Directrice générale", ("helene.garnier@clairval.example",)),
        "Inès Faure",
        "ines.faure@clairval.example",
        ("lettre@serre-du-moulin.example", "ne-pas-repondre@bibliotheque-du-quai.example"),
    ),
}
"""By language."""


def raw(exercise: Exercise, language: str) -> bytes:
    """The message as it came."""
    suffix = "eml" if exercise.channel is Channel.MAIL else "txt"
    return (files("courriel.cli") / "exercises" / f"{exercise.name}.{language}.{suffix}").read_bytes()


def opened(exercise: Exercise, language: str) -> View:
    """The message as its reader's server received it."""
    content, house = raw(exercise, language), HOUSES[language]
    return read(content, arrival(content, _server(house)), _context(house), exercise.channel)


def told(exercise: Exercise, language: str) -> Dossier:
    """The exercise as our own engine judges it."""
    view = opened(exercise, language)
    source = Source(exercise.name, len(raw(exercise, language)), "", False, "server", _server(HOUSES[language]))
    return dossier(source, view, judge(view), catalogue(), language)


def _server(house: House) -> str:
    return f"mx.{house.domain}"


def _context(house: House) -> Context:
    senders = {house.colleague_address: Sender(received=41, answered=17), house.domain: Sender(received=230)}
    return Context(
        own_domains=frozenset({house.domain}),
        owner_names=(house.reader,),
        executives=(house.director,),
        colleagues=(house.colleague,),
        senders=senders | {address: Sender(received=12) for address in house.written},
        remembers=True,
    )
