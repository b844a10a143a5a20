"""The door of delivery, as ``ports/intake.py`` promises it: senders and recipients judged, messages taken.

A message goes judge → submit (own people's) → route and expand to letters → queue → deliver.  When ``accept``
returns, all of it is durable; what can be refused is refused here, in the session, so that no bounce goes to a forged
sender later (AUTH attack row 37).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.delivery import forward, tell
from courriel.delivery.acquaintance import Acquaintance
from courriel.delivery.authenticate import SenderCheck
from courriel.delivery.deliver import Deliverer
from courriel.delivery.device import DeviceRates, alarm, mend, postmaster_of, sender_of
from courriel.delivery.guard import Guard
from courriel.delivery.judge import Header, check_foreign_sender, header_length, judge
from courriel.delivery.letter import Letter, unreported
from courriel.delivery.lists import DAY_S, ListDesk
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.notices import Wording
from courriel.delivery.received import received_field
from courriel.delivery.report_reader import ReportReader
from courriel.delivery.route import Drop, Plan, find_target, is_local, make_plan
from courriel.delivery.rules import After, Rules
from courriel.delivery.rules_mail import RulesMail
from courriel.delivery.seal import Sealer
from courriel.delivery.settings import DeliverySettings
from courriel.delivery.sign import Signer
from courriel.delivery.submit import check_own, complete
from courriel.delivery.threat_scan import ThreatScan
from courriel.formats.reports.authres import without_claims
from courriel.formats.srs import is_rewritten
from courriel.model.account import Target
from courriel.model.attempt import Attempt, Result
from courriel.model.device import Device
from courriel.model.envelope import (
    NULL_PATH,
    Address,
    Body,
    Client,
    Door,
    Envelope,
    Recipient,
    address_of,
    reverse_path_of_text,
)
from courriel.model.ids import AccountId
from courriel.model.mailing_list import Asked
from courriel.model.notify import NEVER
from courriel.model.queued import Entry, Mark, Progress, Queued, State
from courriel.model.refusals import MailRefusal, NotPermitted, NotYourAddress, OverQuota, TryLater
from courriel.model.transit import Fate, Outcome, Receipt, Transit
from courriel.model.wishes import Granted, Wishes, WishLimits, grant
from courriel.ports.directory import Directory
from courriel.ports.lists import ListBook
from courriel.ports.queue import OutboundQueue
from courriel.ports.scanner import Scanner
from courriel.ports.sieve import SieveStore
from courriel.ports.store import MailStore
from courriel.sieve.settings import DEFAULT as DEFAULT_SIEVE
from courriel.sieve.settings import SieveSettings

UNDECIDED_S: Final = 600.0
"""``delivery.undecided``: a message for here and for elsewhere may not leave before it is in the mailboxes, so that
nothing has left when the client is told to come again.  After a crash in between it leaves after this."""

OURSELVES: Final = Client("", 0)


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
        *,
        guard: Guard | None = None,
        lists: ListBook,
        keys: Sequence[bytes],
        scanner: Scanner | None = None,
        senders: SenderCheck | None = None,
        signer: Signer | None = None,
        sealer: Sealer | None = None,
        scripts: SieveStore | None = None,
        sieve: SieveSettings = DEFAULT_SIEVE,
        report_reader: ReportReader | None = None,
        threats: ThreatScan | None = None,
        acquaintance: Acquaintance | None = None,
    ) -> None:
        """``keys`` seal what is put into addresses (``formats/seal.py``), the newest first."""
        self._directory = directory
        self._queue = queue
        self._settings = settings
        self._clock = clock or SystemClock()
        self._randomness = randomness
        self._scanner = scanner
        self._senders = senders
        self._signer = signer
        self._sealer = sealer
        self._report_reader = report_reader
        self._threats = threats
        self._acquaintance = acquaintance
        self._deliverer = Deliverer(store)
        self._rates = DeviceRates()
        self._guard = guard
        self._book = lists
        self._keys = keys
        self.lists = ListDesk(
            directory, lists, keys, settings.hostname, self.hand_in, self._clock.now, settings.languages, randomness
        )
        self._rules: Rules | None = None
        if scripts is not None:
            self._rules = Rules(scripts, store, directory, sieve, settings.hostname, keys, self._find)
            self._rules_mail = RulesMail(
                scripts, sieve, settings.hostname, settings.languages, randomness, self.hand_in,
                self._deliverer.deliver,
            )  # fmt: skip

    @property
    def wishes(self) -> WishLimits:
        """What senders may wish for."""
        return self._settings.wishes

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None:
        """Those logged in send as themselves; anyone may send reports with ``<>`` (RFC 5321 §4.5.5).

        Devices are who they are by their login or their address; as whom they say they send is mended later.
        """
        if door is Door.MX and self._senders is not None:
            self._senders.begin(client, reverse_path)
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
        target = self._find(door, sender, recipient.address)
        if target is None:
            return
        limited = [
            account
            for account in target.accounts
            if account.enabled and account.quota_octets and (account.keep_copy or not account.forward_to)
        ]
        if len(limited) < len(target.accounts):
            return  # someone has room without asking
        for account in limited:
            await self._deliverer.check_room(account.id, declared_octets or 1)

    def _find(self, door: Door, sender: Address, address: Address) -> Target | None:
        """As ``route.find_target``, and what came back to an address that was made here."""
        if is_rewritten(address.local) and is_local(self._directory, address):
            return forward.returned(sender, address, self._keys, self._clock.now())
        target = find_target(self._directory, door, address)
        for call in target.lists if target is not None else ():
            self.lists.check(call)
        return target

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        """Take a message; see ``ports/intake.py``."""
        now = self._clock.now()
        settings = self._settings
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, content, now)
        transit.granted = grant(envelope.wishes, now, settings.wishes)
        header = judge(content, envelope.body, settings)
        transit.tls_optional = header.tls_optional and not transit.granted.require_tls
        transit.of_house = envelope.door in (Door.SUBMISSION, Door.DEVICE)
        account = envelope.client.account
        if envelope.door is Door.SUBMISSION:
            if account is None:
                raise NotPermitted("not logged in")
            check_own(content, header, lambda address: self._directory.may_send_as(account, address))
            transit.content = complete(content, header, settings.hostname, transit.id, now)
        elif envelope.door is Door.DEVICE:
            await self._mend(transit, header)
        elif envelope.door is Door.MX:
            check_foreign_sender(header)
            if self._senders is not None:
                await self._senders.judge(transit, header)
            else:
                transit.content = without_claims(content, header.length, settings.hostname)
            if self._threats is not None and self._looks_at(envelope):
                await self._threats.scan(transit)
        if self._scanner is not None and not await self._scan(transit, self._scanner):
            tell.discarded(transit)
            dropped = tuple(Outcome(recipient, Fate.DISCARDED) for recipient in envelope.recipients)
            return Receipt(transit.id, dropped)
        envelope = transit.envelope
        transit.received_field = transit.verdict_fields + received_field(settings.hostname, envelope, transit.id, now)
        if envelope.door is Door.SUBMISSION and self._guard is not None and account is not None:
            return await self._take_for(account, self._guard, transit)
        receipt = await self._take(transit)
        if envelope.door is Door.MX and self._report_reader is not None:
            self._report_reader.taken(transit)
        return receipt

    def _looks_at(self, envelope: Envelope) -> bool:
        """Mail of trusted networks is not judged, in whatever way."""
        return self._senders is None or not self._senders.is_trusted(envelope.client.ip)

    async def _take_for(self, account: AccountId, guard: Guard, transit: Transit) -> Receipt:
        """The same for somebody of the house: counted, and held when need be.  Raises SentEnough."""
        transit.held = await guard.admit(account, transit.envelope, self.hand_in)
        try:
            return await self._take(transit)
        except BaseException:
            guard.give_back(account, len(transit.envelope.recipients), transit.received_at)
            raise

    async def _take(self, transit: Transit) -> Receipt:
        """Expand to letters, and take them all; durable when it returns."""
        envelope, content = transit.envelope, transit.content
        plan = make_plan(
            lambda address: self._find(envelope.door, envelope.reverse_path, address),
            self._directory,
            envelope.recipients,
            lambda: forward.been_at(content[: header_length(content)]),
        )
        if plan.remote or plan.forwards or plan.calls or transit.granted.release_at or transit.held:
            transit.content = transit.signed = self._signed(transit, content)
        if transit.granted.release_at or transit.held:
            return await self._keep_back(transit, plan)
        letters = [_as_it_came(transit, plan), *forward.letters(transit, plan, self._directory, self._keys)]
        for call, recipient in plan.calls:
            try:
                letters += await self.lists.answer(call, transit)
            except MailRefusal as reason:
                plan.refuse(recipient, reason)
        await self._sort_and_carry_out(transit, plan, letters)
        for asked in transit.settles:
            await self.lists.settle(asked)
        if self._acquaintance is not None:
            self._acquaintance.taken(transit, plan)
        return Receipt(transit.id, tuple(transit.outcomes))

    async def _sort_and_carry_out(self, transit: Transit, plan: Plan, letters: list[Letter]) -> None:
        """As readers' scripts want it, or apart from all else where a filter of the house does."""
        after: list[After] = []
        if transit.quarantine is not None:
            for letter in letters:
                letter.keep_apart(transit.quarantine)
        elif self._rules is not None and not transit.junk and self._rules.concern(letters):
            # What goes among the junk is neither sent on nor answered in anybody's name.
            after = await self._rules.sort(transit, plan, letters)
        for letter in letters:
            # A list or a script wrote into it, or it leaves only because a script says so.
            if letter.remote and letter.content is not transit.signed:
                letter.content = self._signed(transit, letter.content)
        if self._sealer is not None and not transit.of_house:
            await self._sealer.seal(transit.content, letters, transit.received_at)
        await self._carry_out(transit, plan, letters)
        if after:
            await self._rules_mail.send(transit, after)

    def _signed(self, transit: Transit, content: bytes) -> bytes:
        """With signatures, where it is for us to sign."""
        if self._signer is None or not transit.of_house:
            return content
        signed, domain = self._signer.sign(content, transit.received_at, transit.granted.release_at)
        if domain:
            transit.notes.append(("delivery.signed", {"domain": domain}))
        return signed

    async def _keep_back(self, transit: Transit, plan: Plan) -> Receipt:
        """Everybody waits in the queue, people here as well; lists are asked when the time has come."""
        waiting = [route.recipient for route in plan.routes if route.refusal is None]
        letter = _as_it_came(transit, Plan(routes=plan.routes, remote=waiting))
        if waiting:
            await self._queue.put_all(self._queued(transit, [letter], 0.0))
        for route in plan.routes:
            fate = Fate.QUEUED if route.refusal is None else Fate.REFUSED
            transit.outcomes.append(Outcome(route.recipient, fate, route.refusal))
        tell.accepted(transit, Plan(routes=plan.routes, remote=waiting))
        return Receipt(transit.id, tuple(transit.outcomes))

    async def publish(self, asked: Asked) -> Receipt:
        """Take a post that was held, as a moderator says; its question is then settled."""
        now = self._clock.now()
        envelope = Envelope(Door.OWN, OURSELVES, reverse_path_of_text(asked.reverse_path), ())
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, asked.content, now)
        await self._sort_and_carry_out(transit, Plan(), await self.lists.publish(asked, transit))
        await self.lists.settle(asked)
        return Receipt(transit.id, ())

    async def forward_failed(self, entry: Entry, places: Sequence[int]) -> None:
        """Mail was sent on, and refused for good.  If that goes on for days, the owner is told, once."""
        message, now = entry.message, self._clock.now()
        for place in places:
            target, last = str(message.recipients[place].address), entry.progress[place].last
            key = f"forward {message.forwarder} {target}"
            days = await self._book.note_bounce(key, int(now // DAY_S), forward.FAILURE_DAYS)
            if days == forward.FAILURES:
                notice = forward.failure_notice(
                    message.forwarder, target, last.reply if last is not None else "", days, self._settings,
                    new_id(now, self._randomness(RANDOM_OCTETS)), now,
                )  # fmt: skip
                await self._tell_here(message.forwarder, notice)

    async def _tell_here(self, address: str, content: bytes) -> None:
        """Into the mailbox itself: it is not sent on, least of all to where mail is refused."""
        account = self._directory.by_login(address)
        if account is not None:
            drop = Drop(account, Recipient(address_of(address)), None)
            await self._deliverer.deliver([Letter(NULL_PATH, content, drops=[drop])], self._clock.now())

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
        if client.device:
            device = self._directory.device(client.device)
            if device is None or not device.has_login:
                raise NotPermitted("the device has gone")
            return device
        device = self._directory.device_at(client.ip)
        if device is None:
            raise NotPermitted(f"no device is known at {client.ip}")
        return device

    async def _mend(self, transit: Transit, header: Header) -> None:
        """What a device leaves out is added; it sends under its own address.  Raises NotPermitted, TryLater."""
        device = self._device(transit.envelope.client)
        await self._count(device)
        transit.envelope = msgspec.structs.replace(transit.envelope, reverse_path=sender_of(device))
        transit.content = mend(
            transit.content, header, device, self._directory, self._settings.hostname, transit.id, transit.received_at
        )

    async def _count(self, device: Device) -> None:
        """One more message of a device.  Raises TryLater when it is one too many; the postmaster is told."""
        monotonic = self._clock.monotonic()
        try:
            self._rates.count(device, monotonic)
        except TryLater:
            if self._rates.is_news(device, monotonic):
                await self._sound_alarm(device)
            raise

    async def _sound_alarm(self, device: Device) -> None:
        try:
            await self.write_to(postmaster_of(device), lambda wording: alarm(device, wording))
        except CourrielError as error:
            log.event("device.alarm_untold", Level.ERROR, device=device.name, error=str(error))

    async def write_to(self, to: Address, compose: Callable[[Wording], bytes]) -> None:
        """A letter of this server's own; where nobody has the address it is dropped.  Raises what ``hand_in`` does."""
        now, settings = self._clock.now(), self._settings
        wording = Wording(settings.hostname, new_id(now, self._randomness(RANDOM_OCTETS)), now, settings.languages)
        await self.hand_in(Recipient(to, NEVER), compose(wording))

    async def hand_in(
        self,
        recipient: Recipient,
        content: bytes,
        *,
        smtputf8: bool = False,
        require_tls: bool = False,
        tls_optional: bool = False,
    ) -> Receipt:
        """Take a report of our own (null reverse-path).  Its outcome may be REFUSED: then nobody is to be told.

        Raises Unavailable, OverQuota, TryLater: it cannot be taken now.
        """
        body = Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT_MIME
        envelope = Envelope(Door.OWN, OURSELVES, NULL_PATH, (recipient,), body, smtputf8)
        granted = Granted(require_tls=require_tls)
        return await self._take_own(envelope, content, granted, tls_optional=tls_optional, of_house=True)

    async def release(self, message: Queued, recipients: tuple[Recipient, ...], content: bytes) -> Receipt:
        """Deliver what waited in the queue for people here.  Raises Unavailable, OverQuota."""
        sender = reverse_path_of_text(message.reverse_path)
        body = Body(message.body)
        envelope = Envelope(Door.OWN, OURSELVES, sender, recipients, body, message.smtputf8, None, message.ret)
        granted = Granted(0.0, message.deadline, message.priority, message.require_tls)
        return await self._take_own(envelope, content, granted, tls_optional=message.tls_optional)

    async def _take_own(
        self,
        envelope: Envelope,
        content: bytes,
        granted: Granted,
        *,
        tls_optional: bool = False,
        of_house: bool = False,
    ) -> Receipt:
        """Mail that is complete and judged; what waited in the queue was signed when it came."""
        now = self._clock.now()
        transit = Transit(new_id(now, self._randomness(RANDOM_OCTETS)), envelope, content, now)
        transit.granted, transit.tls_optional, transit.of_house = granted, tls_optional, of_house
        return await self._take(transit)

    async def _carry_out(self, transit: Transit, plan: Plan, letters: list[Letter]) -> None:
        """Queue first, since that can be undone while nothing was answered; then the mailboxes."""
        full = await self._make_room(transit, plan, letters)
        drops = any(letter.drops for letter in letters)
        queued = self._queued(transit, letters, UNDECIDED_S if drops else 0.0)
        if queued:
            await self._queue.put_all(queued)
        try:
            if drops:
                full += await self._deliver(transit, letters)
        except BaseException:  # the client may have gone, too: without our answer it will send all of it again
            for message, _ in queued:
                await self._queue.remove(message.id)
            raise
        if drops and not self._settings.hold and transit.quarantine is None:
            await self._let_go([message for message, _ in queued])
        _note_outcomes(transit, plan, full)
        tell.accepted(transit, plan)

    async def _make_room(self, transit: Transit, plan: Plan, letters: list[Letter]) -> list[Drop]:
        """Take out readers who have no room, and name them.  By most doors one of the envelope's refuses all of it; a
        member of a list just misses a post."""
        full: list[Drop] = []
        for letter in letters:
            without = await self._deliverer.full_ones(letter.drops, _stored_octets(transit))
            letter.drops = [drop for drop in letter.drops if drop not in without]
            full += without
        strict = [drop.account.login for drop in full if drop in plan.drops]
        if strict and transit.envelope.door is not Door.LMTP:
            raise OverQuota(", ".join(strict))
        return full

    def _queued(self, transit: Transit, letters: list[Letter], wait_s: float) -> list[tuple[Queued, bytes]]:
        """What goes to the queue; the first letter under the id of the message, the others with a number behind."""
        now = transit.received_at
        queued: list[tuple[Queued, bytes]] = []
        for number, letter in enumerate(letters):
            id = transit.id if not number else f"{transit.id}-{number}"
            parts = list(letter.queued(id, now, self._settings, now + wait_s if wait_s else 0.0))
            queued += parts
            if number:
                for part, _ in parts:
                    tell.travels_as(transit, part.id, letter)
        return queued

    async def _let_go(self, messages: list[Queued]) -> None:
        """The mailboxes have it: now it may travel.  If this cannot be written, it leaves a little later."""
        due = [
            Mark(one.id, place, Progress(State.WAITING, one.queued_at))
            for one in messages
            for place in range(len(one.recipients))
        ]
        if not due:
            return
        try:
            await self._queue.mark(due)
        except CourrielError as error:
            log.event("delivery.let_go_failed", Level.WARNING, msg=messages[0].id, error=str(error))

    async def _deliver(self, transit: Transit, letters: list[Letter]) -> list[Drop]:
        """Store for all at once; over LMTP one by one if somebody got full meanwhile.  Returns those left out."""
        now = transit.received_at
        filled = [letter for letter in letters if letter.drops]
        single = len(filled) == 1 and len(filled[0].drops) == 1
        try:
            await self._deliverer.deliver(filled, now)
            return []
        except OverQuota:
            if transit.envelope.door is not Door.LMTP:
                raise
            if single:
                return filled[0].drops
        full = []
        for letter in filled:
            for drop in letter.drops:
                try:
                    await self._deliverer.deliver([msgspec.structs.replace(letter, drops=[drop])], now)
                except OverQuota:
                    full.append(drop)
        return full


def _as_it_came(transit: Transit, plan: Plan) -> Letter:
    """The letter for the people of the envelope."""
    envelope = transit.envelope
    letter = Letter.of(transit, envelope.reverse_path, transit.received_field)
    letter.drops, letter.remote, letter.held = plan.drops, unreported(plan.remote, transit), transit.held
    letter.account = "" if envelope.client.account is None else str(envelope.client.account)
    return letter


def _stored_octets(transit: Transit) -> int:
    """What a copy takes: the message and about a prefix.  The store counts exactly."""
    return len(transit.content) + len(transit.received_field)


def _note_outcomes(transit: Transit, plan: Plan, full: list[Drop]) -> None:
    """One outcome per recipient, in the order of the envelope."""
    without_room = {drop.account.id for drop in full}
    for route in plan.routes:
        refusal = route.refusal
        if refusal is None and route.target is not None and not (route.target.forward_to or route.target.lists):
            reached = [account.id for account in route.target.accounts if account.enabled]
            if without_room.issuperset(reached):
                refusal = OverQuota()
        if refusal is not None:
            transit.outcomes.append(Outcome(route.recipient, Fate.REFUSED, refusal))
        else:
            kept_here = route.target is not None and (route.target.accounts or route.target.lists)
            transit.outcomes.append(Outcome(route.recipient, Fate.DELIVERED if kept_here else Fate.QUEUED))
