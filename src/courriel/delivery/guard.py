"""People of the house who submit: what they may send, and what happens when one of them seems to be somebody else.

An account that shows two signs of a theft (``model/hijack.py``) is held: that is written down in the directory first,
then its waiting mail is held, then its owner and the postmaster are told, once.  What it submits after that is taken
and held as a whole, mail for people here too.  The administrator lets it go (``courriel user release``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.i18n import LANGUAGES
from courriel.base.log import Level, log
from courriel.delivery import guard_text
from courriel.delivery.allowance import Allowance
from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.notices import Wording, letter, mailer_daemon
from courriel.delivery.watch import Watch
from courriel.model.account import Account
from courriel.model.envelope import Envelope, Recipient, address_of
from courriel.model.hijack import HijackSettings, Lately, Sign, is_hijacked, signs
from courriel.model.ids import AccountId
from courriel.model.notify import NEVER
from courriel.model.queued import Mark, State
from courriel.model.refusals import NotPermitted
from courriel.model.roster import POSTMASTER
from courriel.ports.directory import DirectoryAdmin
from courriel.ports.queue import OutboundQueue

HELD_REASON: Final = "the account seems to be in other hands"
"""What the queue says of mail that is held for it."""

MARKS: Final = 1_000
"""Recipients held in one transaction."""

Tell = Callable[[Recipient, bytes], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who writes to the owner: host name, languages in order, and randomness for ids."""

    hostname: str
    randomness: Callable[[int], bytes]
    languages: tuple[str, ...] = LANGUAGES


class Guard:
    """``tell`` takes a report for one recipient.  ``thresholds`` None: nobody is suspected."""

    def __init__(
        self,
        directory: DirectoryAdmin,
        queue: OutboundQueue,
        allowance: Allowance,
        thresholds: HijackSettings | None,
        origin: Origin,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._queue = queue
        self.allowance = allowance
        self._thresholds = thresholds
        self._watch = Watch(thresholds or HijackSettings())
        self._origin = origin
        self._clock = clock
        self._held: set[AccountId] = set()

    def check(self, id: AccountId) -> None:
        """Whether one more message may come.  Raises SentEnough, NotPermitted."""
        self.allowance.check(self._account(id), 1, self._clock.now())

    async def admit(self, id: AccountId, envelope: Envelope, tell: Tell) -> str:
        """Count a message; why it is to be held, or "".  Raises SentEnough, NotPermitted, Unavailable."""
        account, now = self._account(id), self._clock.now()
        self.allowance.take(account, len(envelope.recipients), now)
        if account.held:
            self._held.add(id)
            return HELD_REASON
        if self._thresholds is None:
            return ""
        if id in self._held:  # somebody has let it go meanwhile
            self._held.discard(id)
            self._watch.forget(str(id))
        self._watch.submitted(str(id), envelope.client.ip, [one.address for one in envelope.recipients], now)
        lately = self._watch.lately(str(id), self.allowance.sent(id), now)
        found = signs(lately, self._thresholds)
        if not is_hijacked(found):
            return ""
        await self._hold(account, found, lately, tell)
        return HELD_REASON

    def give_back(self, id: AccountId, recipients: int, taken_at: float) -> None:
        """What was counted was refused after all."""
        account = self._directory.account(id)
        if account is not None:
            self.allowance.give_back(account, recipients, taken_at)

    def tried(self, account: str, is_failure: bool) -> None:
        """The relay has an answer for a recipient of this account's."""
        self._watch.tried(account, is_failure, self._clock.now())

    def _account(self, id: AccountId) -> Account:
        account = self._directory.account(id)
        if account is None:
            raise NotPermitted("the account has gone")
        return account

    async def _hold(self, account: Account, found: tuple[Sign, ...], lately: Lately, tell: Tell) -> None:
        self._held.add(account.id)
        await self._directory.set_held(account.login, " ".join(sign.value for sign in found))
        log.event(
            "account.held", Level.ERROR, login=account.login, signs=" ".join(sign.value for sign in found),
            recipients=lately.recipients, networks=lately.networks, failed=lately.failed,
        )  # fmt: skip
        await self._hold_waiting(str(account.id))
        for reader in self._readers(account):
            try:
                await tell(Recipient(address_of(reader), NEVER), self._letter(account, found, lately))
            except CourrielError as error:
                log.event("account.held_untold", Level.ERROR, login=account.login, to=reader, error=str(error))

    async def _hold_waiting(self, account: str) -> None:
        marks = [
            Mark(entry.message.id, place, msgspec.structs.replace(progress, state=State.HELD))
            for entry in await self._queue.entries()
            if entry.message.account == account
            for place, progress in enumerate(entry.progress)
            if progress.state is State.WAITING
        ]
        for at in range(0, len(marks), MARKS):
            await self._queue.mark(marks[at : at + MARKS])

    def _readers(self, account: Account) -> list[str]:
        """The owner and the postmaster of the domain, who may be the same."""
        postmaster = f"{POSTMASTER}@{account.login.rpartition('@')[2]}"
        target = self._directory.resolve(address_of(postmaster))
        is_owner = target is not None and [one.id for one in target.accounts] == [account.id]
        return [account.login] if is_owner and not (target and target.forward_to) else [account.login, postmaster]

    def _letter(self, account: Account, found: tuple[Sign, ...], lately: Lately) -> bytes:
        origin, now = self._origin, self._clock.now()
        wording = Wording(origin.hostname, new_id(now, origin.randomness(RANDOM_OCTETS)), now, origin.languages)
        subject = guard_text.subject(account.login, origin.languages[0])
        text = guard_text.text(account.login, found, lately, origin.languages)
        return letter(wording, mailer_daemon(origin.hostname), account.login, subject, text)
