"""Where recipients are: here, or elsewhere; and the accounts that local ones lead to.  RFC 5321 §3.6, RFC 5233 §4."""

from __future__ import annotations

import msgspec

from courriel.base.errors import FormatError
from courriel.model.account import Account, Target
from courriel.model.envelope import Address, Door, Recipient, address_of
from courriel.model.ids import AccountId
from courriel.model.refusals import AccountDisabled, MailRefusal, NoSuchAddress, RelayDenied
from courriel.ports.directory import Directory

ROUTING_CHARACTERS = frozenset("%!@")
"""In a local part they ask for relaying through us (``user%elsewhere@here``); AUTH attack row 36."""


class Drop(msgspec.Struct, frozen=True):
    """One account that gets the message, and why: the recipient, and the detail behind ``+``."""

    account: Account
    recipient: Recipient
    detail: str | None


class Route(msgspec.Struct, frozen=True):
    """Where one recipient leads: to ``target`` here, elsewhere when it is None, nowhere for the reason ``refusal``."""

    recipient: Recipient
    target: Target | None
    refusal: MailRefusal | None = None


class Plan(msgspec.Struct):
    """Where a message goes.  Each account and each address elsewhere is there once; routes in envelope order."""

    routes: list[Route]
    drops: list[Drop]
    remote: list[Recipient]


def is_local(directory: Directory, address: Address) -> bool:
    """Whether the address is ours to answer for.  ``<Postmaster>`` has no domain, RFC 5321 §4.1.1.3."""
    return not address.domain or directory.domain(address.domain) is not None


def find_target(directory: Directory, door: Door, address: Address) -> Target | None:
    """The target of an address here, None for one elsewhere.  Raises NoSuchAddress, RelayDenied, AccountDisabled."""
    if not is_local(directory, address):
        if door in (Door.SUBMISSION, Door.DEVICE, Door.OWN):
            return None
        raise RelayDenied(str(address))
    target = directory.resolve(address)
    if target is None or not (target.accounts or target.forward_to):
        if not ROUTING_CHARACTERS.isdisjoint(address.local):
            raise RelayDenied(str(address))
        raise NoSuchAddress(str(address))
    if not target.forward_to and not any(account.enabled for account in target.accounts):
        raise AccountDisabled(str(address))
    return target


def make_plan(directory: Directory, door: Door, recipients: tuple[Recipient, ...]) -> Plan:
    """Expand all recipients: aliases opened, each account once (the first recipient that led to it counts)."""
    plan = Plan([], [], [])
    seen: set[AccountId] = set()
    remote: dict[Address, Recipient] = {}
    for recipient in recipients:
        try:
            target = find_target(directory, door, recipient.address)
        except MailRefusal as reason:
            plan.routes.append(Route(recipient, None, reason))
            continue
        plan.routes.append(Route(recipient, target))
        if target is None:
            remote.setdefault(recipient.address, recipient)
            continue
        for account in target.accounts:
            if account.enabled and account.id not in seen:
                seen.add(account.id)
                plan.drops.append(Drop(account, recipient, target.detail))
        for text in target.forward_to:
            onward = _forwarded(recipient, text)
            remote.setdefault(onward.address, onward)
    plan.remote = list(remote.values())
    return plan


def _forwarded(recipient: Recipient, text: str) -> Recipient:
    """A recipient elsewhere that an alias leads to; DSN wishes travel on (RFC 3461 §5.2.7)."""
    try:
        address = address_of(text)
    except FormatError as error:  # the directory keeps canonical addresses only
        raise NoSuchAddress(f"{text}: {error.rule}") from None
    return Recipient(address, recipient.notify, recipient.original)
