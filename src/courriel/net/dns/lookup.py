"""One question from the caller's name to its records: cache, aliases, validation, and what is remembered of failure.

Sources: RFC 2181 §5 (TTL), RFC 2308 (negative answers), RFC 9520 (failures), RFC 1034 §3.6.2 (aliases).
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from dns.name import Name
from dns.rdatatype import RdataType

from courriel.base.clock import Clock
from courriel.net.dns import records
from courriel.net.dns.budget import Budget
from courriel.net.dns.cache import Cache
from courriel.net.dns.chain import LONGEST_TTL_S, Chain, Judgement, parse_anchors
from courriel.net.dns.names import text_of, to_name
from courriel.net.dns.reading import Reading, read_answer
from courriel.net.dns.records import Record
from courriel.net.dns.recursion import Recursion
from courriel.net.dns.settings import DnsSettings, roots_of, servers_of
from courriel.net.dns.sharing import Sharing
from courriel.net.dns.upstream import IN_FLIGHT, Upstream
from courriel.ports.resolver import Answer, DnsFailure, Status

ALIASES: Final = 8
"""``dns.aliases``: CNAMEs followed one after another.  Resolvers stop between 8 and 16."""

LONGEST_NEGATIVE_S: Final = 10_800
"""``dns.longest_negative``: RFC 2308 §5 suggests one to three hours."""

FAILURE_S: Final = 5.0
"""``dns.failure``: a failure is answered from memory for this long.  RFC 9520 §3.2: 1 s to 5 minutes."""

FAILURES: Final = 1_000
"""``dns.failures``: failures remembered."""

Key = tuple[RdataType, str]


class Step(msgspec.Struct, frozen=True):
    """What is known of one name and type: records, their absence, or an alias to ``target``."""

    status: Status
    records: tuple[Record, ...]
    target: str | None
    secure: bool
    until: float


class Lookup:
    """Answers questions whose name is a text of ``names``."""

    def __init__(self, settings: DnsSettings, clock: Clock) -> None:
        self._clock = clock
        self._question_s = settings.question_s
        self._upstream = _upstream(settings, clock)
        self._chain = (
            Chain(self._read, parse_anchors(settings.anchors), clock, settings.question_s)
            if settings.validate
            else None
        )
        self._steps: Cache[Key, Step] = Cache(settings.cache_entries)
        self._failures: Cache[Key, DnsFailure] = Cache(FAILURES)
        self._sharing = Sharing()

    async def close(self) -> None:
        """Stop what is under way; who waits for it gets DnsFailure."""
        await self._sharing.close()
        if self._chain is not None:
            await self._chain.close()

    async def answer(self, rdtype: RdataType, name: str) -> Answer[Record]:
        """The records of ``name``, aliases followed; secure only where every step was."""
        secure = True
        until = deadline = float("inf")
        for _ in range(ALIASES + 1):
            now = self._clock.monotonic()
            step = self._steps.get((rdtype, name), now)
            if step is None:
                deadline = min(deadline, asyncio.get_running_loop().time() + self._question_s)
                step = await self._learn((rdtype, name), now, deadline)
            secure = secure and step.secure
            until = min(until, step.until)
            if step.target is None:
                return Answer(step.status, step.records, name, secure, max(0, int(until - now)))
            name = step.target
        raise DnsFailure("limit dns.aliases")

    async def _learn(self, key: Key, now: float, deadline: float) -> Step:
        failure = self._failures.get(key, now)
        if failure is not None:
            raise DnsFailure(str(failure), bogus=failure.bogus)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._sharing.run(key, lambda: self._ask(key))
        except TimeoutError:
            raise DnsFailure("limit dns.question_s") from None

    async def _ask(self, key: Key) -> Step:
        try:
            async with asyncio.timeout(self._question_s):
                step = await self._step(*key)
        except TimeoutError:
            raise self._failed(key, DnsFailure("limit dns.question_s")) from None
        except DnsFailure as failure:
            raise self._failed(key, failure) from None
        self._steps.put(key, step, step.until)  # of TTL 0: expired already, for nobody but who waits now
        return step

    def _failed(self, key: Key, failure: DnsFailure) -> DnsFailure:
        self._failures.put(key, failure, self._clock.monotonic() + FAILURE_S)
        return failure

    async def _step(self, rdtype: RdataType, text: str) -> Step:
        """What is bogus from one server may be right from another (RFC 4035 §4.7)."""
        budget = Budget()
        try:
            return await self._judged(rdtype, to_name(text), budget)
        except DnsFailure as failure:
            if not failure.bogus or self._upstream.servers == 1:
                raise
        return await self._judged(rdtype, to_name(text), Budget(avoid=budget.suspect))

    async def _judged(self, rdtype: RdataType, name: Name, budget: Budget) -> Step:
        reading = await self._read(name, rdtype, budget)
        budget.suspect = budget.answered
        if self._chain is None:
            judgement = Judgement(False, LONGEST_TTL_S)
        else:
            judgement = await self._chain.judge(name, rdtype, reading, budget)
        ttl_s = min(_ttl_s(reading), judgement.ttl_s, LONGEST_TTL_S)
        until = self._clock.monotonic() + ttl_s
        if reading.target is not None:
            return Step(Status.FOUND, (), text_of(reading.target), judgement.secure, until)
        found = () if reading.found is None else records.of(reading.found.records)
        return Step(reading.status, found, None, judgement.secure, until)

    async def _read(self, name: Name, rdtype: RdataType, budget: Budget) -> Reading:
        return read_answer(await self._upstream.ask(name, rdtype, budget), name, rdtype)


def _upstream(settings: DnsSettings, clock: Clock) -> Upstream | Recursion:
    if settings.recurse:
        return Recursion(roots_of(settings), clock, settings.first_wait_s, settings.zone_port)
    in_flight = asyncio.Semaphore(IN_FLIGHT)
    return Upstream(servers_of(settings), clock, settings.first_wait_s, in_flight, recurse=True)


def _ttl_s(reading: Reading) -> int:
    if reading.found is None:
        return min(reading.negative_ttl_s, LONGEST_NEGATIVE_S)
    return reading.found.records.ttl
