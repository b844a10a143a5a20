"""The keys of a domain and their lives.  RFC 6376 §3.6.1 (records), RFC 6376 §B (rotation), AUTH A2.

    PENDING ──seen in the DNS──▶ ACTIVE ──90 days, or on order──▶ RETIRING ──7 days──▶ RETIRED ──30 days──▶ gone
       ▲                           │
       └──no longer in the DNS─────┘

Of each algorithm there are two: one that signs and a spare that is published too, so that a new one can sign at once.
A key signs only once the DNS was seen to have it; without a DNS that obeys us, that is when people have published it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Final, TypeAlias

import msgspec

from courriel.model.directory_refusals import DirectoryRefusal

__all__ = [
    "LOOKS",
    "Algorithm",
    "DkimSettings",
    "DomainKey",
    "KeyState",
    "Look",
    "NoSpareReady",
    "NoSuchKey",
    "advance",
    "is_ready",
    "looked",
    "missing",
    "new_selector",
    "record",
    "retire",
    "rotate",
]

PAIR: Final = 2
"""Keys of one algorithm that are published to sign: the one that does, and its spare."""
LOOKS: Final = 3
"""``dkim.looks``: so many answers without the key, one after the other, and it signs no more."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class DkimSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[dkim]``: how mail of the house is signed, and how long keys live."""

    sign: bool = True
    """Whether mail of domains with keys is signed when it leaves."""
    expire_days: Positive = 14
    """How long a signature holds: longer than any queue, shorter than people like to send a copy again (replay)."""
    rotate_days: Positive = 90
    """Age at which a key that signs is followed by its spare."""
    retire_days: Positive = 7
    """How long a key that signs no more stays published: mail under way is checked later."""
    delete_days: Positive = 30
    """How long a retired key is still remembered, and its record best says that it was revoked."""
    check_s: Positive = 21_600
    """How often published keys are looked up; those that wait for it every ``pending_s``."""
    pending_s: Positive = 300


class Algorithm(Enum):
    """Kinds of keys, by their name in k=."""

    RSA = "rsa"
    ED25519 = "ed25519"


class KeyState(Enum):
    """What a key is for just now."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


class Look(Enum):
    """What the DNS said of a key."""

    SEEN = "seen"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """No answer: nothing follows."""


class DomainKey(msgspec.Struct, frozen=True):
    """Times in POSIX seconds: ``since`` of the state, ``seen_at`` last in the DNS (0: never).

    ``public`` is what p= says; ``missed`` counts answers without it since then.
    """

    selector: str
    algorithm: Algorithm
    public: bytes
    made_at: float
    since: float
    state: KeyState = KeyState.PENDING
    seen_at: float = 0.0
    missed: int = 0


def record(key: DomainKey, *, revoked: bool = False) -> str:
    """The TXT record to publish, as one text; ``revoked`` takes the key back (RFC 6376 §3.6.1, p=)."""
    public = "" if revoked else base64.b64encode(key.public).decode("ascii")
    return f"v=DKIM1; k={key.algorithm.value}; p={public}"


def new_selector(keys: Sequence[DomainKey], algorithm: Algorithm, day: str) -> str:
    """A name no key has had: ``r20261124a``; ``day`` is eight digits."""
    taken = {key.selector for key in keys}
    ends = [*_LETTERS, *(first + second for first in _LETTERS for second in _LETTERS)]
    return next(name for end in ends if (name := f"{algorithm.value[0]}{day}{end}") not in taken)


def missing(keys: Sequence[DomainKey]) -> list[Algorithm]:
    """Of which algorithms keys have to be made, once for each key."""
    wanted = []
    for algorithm in Algorithm:
        there = [key for key in keys if key.algorithm is algorithm and key.state in _SIGNING]
        wanted += [algorithm] * (PAIR - len(there))
    return wanted


_SIGNING: Final = (KeyState.PENDING, KeyState.ACTIVE)


def is_ready(key: DomainKey) -> bool:
    """Whether a key could sign at once."""
    return key.state is KeyState.PENDING and key.seen_at > 0 and not key.missed


def looked(key: DomainKey, look: Look, now: float) -> DomainKey:
    """The key after a look into the DNS; one that signs and is no longer there signs no more."""
    if look is Look.UNKNOWN:
        return key
    if look is Look.SEEN:
        return msgspec.structs.replace(key, seen_at=now, missed=0)
    key = msgspec.structs.replace(key, missed=min(key.missed + 1, LOOKS))
    if key.state is KeyState.ACTIVE and key.missed == LOOKS:
        return msgspec.structs.replace(key, state=KeyState.PENDING, since=now)
    return key


def advance(keys: Sequence[DomainKey], now: float, settings: DkimSettings) -> tuple[DomainKey, ...]:
    """The keys as they are due to be; those that are gone are left out."""
    aged = [one for key in keys if (one := _aged(key, now, settings)) is not None]
    for algorithm in Algorithm:
        signs = _of(aged, algorithm, KeyState.ACTIVE)
        if not signs or now - signs[0].since >= _days(settings.rotate_days):
            aged = _follow(aged, algorithm, now)
    return tuple(aged)


def rotate(keys: Sequence[DomainKey], now: float) -> tuple[DomainKey, ...]:
    """Spares that are ready sign from now on."""
    turned = list(keys)
    for algorithm in Algorithm:
        turned = _follow(turned, algorithm, now)
    return tuple(turned)


def retire(keys: Sequence[DomainKey], selector: str, now: float) -> tuple[DomainKey, ...]:
    """A key that nobody is to believe any more; its spare signs, where it is ready."""
    rest: list[DomainKey] = []
    algorithm = None
    for key in keys:
        if key.selector == selector and key.state is not KeyState.RETIRED:
            algorithm = key.algorithm if key.state is KeyState.ACTIVE else None
            key = _moved(key, KeyState.RETIRED, now)
        rest.append(key)
    return tuple(rest if algorithm is None else _follow(rest, algorithm, now))


def _follow(keys: list[DomainKey], algorithm: Algorithm, now: float) -> list[DomainKey]:
    """The oldest key that is ready signs, in place of those that do; without one all stays as it is."""
    ready = [key for key in _of(keys, algorithm, KeyState.PENDING) if is_ready(key)]
    if not ready:
        return keys
    next_one = min(ready, key=lambda key: key.made_at)
    turned = []
    for key in keys:
        if key is next_one:
            key = _moved(key, KeyState.ACTIVE, now)
        elif key.algorithm is algorithm and key.state is KeyState.ACTIVE:
            key = _moved(key, KeyState.RETIRING, now)
        turned.append(key)
    return turned


def _aged(key: DomainKey, now: float, settings: DkimSettings) -> DomainKey | None:
    age = now - key.since
    if key.state is KeyState.RETIRING and age >= _days(settings.retire_days):
        return _moved(key, KeyState.RETIRED, now)
    if key.state is KeyState.RETIRED and age >= _days(settings.delete_days):
        return None
    return key


def _moved(key: DomainKey, state: KeyState, now: float) -> DomainKey:
    return msgspec.structs.replace(key, state=state, since=now)


def _of(keys: Sequence[DomainKey], algorithm: Algorithm, state: KeyState) -> list[DomainKey]:
    return [key for key in keys if key.algorithm is algorithm and key.state is state]


def _days(days: int) -> float:
    return days * 86_400.0


class NoSuchKey(DirectoryRefusal):
    """The domain has no key of this selector, or no keys at all."""


class NoSpareReady(DirectoryRefusal):
    """No spare was seen in the DNS, so none can follow the key that signs."""
