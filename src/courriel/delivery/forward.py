"""Mail that an address here sends on: its reverse-path there, and where bounces go when they come back.

The body is never changed, so DKIM signatures live on; before it stand Delivered-To, by which a loop is known, and
Received.  A reverse-path of ours stays, the null one too; a foreign one is rewritten (``formats/srs.py``), else the
next server would see us send in a name that is not ours (SPF, RFC 7208 §D.1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from courriel.delivery.letter import Letter, unreported
from courriel.delivery.notices import Notice, Wording, mailer_daemon, write
from courriel.delivery.route import Plan
from courriel.delivery.settings import DeliverySettings
from courriel.formats import srs
from courriel.formats.path import Path
from courriel.model.account import Target, TargetKind
from courriel.model.envelope import NULL_PATH, Address, Recipient
from courriel.model.refusals import NoSuchAddress
from courriel.model.transit import Transit
from courriel.ports.directory import Directory

FAILURES: Final = 5
"""``forward.failures``: days on which the target refused for good before the owner is told."""

FAILURE_DAYS: Final = 14
"""``forward.failure_days``: within so many days."""

_DELIVERED_TO: Final = re.compile(rb"^delivered-to[ \t]*+:[ \t]*+([^\r\n]{1,320})", re.IGNORECASE | re.MULTILINE)


def been_at(header: bytes) -> frozenset[str]:
    """The addresses that a message was delivered to on its way."""
    return frozenset(found.decode("utf-8", "replace").strip().lower() for found in _DELIVERED_TO.findall(header))


def letters(transit: Transit, plan: Plan, directory: Directory, keys: Sequence[bytes]) -> list[Letter]:
    """A letter for each address that sends the message on."""
    return [_letter(transit, address, recipients, directory, keys) for address, recipients in plan.forwards.items()]


def _letter(
    transit: Transit, forwarder: str, recipients: list[Recipient], directory: Directory, keys: Sequence[bytes]
) -> Letter:
    domain = forwarder.rpartition("@")[2]
    sender = NULL_PATH  # a bounce from there would be led on to a name that may be stolen
    if transit.may_be_answered:
        sender = sender_there(transit.envelope.reverse_path, domain, directory, keys, transit.received_at)
    letter = Letter.of(transit, sender, b"Delivered-To: %b\r\n%b" % (forwarder.encode("utf-8"), transit.received_field))
    letter.remote, letter.forwarder = unreported(recipients, transit), forwarder
    return letter


def sender_there(sender: Address, domain: str, directory: Directory, keys: Sequence[bytes], now: float) -> Address:
    """The reverse-path of what is sent on.  Null where a long one has no room: no bounce then, and nobody is hurt."""
    if sender.is_null or directory.domain(sender.domain) is not None:
        return sender
    rewritten = srs.rewrite(keys, Path(sender.local, sender.domain), domain, now)
    return Address(rewritten.local, rewritten.domain) if rewritten is not None else NULL_PATH


def failure_notice(
    forwarder: str, target: str, reply: str, days: int, settings: DeliverySettings, id: str, now: float
) -> bytes:
    """What the owner of an address is told when its mail cannot be sent on."""
    values = {"address": forwarder, "target": target, "reply": reply, "days": str(days)}
    wording = Wording(settings.hostname, id, now, settings.languages)
    return write(Notice.FORWARD_FAILS, wording, mailer_daemon(settings.hostname), forwarder, values)


def returned(reverse_path: Address, address: Address, keys: Sequence[bytes], now: float) -> Target:
    """Where a bounce to an address of SRS goes.  Raises NoSuchAddress for what we did not write, is old, or no bounce.

    Only reports go that way (null reverse-path, RFC 5321 §4.5.5), so nobody can send through us to anyone.
    """
    if not reverse_path.is_null:
        raise NoSuchAddress(f"{address}: for reports only")
    try:
        sender = srs.restore(keys, address.local, now)
    except srs.BadReturn as error:
        raise NoSuchAddress(f"{address}: {error.rule}") from None
    return Target((), TargetKind.RETURN, None, (sender.address,))
