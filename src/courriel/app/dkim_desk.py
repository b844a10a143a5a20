"""Keys of the house's domains: made, watched in the DNS, put to use, replaced; and those that sign just now.

Nothing here writes to the DNS.  Records are told to people (``courriel dkim show``), and the watch notices when they
are there.  Private parts never leave this module but as keys that sign.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from courriel.app.moment import moment
from courriel.base.clock import Clock
from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.formats.zone_file import strings
from courriel.mailauth import dkim_own
from courriel.mailauth.dkim_sign import SigningKey
from courriel.mailauth.dkim_verify import key_name
from courriel.model import dkim_key as life
from courriel.model.dkim_key import DkimSettings, DomainKey, KeyState, NoSpareReady, NoSuchKey
from courriel.ports.dkim_keys import DkimKeys
from courriel.ports.resolver import Resolver

Waiting = Callable[[str, bool], Awaitable[object]]
"""The domain, and whether its mail is signed all the same."""

TURN_S: Final = 60.0
"""How often the watch sees whether somebody is due."""


class DkimDesk:
    """``keys`` block for a moment (files); they are read once and then known."""

    def __init__(self, keys: DkimKeys, settings: DkimSettings, clock: Clock) -> None:
        self._kept = keys
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._looked_at: dict[str, float] = {}
        self.when_waiting: Waiting | None = None
        """Told by the watch when keys of a domain wait anew to be published."""
        self._domains: dict[str, tuple[DomainKey, ...]] = {}
        self._ring: dict[str, tuple[SigningKey, ...]] = {}
        for domain in keys.domains():
            self._take(domain, keys.load(domain))

    # --- what signs -------------------------------------------------------------------------------------------
    def signing(self, domain: str) -> tuple[SigningKey, ...]:
        """Keys that sign for a domain: its own, else of the nearest domain above it; () for none."""
        while domain:
            found = self._ring.get(domain)
            if found:
                return found
            domain = domain.partition(".")[2]
        return ()

    def _take(self, domain: str, keys: tuple[DomainKey, ...]) -> None:
        self._domains[domain] = keys
        known = {key.selector: key for key in self._ring.get(domain, ())}
        ring = []
        for key in keys:
            if key.state is KeyState.ACTIVE:
                try:
                    ring.append(known.get(key.selector) or self._load(domain, key.selector))
                except CourrielError as error:
                    log.event("dkim.key_not_read", Level.ERROR, domain=domain, error=str(error))
        self._ring[domain] = tuple(ring)

    def _load(self, domain: str, selector: str) -> SigningKey:
        return dkim_own.load(domain, selector, self._kept.private(domain, selector))

    # --- orders -----------------------------------------------------------------------------------------------
    async def rows(self, domain: str = "") -> list[dict[str, Any]]:
        """Rows for ``DkimList``.  Raises NoSuchKey for a domain without keys."""
        domains = [domain] if domain else sorted(self._domains)
        return [_row(one, key) for one in domains for key in self._of(one)]

    def records(self, domain: str) -> tuple[tuple[str, str], ...]:
        """Selector and record of every key that others are to find."""
        keys = [key for key in self._domains.get(domain, ()) if key.state is not KeyState.RETIRED]
        return tuple([(key.selector, life.record(key)) for key in keys])

    async def new(self, domain: str) -> list[dict[str, Any]]:
        """Make what a domain lacks; its rows."""
        async with self._lock:
            await self._replace(domain, self._domains.get(domain, ()))
        return await self.rows(domain)

    async def rotate(self, domain: str) -> list[dict[str, Any]]:
        """Let the spares sign.  Raises NoSuchKey, NoSpareReady."""
        async with self._lock:
            keys = self._of(domain)
            turned = life.rotate(keys, self._clock.now())
            if turned == keys:
                raise NoSpareReady(domain)
            await self._replace(domain, turned)
        return await self.rows(domain)

    async def retire(self, domain: str, selector: str) -> list[dict[str, Any]]:
        """Believe a key no more.  Raises NoSuchKey."""
        async with self._lock:
            keys = self._of(domain)
            if all(key.selector != selector for key in keys):
                raise NoSuchKey(f"{selector} of {domain}")
            await self._replace(domain, life.retire(keys, selector, self._clock.now()))
        return await self.rows(domain)

    async def forget(self, domain: str) -> None:
        """The domain is no longer ours."""
        async with self._lock:
            self._domains.pop(domain, None)
            self._ring.pop(domain, None)
            await asyncio.to_thread(self._kept.forget, domain)

    async def check(self, resolver: Resolver, domain: str = "") -> list[dict[str, Any]]:
        """Look for keys in the DNS, and do what is due; rows of ``domain``, or of all.  Raises NoSuchKey."""
        for one in [domain] if domain else sorted(self._domains):
            await self._check(resolver, one)
        return await self.rows(domain)

    async def watch(self, resolver: Resolver) -> None:
        """Check what is due, for ever."""
        while True:
            await self.turn(resolver)
            await asyncio.sleep(TURN_S)

    async def turn(self, resolver: Resolver) -> None:
        """Check what is due now."""
        now = self._clock.now()
        for domain, keys in list(self._domains.items()):
            if now - self._looked_at.get(domain, 0.0) >= self._wait_s(keys):
                try:
                    if await self._check(resolver, domain) and self.when_waiting is not None:
                        await self.when_waiting(domain, bool(self._ring.get(domain)))
                except Exception as error:  # it is tried again later; the server goes on
                    log.event("dkim.check_failed", Level.ERROR, domain=domain, error=f"{type(error).__name__}: {error}")

    # --- how --------------------------------------------------------------------------------------------------
    def _of(self, domain: str) -> tuple[DomainKey, ...]:
        keys = self._domains.get(domain)
        if not keys:
            raise NoSuchKey(domain)
        return keys

    def _wait_s(self, keys: Sequence[DomainKey]) -> float:
        return self._settings.pending_s if any(map(_waits, keys)) else self._settings.check_s

    async def _check(self, resolver: Resolver, domain: str) -> bool:
        """Whether keys wait for the DNS that did not before."""
        self._looked_at[domain] = self._clock.now()
        wanted = [key for key in self._of(domain) if key.state is not KeyState.RETIRED]
        looks = await asyncio.gather(*[dkim_own.look(resolver, domain, key) for key in wanted])
        found = {key.selector: look for key, look in zip(wanted, looks, strict=True)}
        async with self._lock:
            now = self._clock.now()
            keys = [
                life.looked(key, found[key.selector], now) if key.selector in found else key
                for key in self._domains.get(domain, ())
            ]
            if not keys:
                return False
            before = {key.selector for key in self._domains[domain] if key.state is KeyState.PENDING}
            await self._replace(domain, life.advance(keys, now, self._settings))
            return any(_waits(key) and key.selector not in before for key in self._domains[domain])

    async def _replace(self, domain: str, keys: Sequence[DomainKey]) -> None:
        """Write down what changed, with new keys where some are missing; the lock is held."""
        old, fresh = self._domains.get(domain, ()), []
        after = list(keys)
        now = self._clock.now()
        day = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d")
        for algorithm in life.missing(after):
            public, pem = await asyncio.to_thread(dkim_own.generate, algorithm)
            key = DomainKey(life.new_selector([*old, *after], algorithm, day), algorithm, public, now, now)
            after.append(key)
            fresh.append((key.selector, pem))
        await asyncio.to_thread(self._kept.save, domain, after, fresh)
        self._take(domain, tuple(after))
        _tell(domain, old, after)


def _waits(key: DomainKey) -> bool:
    return key.state is KeyState.PENDING and not life.is_ready(key)


def _tell(domain: str, old: Sequence[DomainKey], new: Sequence[DomainKey]) -> None:
    """What became of each key; a key to be published is a warning, for it waits for people."""
    before = {key.selector: key.state for key in old}
    for key in new:
        if before.get(key.selector) is not key.state:
            level = Level.WARNING if key.state is KeyState.PENDING else Level.INFO
            log.event(f"dkim.key_{key.state.value}", level, domain=domain, selector=key.selector)


def _row(domain: str, key: DomainKey) -> dict[str, Any]:
    """``value`` is the record to publish; of a retired key, the one that takes it back."""
    value = life.record(key, revoked=key.state is KeyState.RETIRED)
    return {
        "domain": domain,
        "selector": key.selector,
        "algorithm": key.algorithm.value,
        "state": key.state.value,
        "made_at": moment(key.made_at),
        "since": moment(key.since),
        "seen_at": moment(key.seen_at) if key.seen_at and not key.missed else "",
        "name": key_name(key.selector, domain),
        "host": key_name(key.selector, domain).removesuffix(f".{domain}"),
        "type": "TXT",
        "value": value,
        "strings": strings(value),
    }
