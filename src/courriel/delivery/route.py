"""Where recipients are: here, or elsewhere; and the accounts that local ones lead to.  RFC 5321 §3.6, RFC 5233 §4."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from courriel.base.errors import FormatError
from courriel.model.account import Account, Target, TargetKind
from courriel.model.envelope import Address, Door, Recipient, address_of
from courriel.model.ids import AccountId
from courriel.model.mailing_list import Call
from courriel.model.refusals import AccountDisabled, MailRefusal, NoSuchAddress, RelayDenied
from courriel.ports.directory import Directory

ROUTING_CHARACTERS = frozenset("%!@")
"""In a local part they ask for relaying through us (``user%elsewhere@here``); AUTH attack row 36."""


class Place(msgspec.Struct, frozen=True):
    """Where in an account: ``mailbox`` "" is the usual one; ``special_use`` (RFC 8579), "" for none, comes before it.
    One that is not there is made when ``create`` says so; else the mail goes to the usual one."""

    mailbox: str = ""
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""


USUAL = Place()


class Drop(msgspec.Struct, frozen=True):
    """One account that gets the message, and why: the recipient, and the detail behind ``+``.  A script may want it in
    other ``places``, or several."""

    account: Account
    recipient: Recipient
    detail: str | None
    places: tuple[Place, ...] = (USUAL,)


class Route(msgspec.Struct, frozen=True):
    """Where one recipient leads: to ``target`` here, elsewhere when it is None, nowhere for the reason ``refusal``."""

    recipient: Recipient
    target: Target | None
    refusal: MailRefusal | None = None


class Plan(msgspec.Struct):
    """Where a message goes.  Each account and each address elsewhere is there once; routes in envelope order.

    ``forwards``: address here → where it sends its mail on to.  ``calls``: lists, and the recipient that led there.
    ``loops``: addresses that would have sent the message on, and have done so before.
    """

    routes: list[Route] = []
    drops: list[Drop] = []
    remote: list[Recipient] = []
    forwards: dict[str, list[Recipient]] = {}
    calls: list[tuple[Call, Recipient]] = []
    loops: list[str] = []

    def refuse(self, recipient: Recipient, reason: MailRefusal) -> None:
        """What a recipient led to will not have it; where it led elsewhere too, that stays."""
        for number, route in enumerate(self.routes):
            target = route.target
            if target is not None and route.recipient == recipient and not (target.accounts or target.forward_to):
                self.routes[number] = Route(recipient, None, reason)


Find = Callable[[Address], Target | None]
"""The target of an address here, None for one elsewhere; raises MailRefusal."""


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
    if target is None or not (target.accounts or target.forward_to or target.lists):
        if not ROUTING_CHARACTERS.isdisjoint(address.local):
            raise RelayDenied(str(address))
        raise NoSuchAddress(str(address))
    if not (target.forward_to or target.lists) and not any(account.enabled for account in target.accounts):
        raise AccountDisabled(str(address))
    return target


def make_plan(
    find: Find, directory: Directory, recipients: tuple[Recipient, ...], been_at: Callable[[], frozenset[str]]
) -> Plan:
    """Expand all recipients: aliases opened, each account once (the first recipient that led to it counts).

    ``been_at`` gives the addresses that have sent the message on already (its Delivered-To fields).
    """
    return _Planner(directory, been_at).plan(find, recipients)


class _Planner:
    """Follows recipients; each account is entered once, so loops end."""

    def __init__(self, directory: Directory, been_at: Callable[[], frozenset[str]]) -> None:
        self._directory = directory
        self._been_at = been_at
        self._plan = Plan()
        self._seen: set[AccountId] = set()
        self._under_way: set[AccountId] = set()
        self._elsewhere: set[Address] = set()

    def plan(self, find: Find, recipients: tuple[Recipient, ...]) -> Plan:
        plan = self._plan
        for recipient in recipients:
            try:
                target = find(recipient.address)
            except MailRefusal as reason:
                plan.routes.append(Route(recipient, None, reason))
                continue
            plan.routes.append(Route(recipient, target))
            if target is None:
                self._send_away(recipient, plan.remote)
            else:
                self._lead(target, recipient)
        return plan

    def _send_away(self, recipient: Recipient, to: list[Recipient]) -> None:
        if recipient.address not in self._elsewhere:
            self._elsewhere.add(recipient.address)
            to.append(recipient)

    def _lead(self, target: Target, recipient: Recipient) -> bool:
        """Go where a target leads; whether that is anywhere but in a circle."""
        plan, leads = self._plan, bool(target.forward_to or target.lists)
        for account in target.accounts:
            if account.enabled:
                leads |= self._reach(account, recipient, target.detail)
        for text in target.forward_to:
            away = plan.remote if target.kind is TargetKind.RETURN else self._forwards(str(recipient.address))
            self._send_away(_onward(recipient, text), away)
        known = [call for call, _ in plan.calls]
        plan.calls += [(call, recipient) for call in target.lists if call not in known]
        return leads

    def _forwards(self, address: str) -> list[Recipient]:
        return self._plan.forwards.setdefault(address, [])

    def _reach(self, account: Account, recipient: Recipient, detail: str | None) -> bool:
        if account.id in self._seen:
            return account.id not in self._under_way
        self._seen.add(account.id)
        self._under_way.add(account.id)
        sent_on = bool(account.forward_to) and self._send_on(account, recipient)
        if account.keep_copy or not sent_on:
            self._plan.drops.append(Drop(account, recipient, detail))
        self._under_way.discard(account.id)
        return True

    def _send_on(self, account: Account, recipient: Recipient) -> bool:
        """As the account wishes; False when that would go round, or leads nowhere: then it is kept here."""
        onward = _onward(recipient, account.forward_to)
        if self._directory.domain(onward.address.domain) is not None:
            target = self._directory.resolve(onward.address)
            return target is not None and self._lead(target, onward)
        if account.login in self._been_at():
            self._plan.loops.append(account.login)
            return False
        self._send_away(onward, self._forwards(account.login))
        return True


def _onward(recipient: Recipient, text: str) -> Recipient:
    """A recipient that an address here leads to; DSN wishes travel on (RFC 3461 §5.2.7)."""
    try:
        address = address_of(text)
    except FormatError as error:  # the directory keeps canonical addresses only
        raise NoSuchAddress(f"{text}: {error.rule}") from None
    return msgspec.structs.replace(recipient, address=address)
