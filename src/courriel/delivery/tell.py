"""What is told of a message when it has been taken: by which door, from whom, where to.

The same events are its journey (``ports/journeys.py``), so they name everything a person would ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.log import Level, log
from courriel.delivery.letter import Letter
from courriel.delivery.route import Plan
from courriel.model.mailing_list import MailingList
from courriel.model.transit import Transit

ADDRESSES: Final = 20
"""``tell.addresses``: recipients named in an event; of more, how many there are."""

_MESSAGE_ID: Final = re.compile(rb"^message-id[ \t]*+:\s*+(<[!-;=?-~]{1,900}>)", re.IGNORECASE | re.MULTILINE)
HEADER_OCTETS: Final = 16_384
"""``tell.header_octets``: where a Message-ID is looked for."""


def accepted(transit: Transit, plan: Plan) -> None:
    """Everything that was accepted is durable."""
    _arrived(transit)
    if plan.drops:
        log.event("delivery.stored", msg=transit.id, to=_names(str(drop.recipient.address) for drop in plan.drops))
    if plan.remote:
        log.event("delivery.queued", msg=transit.id, to=_names(str(one.address) for one in plan.remote))
    for event, fields in transit.notes:
        log.event(event, Level.INFO, msg=transit.id, **fields)
    for loop in plan.loops:
        log.event("delivery.loop", Level.WARNING, msg=transit.id, forwarder=loop)


def discarded(transit: Transit) -> None:
    """The client was told that it was taken; a filter had it dropped."""
    _arrived(transit)
    to = _names(str(one.address) for one in transit.envelope.recipients)
    log.event("delivery.discarded", Level.WARNING, msg=transit.id, to=to)


def _arrived(transit: Transit) -> None:
    envelope, client = transit.envelope, transit.envelope.client
    found = _MESSAGE_ID.search(transit.content, 0, HEADER_OCTETS)
    log.event(
        "delivery.accepted",
        msg=transit.id,
        door=envelope.door.value,
        ip=client.ip,
        helo=client.helo,
        tls=client.tls,
        login=client.login,
        sender=str(envelope.reverse_path),
        message_id=found[1].decode("ascii") if found else "",
        octets=len(transit.content),
        began=transit.received_at,
    )


def travels_as(transit: Transit, id: str, letter: Letter) -> None:
    """Note a letter that is queued under an id of its own (``part``)."""
    fields: dict[str, str | int] = {"part": id, "to": _names(str(one.address) for one in letter.remote)}
    if letter.forwarder:
        fields |= {"forwarder": letter.forwarder, "sender": str(letter.reverse_path)}
    transit.notes.append(("delivery.forwarded" if letter.forwarder else "delivery.queued", fields))


def listed(transit: Transit, kept: MailingList, decision: str, why: str, count: int = 0) -> None:
    """Note what a list decided: ``why`` names the author, the member or the reason, ``count`` members or days."""
    fields: dict[str, str | int] = {"list": kept.address, "decision": decision, "why": why, "count": count}
    transit.notes.append(("delivery.list", fields))


def _names(addresses: Iterable[str]) -> str:
    named = list(dict.fromkeys(addresses))
    more = len(named) - ADDRESSES
    return ", ".join(named[:ADDRESSES]) + (f" +{more}" if more > 0 else "")
