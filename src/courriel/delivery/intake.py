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
from courriel.delivery.guard import Guard
from courriel.delivery.judge import Header, check_foreign_sender, judge
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.received import path, received_field
from courriel.delivery.route import Drop, Plan, find_target, make_plan
from courriel.delivery.settings import DeliverySettings
from courriel.delivery.submit import check_own, complete
from courriel.model import retry
from courriel.model.attempt import Attempt, Result
from courriel.model.device import Device
from courriel.model.envelope import Address, Body, Client, Door, Envelope, Recipient, address_of
from courriel.model.ids import AccountId
from courriel.model.queued import Mark, Progress, Queued, State
from courriel.model.refusals import NotPermitted, NotYourAddress, OverQuota
from courriel.model.transit import Fate, Outcome, Receipt, Transit
from courriel.model.wishes import Granted, Wishes, WishLimits, grant
from courriel.ports.directory import Directory
from courriel.ports.queue import OutboundQueue
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
        guard: Guard | None = None,
    ) -> None:
        self._directory = directory
        self._queue = queue
        self._settings = settings
        self._clock = clock or SystemClock()
        self._randomness = randomness
        self._deliverer = Deliverer(store)
        self._rates = DeviceRates()
        self._guard = guard

    @property
    def wishes(self) -> WishLimits:
        """What senders may wish for."""
        return self._settings.wishes

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None:
        """Those logged in send as themselves; anyone may send reports with ``<>`` (RFC 5321 §4.5.5).

        Devices are who they are by their address; as whom they say they send is mended later.
        """
        if door is Door.DEVICE:
            self._device(client)
            return
        if door is not Door.SUBMISSION or (reverse_path.is_null and client.account is None):
            return
        if client.account is None:
            raise NotPermitted("not logged in")
        if not reverse_path.is_null and not self._directory.may_send_as(client.account, reverse_path):
            raise NotYourAddress(str(reverse_path))
        if self._guard is not None:
            self._guard.check(client.account)

    def check_wishes(self, wishes: Wishes) -> None:
        """Raises WishNotGranted."""
        grant(wishes, self._clock.now(), self._settings.wishes)

    def tried(self, message: Queued, attempt: Attempt) -> None:
        """The relay has tried a recipient of a message."""
        if self._guard is not None and message.account and attempt.result is not Result.DEFERRED:
            self._guard.tried(message.account, attempt.result is Result.FAILED)

    def save(self) -> None:
        """Write down what need not be written at once."""
        if self._guard is not None:
            self._guard.allowance.save()

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
        transit.granted = grant(envelope.wishes, now, settings.wishes)
        header = judge(content, envelope.body, settings)
        transit.tls_optional = header.tls_optional and not transit.granted.require_tls
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
        transit.received_field = received_field(settings.hostname, envelope, transit.id, now)
        plan = make_plan(self._directory, envelope.door, envelope.recipients)
        if envelope.door is Door.SUBMISSION and self._guard is not None and account is not None:
            await self._carry_out_for(account, self._guard, transit, plan)
        else:
            await self._carry_out(transit, plan)
        tell.accepted(transit, plan)
        return Receipt(transit.id, tuple(transit.outcomes))

    async def _carry_out_for(self, account: AccountId, guard: Guard, transit: Transit, plan: Plan) -> None:
        """The same for somebody of the house: counted, and held when need be.  Raises SentEnough."""
        transit.held = await guard.admit(account, transit.envelope, self.hand_in)
        try:
            await self._carry_out(transit, plan)
        except BaseException:
            guard.give_back(account, len(transit.envelope.recipients), transit.received_at)
            raise

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

    async def hand_in(
        self, recipient: Recipient, content: bytes, *, smtputf8: bool = False, require_tls: bool = False
    ) -> Receipt:
        """Take a report of our own (null reverse-path).  Its outcome may be REFUSED: then nobody is to be told.

        Raises Unavailable, OverQuota, TryLater: it cannot be taken now.
        """
        body = Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT_MIME
        envelope = Envelope(Door.OWN, OURSELVES, NULL_PATH, (recipient,), body, smtputf8)
        return await self._take(envelope, content, Granted(require_tls=require_tls))

    async def release(self, message: Queued, recipients: tuple[Recipient, ...], content: bytes) -> Receipt:
        """Deliver what waited in the queue for people here.  Raises Unavailable, OverQuota."""
        sender = address_of(message.reverse_path) if message.reverse_path else NULL_PATH
        body = Body(message.body)
        envelope = Envelope(Door.OWN, OURSELVES, sender, recipients, body, message.smtputf8, None, message.ret)
        granted = Granted(0.0, message.deadline, message.priority, message.require_tls)
        return await self._take(envelope, content, granted, tls_optional=message.tls_optional)

    async def _take(
        self, envelope: Envelope, content: bytes, granted: Granted, *, tls_optional: bool = False
    ) -> Receipt:
        """Mail that is complete and judged."""
        now = self._clock.now()
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, content, now)
        transit.granted, transit.tls_optional = granted, tls_optional
        plan = make_plan(self._directory, envelope.door, envelope.recipients)
        await self._carry_out(transit, plan)
        tell.accepted(transit, plan)
        return Receipt(transit.id, tuple(transit.outcomes))

    async def _carry_out(self, transit: Transit, plan: Plan) -> None:
        """Queue first, since that can be undone while nothing was answered; then the mailboxes."""
        if transit.granted.release_at or transit.held:
            await self._wait_for_release(transit, plan)
            return
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
        if plan.remote and drops and not self._settings.hold:
            await self._let_go(transit, len(plan.remote))
        _note_outcomes(transit, plan, full)

    async def _wait_for_release(self, transit: Transit, plan: Plan) -> None:
        """Everybody waits in the queue, people here as well."""
        waiting = [route.recipient for route in plan.routes if route.refusal is None]
        if waiting:
            await self._enqueue(transit, waiting, 0.0)
        for route in plan.routes:
            transit.outcomes.append(
                Outcome(route.recipient, Fate.QUEUED if route.refusal is None else Fate.REFUSED, route.refusal)
            )

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
        try:
            await self._deliverer.deliver(drops, reverse_path, received, content, now)
            return []
        except OverQuota:
            if transit.envelope.door is not Door.LMTP or len(drops) == 1:
                if transit.envelope.door is Door.LMTP:
                    return drops
                raise
        full = []
        for drop in drops:
            try:
                await self._deliverer.deliver([drop], reverse_path, received, content, now)
            except OverQuota:
                full.append(drop)
        return full

    async def _enqueue(self, transit: Transit, remote: list[Recipient], wait_s: float) -> None:
        envelope, settings, granted = transit.envelope, self._settings, transit.granted
        content = transit.received_field + transit.content
        reverse_path = path(envelope.reverse_path)[1:-1]
        begins = max(transit.received_at, granted.release_at)
        expire_at, look_at = retry.moments(begins, reverse_path, granted.deadline, settings.retry)
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
            held=settings.hold or bool(transit.held),
            reason=transit.held or (settings.hold_reason if settings.hold else ""),
            not_before=transit.received_at + wait_s if wait_s else granted.release_at,
            expire_at=expire_at,
            look_at=look_at,
            release_at=granted.release_at,
            deadline=granted.deadline,
            priority=granted.priority,
            require_tls=granted.require_tls,
            tls_optional=transit.tls_optional,
            account="" if envelope.client.account is None else str(envelope.client.account),
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
