"""How much each account may send: messages an hour, recipients a day.

Counted in memory; written to one small file once a minute and when the server stops (``save``), so that a message
costs no transaction.  The guarantee: after a restart nothing is forgotten, after a crash at most the last minute; an
account may then send what it had sent in that minute once more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from courriel.delivery.settings import SubmissionSettings
from courriel.model.account import Account
from courriel.model.ids import AccountId
from courriel.model.refusals import SentEnough
from courriel.model.tally import Tally

MINUTES_S: Final = 300
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
DAYS: Final = 28
"""``allowance.days``: how far back an account's past goes, for ``model/hijack.py``."""


class Sent(msgspec.Struct):
    """What one account sent lately."""

    messages: Tally = msgspec.field(default_factory=lambda: Tally(MINUTES_S, HOUR_S // MINUTES_S))
    recipients: Tally = msgspec.field(default_factory=lambda: Tally(HOUR_S, DAY_S // HOUR_S))
    days: Tally = msgspec.field(default_factory=lambda: Tally(DAY_S, DAYS))

    def add(self, now: float, messages: int, recipients: int) -> None:
        self.messages.add(now, messages)
        for tally in (self.recipients, self.days):
            tally.add(now, recipients)

    def past_days(self, now: float) -> list[int]:
        """Recipients of each day with mail, today left out."""
        self.days.total(now)
        today = int(now // DAY_S)
        return [count for number, count in self.days.counts.items() if number != today and count]

    def last_hour(self, now: float) -> int:
        """Recipients of this hour and the one before."""
        hour = int(now // HOUR_S)
        return self.recipients.counts.get(hour, 0) + self.recipients.counts.get(hour - 1, 0)


class Keeper(Protocol):
    """Keeps what was sent across restarts."""

    def load(self) -> dict[int, Sent]: ...

    def save(self, sent: dict[int, Sent]) -> None: ...


class Allowance:
    """The accounts' counts.  ``keeper`` None: nothing survives."""

    def __init__(self, settings: SubmissionSettings, keeper: Keeper | None = None) -> None:
        self._settings = settings
        self._keeper = keeper
        self._sent = keeper.load() if keeper is not None else {}
        self._changed = False

    def sent(self, account: AccountId) -> Sent:
        """What the account sent lately."""
        return self._sent.setdefault(account, Sent())

    def check(self, account: Account, recipients: int, now: float) -> None:
        """Whether one more message may come.  Raises SentEnough, which says when it may."""
        sent = self.sent(account.id)
        hourly = account.messages_per_hour or self._settings.messages_per_hour
        daily = account.recipients_per_day or self._settings.recipients_per_day
        at = now
        if hourly:
            at = max(at, sent.messages.room_at(1, hourly, now))
        if daily:
            at = max(at, sent.recipients.room_at(recipients, daily, now))
            if recipients > daily:
                raise SentEnough(f"{recipients} recipients at once, {daily} a day", "")
        if at > now:
            raise SentEnough(f"{hourly} messages an hour, {daily} recipients a day", _clock_time(at))

    def take(self, account: Account, recipients: int, now: float) -> None:
        """Count one message.  Raises SentEnough, and counts nothing then."""
        self.check(account, recipients, now)
        self.sent(account.id).add(now, 1, recipients)
        self._changed = True

    def give_back(self, account: Account, recipients: int, taken_at: float) -> None:
        """A message that was taken at that time was refused after all."""
        self.sent(account.id).add(taken_at, -1, -recipients)

    def save(self) -> None:
        """Write down what is new."""
        if self._keeper is not None and self._changed:
            self._changed = False
            self._keeper.save(self._sent)


def _clock_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
