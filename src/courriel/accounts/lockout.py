"""One limiter for all protocols: how often a password may be tried, by whom, from where.  AUTH attack row 34.

Two leaky buckets: one for (account, network), one for the network alone, where a network is an IPv4 address or an
IPv6 /64.  A try is charged before it is checked, so that a thousand at once are a thousand; a right password takes
its charge back.  Tries beyond that wait for those under way (an office whose people all come back after a restart
is no attacker).  A failure is answered late, later each time; a bucket full of failures refuses at once.

Capacity 10 and 20 an hour leaking out give at most 30 tries in any hour.  A network that is full does not shut out
people it is known to be good for: who has logged in from there before only answers to the pair's own bucket.  So
an attacker elsewhere never locks a victim out.

Memory is bounded: the oldest entries go first.  ``remembered`` and ``recall`` carry it over a restart.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from courriel.base.clock import Clock
from courriel.base.networks import is_loopback, network_of
from courriel.model.refusals import Throttled

HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """``capacity`` tries at once, ``per_hour`` more in the long run."""

    capacity: float
    per_hour: float


@dataclass(frozen=True, slots=True)
class LockoutSettings:
    """How many tries there are."""

    pair: Bucket = Bucket(10, 20)
    """One account from one network: ≤ 30 tries in any hour (AUTH row 34)."""
    network: Bucket = Bucket(10, 20)
    """All accounts from one network: spraying is bounded as tightly as guessing."""
    loopback_pair: Bucket = Bucket(100, 1_200)
    loopback_network: Bucket = Bucket(1_000, 12_000)
    """This machine: a test bench or a webmail in front of us, and its typing errors."""
    delay_s: float = 0.5
    """How late the second failure is answered; twice that the third, and so on.  The first is answered at once."""
    delay_max_s: float = 4.0
    """Longest delay; a client's own patience is 30 s and more."""
    loopback_delay_s: float = 0.0
    entries: int = 50_000
    """Pairs, and networks, remembered; some 200 octets each."""
    known_s: float = 30 * 86_400.0
    """How long a network stays known to be good for an account."""


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """One entry as it is kept: its key, how full it was (or 0), and when that was (or until when), in POSIX seconds."""

    key: str
    level: float
    at: float


class Levels:
    """Many leaky buckets of one shape, by key."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def level(self, key: str, bucket: Bucket, now: float) -> float:
        level, at = self._levels.get(key, (0.0, now))
        return max(0.0, level - (now - at) * bucket.per_hour / HOUR_S)

    def add(self, key: str, bucket: Bucket, now: float, by: float) -> None:
        level = max(0.0, self.level(key, bucket, now) + by)
        self._levels.pop(key, None)
        if level:
            self._levels[key] = (level, now)
            if len(self._levels) > self._entries:
                self._levels.popitem(last=False)

    def remembered(self, offset_s: float) -> list[Remembered]:
        """All entries, the oldest first, their times moved by ``offset_s``."""
        kept = self._levels.items()
        return [Remembered(key, level, at + offset_s) for key, (level, at) in kept if _is_text(key)]

    def recall(self, kept: Iterable[Remembered], offset_s: float) -> None:
        for one in kept:
            self._levels[one.key] = (one.level, one.at + offset_s)
        while len(self._levels) > self._entries:
            self._levels.popitem(last=False)

    def __len__(self) -> int:
        return len(self._levels)


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was let in; ``delay_s`` is how late to answer should it fail."""

    login: str
    network: str
    loopback: bool
    charged_network: bool
    delay_s: float


class Lockout:
    """Counts tries.  ``login`` is the account's canonical login, or what was typed where there is no account."""

    def __init__(self, clock: Clock, settings: LockoutSettings = LockoutSettings()) -> None:
        self._clock = clock
        self._settings = settings
        self._pairs = Levels(settings.entries)
        self._networks = Levels(settings.entries)
        self._known: OrderedDict[str, float] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    def admit(self, login: str, ip: str) -> Try | None:
        """Charge one try, which must be ended by ``succeeded``, ``failed`` or ``repeated``.

        None: only tries under way stand before it; ask again when one has ended.  Raises Throttled when failures do.
        """
        settings, now = self._settings, self._clock.monotonic()
        loopback = is_loopback(ip)
        network = "loopback" if loopback else network_of(ip)
        pair_bucket = settings.loopback_pair if loopback else settings.pair
        network_bucket = settings.loopback_network if loopback else settings.network
        pair = f"{network} {login}"
        known = self._is_known(pair, now)
        pair_level = self._pairs.level(pair, pair_bucket, now)
        network_level = self._networks.level(network, network_bucket, now)
        pair_failed = pair_level - self._under_way[pair]
        network_failed = 0.0 if known else network_level - self._under_way[network]
        _refuse_when_full(network_failed, network_bucket)
        _refuse_when_full(pair_failed, pair_bucket)
        if pair_level + 1 > pair_bucket.capacity or (not known and network_level + 1 > network_bucket.capacity):
            return None
        self._charge(pair, pair_bucket, now)
        if not known:
            self._charge(network, network_bucket, now)
        delay_s = self._delay(max(pair_failed, network_failed), loopback)
        return Try(login, network, loopback, not known, delay_s)

    def failed(self, attempt: Try) -> None:
        """The password was wrong, or nobody waits for the verdict any more: the charge stays."""
        self._end(attempt)

    def succeeded(self, attempt: Try) -> None:
        """The password was right: the charge goes back, and the network is known for this account."""
        now = self._clock.monotonic()
        self._end(attempt)
        self._give_back(attempt, now)
        pair = f"{attempt.network} {attempt.login}"
        self._known.pop(pair, None)
        self._known[pair] = now + self._settings.known_s
        if len(self._known) > self._settings.entries:
            self._known.popitem(last=False)

    def repeated(self, attempt: Try) -> None:
        """The very password that failed before: no new guess, so no charge (the delay stays)."""
        self._end(attempt)
        self._give_back(attempt, self._clock.monotonic())

    def remembered(self, now: float) -> dict[str, list[Remembered]]:
        """All that is known, to be kept over a restart; ``now`` is the time of day, in POSIX seconds."""
        offset_s = now - self._clock.monotonic()
        return {
            "pairs": self._pairs.remembered(offset_s),
            "networks": self._networks.remembered(offset_s),
            "known": [Remembered(key, 0.0, until + offset_s) for key, until in self._known.items()],
        }

    def recall(self, kept: Mapping[str, list[Remembered]], now: float) -> None:
        """What ``remembered`` gave.  A time to come (a clock that was set back) counts as now."""
        offset_s = self._clock.monotonic() - now
        for levels, name in ((self._pairs, "pairs"), (self._networks, "networks")):
            levels.recall((msgspec.structs.replace(one, at=min(one.at, now)) for one in kept.get(name, ())), offset_s)
        for one in kept.get("known", ()):
            self._known[one.key] = min(one.at, now + self._settings.known_s) + offset_s

    @property
    def entries(self) -> int:
        """How much is remembered."""
        return len(self._pairs) + len(self._networks) + len(self._known)

    def _charge(self, key: str, bucket: Bucket, now: float) -> None:
        """Its level may leak away or be forgotten meanwhile: that errs on the client's side by one try."""
        (self._networks if " " not in key else self._pairs).add(key, bucket, now, 1)
        self._under_way[key] += 1

    def _end(self, attempt: Try) -> None:
        keys = [f"{attempt.network} {attempt.login}"]
        if attempt.charged_network:
            keys.append(attempt.network)
        for key in keys:
            self._under_way[key] -= 1
            if self._under_way[key] <= 0:
                del self._under_way[key]

    def _give_back(self, attempt: Try, now: float) -> None:
        settings = self._settings
        pair_bucket = settings.loopback_pair if attempt.loopback else settings.pair
        network_bucket = settings.loopback_network if attempt.loopback else settings.network
        self._pairs.add(f"{attempt.network} {attempt.login}", pair_bucket, now, -1)
        if attempt.charged_network:
            self._networks.add(attempt.network, network_bucket, now, -1)

    def _is_known(self, pair: str, now: float) -> bool:
        return self._known.get(pair, -1.0) >= now

    def _delay(self, failures: float, loopback: bool) -> float:
        base = self._settings.loopback_delay_s if loopback else self._settings.delay_s
        if failures < 1 or not base:
            return 0.0
        return min(self._settings.delay_max_s, base * math.pow(2.0, min(failures - 1, 30.0)))


def _is_text(key: str) -> bool:
    """Not with half a character in it, as somebody may type who is nobody here: no file keeps that."""
    return not any("\ud800" <= character <= "\udfff" for character in key)


def _refuse_when_full(failed: float, bucket: Bucket) -> None:
    over = failed + 1 - bucket.capacity
    if over > 0:
        raise Throttled("too many failed logins", retry_after_s=over * HOUR_S / bucket.per_hour)
