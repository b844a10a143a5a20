"""What scripts send once their message is taken: answers, notices, reports of rejections; and what they remember.

Nothing of it can undo the delivery: what cannot be sent is logged and forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from courriel.base.errors import CourrielError
from courriel.base.i18n import translator
from courriel.base.log import Level, log
from courriel.delivery import vacation
from courriel.delivery.bounce import Origin, Tried, failure_report
from courriel.delivery.letter import Letter
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.notices import Notice, Wording, mailer_daemon, write
from courriel.delivery.route import Drop, Place
from courriel.delivery.rules import After
from courriel.formats.message.build import Person
from courriel.formats.path import parse_address
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import NULL_PATH, Recipient, address_of
from courriel.model.notify import NEVER
from courriel.model.queued import Queued
from courriel.model.transit import Receipt, Transit
from courriel.ports.sieve import SieveStore
from courriel.sieve.actions import Fcc, Notify, Vacation
from courriel.sieve.message import Message
from courriel.sieve.settings import SieveSettings

DAY_S: Final = 86_400
TOLD_DAYS: Final = 30
"""``rules.told_days``: an error of a script is told again after this."""


class HandIn(Protocol):
    """``Delivery.hand_in``."""

    def __call__(self, recipient: Recipient, content: bytes, *, smtputf8: bool = False) -> Awaitable[Receipt]: ...


class RulesMail:
    """``put`` stores letters for people here."""

    def __init__(
        self,
        scripts: SieveStore,
        settings: SieveSettings,
        hostname: str,
        languages: tuple[str, ...],
        randomness: Callable[[int], bytes],
        hand_in: HandIn,
        put: Callable[[Sequence[Letter], float], Awaitable[None]],
    ) -> None:
        self._scripts = scripts
        self._settings = settings
        self._hostname = hostname
        self._languages = languages
        self._randomness = randomness
        self._hand_in = hand_in
        self._put = put

    async def send(self, transit: Transit, after: Sequence[After]) -> None:
        """Everything that is left to do for the readers of a message."""
        for one in after:
            try:
                await self._remember(transit, one)
                await self._send(transit, one)
            except CourrielError as error:
                event = {"msg": transit.id, "account": one.drop.account.login, "error": str(error)}
                log.event("sieve.not_sent", Level.WARNING, **event)

    async def _remember(self, transit: Transit, one: After) -> None:
        keys = {f"duplicate {seen.id}": transit.received_at + seen.seconds for seen in one.outcome.seen}
        if keys:
            await self._scripts.remember(one.account, keys, transit.received_at, self._settings.remembered)

    async def _send(self, transit: Transit, one: After) -> None:
        for action in one.outcome.actions:
            if isinstance(action, Vacation):
                await self._answer(transit, one, action)
            elif isinstance(action, Notify):
                await self._notify(transit, one, action)
        if one.report is not None:
            await self._report(transit, one, one.report)
        if one.outcome.error is not None:
            await self._tell_owner(transit, one)

    def _wording(self, transit: Transit) -> Wording:
        now = transit.received_at
        return Wording(self._hostname, new_id(now, self._randomness(RANDOM_OCTETS)), now, self._languages)

    async def _is_first(self, transit: Transit, one: After, key: str, seconds: float) -> bool:
        now = transit.received_at
        fresh = await self._scripts.remember(one.account, {key: now + seconds}, now, self._settings.remembered)
        return bool(fresh)

    async def _answer(self, transit: Transit, one: After, action: Vacation) -> None:
        account, sender = one.drop.account, str(one.letter.reverse_path)
        message = Message(one.letter.content, one.letter.fields)
        own = [*account.addresses, account.login, *action.addresses, str(one.drop.recipient.address), action.sender]
        if not vacation.may_answer(message, sender, filter(None, own)):
            return
        if not transit.may_be_answered and one.letter.reverse_path == transit.envelope.reverse_path:
            # The name may be stolen; an answer would bother whom it belongs to (AUTH attack row 37).
            log.event("sieve.vacation.unproven", msg=transit.id, account=account.login)
            return
        key = f"vacation {hashlib.sha256(f'{action.handle} {sender.lower()}'.encode()).hexdigest()}"
        if action.interval_s:
            now = transit.received_at
            if self._scripts.known(one.account, key, now):
                return
            # Before it is sent: after a crash in between nobody is answered twice, and one is not answered at all.
            await self._is_first(transit, one, key, action.interval_s)
        person = Person(account.display_name, parse_address(account.login))
        wording = self._wording(transit)
        content = vacation.answer(action, message, person, sender, wording)
        await self._hand_over(transit, one, sender, content, action.fcc, "vacation")

    async def _notify(self, transit: Transit, one: After, action: Notify) -> None:
        """RFC 5436 §2.7: it says that it is a notice, and is never sent of what itself was made by a program."""
        account, fields = one.drop.account, Message(one.letter.content, one.letter.fields).fields
        if any(value.strip().lower() != "no" for value in fields.values("auto-submitted")):
            return
        author = next((f"{local}@{domain}" for local, domain in fields.people("from")), "–")
        subject = next(iter(fields.values("subject")), "–")
        own = action.sender if action.sender in account.addresses else account.login
        person = Person(account.display_name, parse_address(own))
        values = {"address": account.login, "sender": author, "subject": action.subject or action.message or subject}
        wording, submitted = self._wording(transit), f"auto-notified; owner-email={account.login}"
        content = write(Notice.NEW_MAIL, wording, person, action.address, values, submitted=submitted)
        await self._hand_over(transit, one, action.address, content, action.fcc, "notify")

    async def _hand_over(
        self, transit: Transit, one: After, to: str, content: bytes, fcc: Fcc | None, why: str
    ) -> None:
        login = one.drop.account.login
        receipt = await self._hand_in(Recipient(address_of(to), NEVER), content, smtputf8=not to.isascii())
        log.event(f"sieve.{why}", msg=transit.id, account=login, to=to, sent_as=receipt.id)
        if fcc is not None:
            place = Place(fcc.mailbox, fcc.flags, fcc.create, fcc.special_use)
            drop = Drop(one.drop.account, Recipient(address_of(login)), None, (place,))
            await self._put([Letter(NULL_PATH, content, drops=[drop])], transit.received_at)

    async def _report(self, transit: Transit, one: After, reason: str) -> None:
        """RFC 5429 §2.1: with the reason the reader gave."""
        sender, now = str(one.letter.reverse_path), transit.received_at
        content = one.letter.fields + one.letter.content
        message = Queued(transit.id, sender, (one.drop.recipient,), now, len(content), envid=one.letter.envid)
        attempt = Attempt(Result.FAILED, "5.7.1", f"550 5.7.1 {reason}", Stage.CONTENT)
        origin = Origin(self._hostname, new_id(now, self._randomness(RANDOM_OCTETS)), now, self._languages)
        report = failure_report(message, [Tried(one.drop.recipient, attempt, now)], content, origin)
        if report is not None:
            await self._hand_in(Recipient(address_of(sender), NEVER), report, smtputf8=not sender.isascii())

    async def _tell_owner(self, transit: Transit, one: After) -> None:
        """Once an error of a script, in the mailbox itself."""
        problem, account = one.outcome.error, one.drop.account
        assert problem is not None
        words = problem.sentence(translator(self._languages[0]))
        log.event("sieve.failed", Level.WARNING, msg=transit.id, account=account.login, problem=problem.sentence(str))
        key = f"error {hashlib.sha256(one.script.digest + problem.sentence(str).encode()).hexdigest()}"
        if not await self._is_first(transit, one, key, TOLD_DAYS * DAY_S):
            return
        values = {"address": account.login, "script": one.script.name, "problem": words}
        content = write(
            Notice.SCRIPT_FAILS, self._wording(transit), mailer_daemon(self._hostname), account.login, values
        )
        drop = Drop(account, Recipient(address_of(account.login)), None)
        await self._put([Letter(NULL_PATH, content, drops=[drop])], transit.received_at)
