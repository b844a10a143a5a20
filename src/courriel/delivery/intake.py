"""The door of delivery, as ``ports/intake.py`` promises it: senders and recipients judged, messages taken.

A message goes judge → submit (own people's) → route and expand → queue → deliver.  When ``accept`` returns, all of
it is durable; what can be refused is refused here, in the session, so that no bounce goes to a forged sender later
(AUTH attack row 37).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import msgspec

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.delivery import tell
from courriel.delivery.deliver import Deliverer
from courriel.delivery.device import DeviceRates, mend, sender_of
from courriel.delivery.judge import Header, check_foreign_sender, judge
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.received import path, received_field
from courriel.delivery.route import Drop, Plan, find_target, make_plan
from courriel.delivery.settings import DeliverySettings
from courriel.delivery.submit import check_own, complete
from courriel.model import retry
from courriel.model.device import Device
from courriel.model.envelope import Address, Body, Client, Door, Envelope, Recipient
from courriel.model.queued import Mark, Progress, Queued, State
from courriel.model.refusals import NotPermitted, NotYourAddress, OverQuota
from courriel.model.transit import Fate, Outcome, Receipt, Transit
from courriel.ports.directory import Directory
from courriel.ports.queue import OutboundQueue
from courriel.ports.scanner import Scanner
from courriel.ports.store import MailStore

UNDECIDED_S: Final = 600.0
"""``delivery.undecided``: a message for here and for elsewhere may not leave before it is in the mailboxes, so that
nothing has left when the client is told to come again.  After a crash in between it leaves after this."""

OURSELVES: Final = Client("", 0)
NULL_PATH: Final = Address("", "")


class Delivery:
    """Fulfils ``ports.intake.Intake`` over a directory, a store and a queue."""

    def __init__(
        self,
        directory: Directory,
        store: MailStore,
        queue: OutboundQueue,
        settings: DeliverySettings,
        clock: Clock | None = None,
        randomness: Callable[[int], bytes] = os.urandom,
        scanner: Scanner | None = None,
    ) -> None:
        self._directory = directory
        self._queue = queue
        self._settings = settings
        self._clock = clock or SystemClock()
        self._randomness = randomness
        self._scanner = scanner
        self._deliverer = Deliverer(store)
        self._rates = DeviceRates()

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None:
        """Those logged in send as themselves; anyone may send reports with ``<>`` (RFC 5321 §4.5.5).

        Devices are who they are by their address; as whom they say they send is mended later.
        """
        if door is Door.DEVICE:
            self._device(client)
            return
        if door is not Door.SUBMISSION or reverse_path.is_null:
            return
        if client.account is None:
            raise NotPermitted("not logged in")
        if not self._directory.may_send_as(client.account, reverse_path):
            raise NotYourAddress(str(reverse_path))

    async def check_recipient(
        self, door: Door, client: Client, sender: Address, recipient: Recipient, declared_octets: int | None = None
    ) -> None:
        """Raises NoSuchAddress, RelayDenied, AccountDisabled, OverQuota."""
        target = find_target(self._directory, door, recipient.address)
        if target is None:
            return
        limited = [account for account in target.accounts if account.enabled and account.quota_octets]
        if len(limited) < len(target.accounts):
            return  # someone has room without asking
        for account in limited:
            await self._deliverer.check_room(account.id, declared_octets or 1)

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        """Take a message; see ``ports/intake.py``."""
        now = self._clock.now()
        settings = self._settings
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, content, now)
        header = judge(content, envelope.body, settings)
        account = envelope.client.account
        if envelope.door is Door.SUBMISSION:
            if account is None:
                raise NotPermitted("not logged in")
            check_own(content, header, lambda address: self._directory.may_send_as(account, address))
            transit.content = complete(content, header, settings.hostname, transit.id, now)
        elif envelope.door is Door.DEVICE:
            self._mend(transit, header)
        elif envelope.door is Door.MX:
            check_foreign_sender(header)
        if self._scanner is not None and not await self._scan(transit, self._scanner):
            tell.discarded(transit)
            dropped = tuple(Outcome(recipient, Fate.DISCARDED) for recipient in envelope.recipients)
            return Receipt(transit.id, dropped)
        envelope = transit.envelope
        transit.received_field = received_field(settings.hostname, envelope, transit.id, now)
        plan = make_plan(self._directory, envelope.door, envelope.recipients)
        await self._carry_out(transit, plan)
        tell.accepted(transit, plan)
        return Receipt(transit.id, tuple(transit.outcomes))

    async def _scan(self, transit: Transit, scanner: Scanner) -> bool:
        """Have filters look at it and change it; whether it is to be kept.  Raises FilterRefused, FilterDeferred."""
        scanned = await scanner.scan(transit.id, transit.envelope, transit.content)
        if scanned.discarded:
            return False
        if scanned.content is not transit.content:  # what a filter writes has to have one reading, too
            judge(scanned.content, transit.envelope.body, self._settings)
        transit.envelope, transit.content, transit.quarantine = scanned.envelope, scanned.content, scanned.quarantine
        return True

    def _device(self, client: Client) -> Device:
        """Raises NotPermitted for a client that is no device."""
        device = self._directory.device_at(client.ip)
        if device is None:
            raise NotPermitted(f"no device is known at {client.ip}")
        return device

    def _mend(self, transit: Transit, header: Header) -> None:
        """What a device leaves out is added; it sends under its own address.  Raises NotPermitted, TryLater."""
        device = self._device(transit.envelope.client)
        self._rates.count(device, self._clock.monotonic())
        transit.envelope = msgspec.structs.replace(transit.envelope, reverse_path=sender_of(device))
        transit.content = mend(
            transit.content, header, device, self._directory, self._settings.hostname, transit.id, transit.received_at
        )

    async def hand_in(self, recipient: Recipient, content: bytes, *, smtputf8: bool = False) -> Receipt:
        """Take a report of our own (null reverse-path).  Its outcome may be REFUSED: then nobody is to be told.

        Raises Unavailable, OverQuota, TryLater: it cannot be taken now.
        """
        now = self._clock.now()
        envelope = Envelope(Door.OWN, OURSELVES, NULL_PATH, (recipient,), smtputf8=smtputf8)
        if not content.isascii():
            envelope = msgspec.structs.replace(envelope, body=Body.EIGHT_BIT_MIME)
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, content, now)
        plan = make_plan(self._directory, envelope.door, envelope.recipients)
        await self._carry_out(transit, plan)
        tell.accepted(transit, plan)
        return Receipt(transit.id, tuple(transit.outcomes))

    async def _carry_out(self, transit: Transit, plan: Plan) -> None:
        """Queue first, since that can be undone while nothing was answered; then the mailboxes."""
        full = await self._deliverer.full_ones(plan.drops, _stored_octets(transit))
        if full and transit.envelope.door is not Door.LMTP:
            raise OverQuota(", ".join(drop.account.login for drop in full))
        drops = [drop for drop in plan.drops if drop not in full]
        if plan.remote:
            await self._enqueue(transit, plan.remote, UNDECIDED_S if drops else 0.0)
        try:
            if drops:
                full += await self._deliver(transit, drops)
        except BaseException:  # the client may have gone, too: without our answer it will send all of it again
            if plan.remote:
                await self._queue.remove(transit.id)
            raise
        if plan.remote and drops and not self._settings.hold and transit.quarantine is None:
            await self._let_go(transit, len(plan.remote))
        _note_outcomes(transit, plan, full)

    async def _let_go(self, transit: Transit, recipients: int) -> None:
        """The mailboxes have it: now it may travel.  If this cannot be written, it leaves a little later."""
        due = Progress(State.WAITING, transit.received_at)
        try:
            await self._queue.mark([Mark(transit.id, place, due) for place in range(recipients)])
        except CourrielError as error:
            log.event("delivery.let_go_failed", Level.WARNING, msg=transit.id, error=str(error))

    async def _deliver(self, transit: Transit, drops: list[Drop]) -> list[Drop]:
        """Store for all at once; over LMTP one by one if somebody got full meanwhile.  Returns those left out."""
        reverse_path, received = transit.envelope.reverse_path, transit.received_field
        content, now = transit.content, transit.received_at
        junk = transit.quarantine is not None
        try:
            await self._deliverer.deliver(drops, reverse_path, received, content, now, junk=junk)
            return []
        except OverQuota:
            if transit.envelope.door is not Door.LMTP or len(drops) == 1:
                if transit.envelope.door is Door.LMTP:
                    return drops
                raise
        full = []
        for drop in drops:
            try:
                await self._deliverer.deliver([drop], reverse_path, received, content, now, junk=junk)
            except OverQuota:
                full.append(drop)
        return full

    async def _enqueue(self, transit: Transit, remote: list[Recipient], wait_s: float) -> None:
        envelope, settings = transit.envelope, self._settings
        content = transit.received_field + transit.content
        reverse_path = path(envelope.reverse_path)[1:-1]
        held, reason = settings.hold, settings.hold_reason if settings.hold else ""
        if transit.quarantine is not None:
            held, reason = True, f"a filter wants it kept apart: {transit.quarantine}"
        expire_at = retry.expiry(transit.received_at, reverse_path, settings.retry)
        queued = Queued(
            id=transit.id,
            reverse_path=reverse_path,
            recipients=tuple(remote),
            queued_at=transit.received_at,
            size_octets=len(content),
            envid=envelope.envid,
            ret=envelope.ret,
            smtputf8=envelope.smtputf8,
            body=envelope.body.value,
            held=held,
            reason=reason,
            not_before=transit.received_at + wait_s if wait_s else 0.0,
            expire_at=expire_at,
            look_at=min(transit.received_at + settings.retry.warn_s, expire_at),
        )
        await self._queue.put(queued, content)


def _stored_octets(transit: Transit) -> int:
    """What a copy takes: the message and about a prefix.  The store counts exactly."""
    return len(transit.content) + len(transit.received_field)


def _note_outcomes(transit: Transit, plan: Plan, full: list[Drop]) -> None:
    """One outcome per recipient, in the order of the envelope."""
    without_room = {drop.account.id for drop in full}
    for route in plan.routes:
        refusal = route.refusal
        if refusal is None and route.target is not None and not route.target.forward_to:
            reached = [account.id for account in route.target.accounts if account.enabled]
            if without_room.issuperset(reached):
                refusal = OverQuota()
        if refusal is not None:
            transit.outcomes.append(Outcome(route.recipient, Fate.REFUSED, refusal))
        else:
            kept_here = route.target is not None and route.target.accounts
            transit.outcomes.append(Outcome(route.recipient, Fate.DELIVERED if kept_here else Fate.QUEUED))
