"""The servers we ask: which one first, how long, and what to do when it does not answer.  RFC 1035 §7.2.

No hedging: the next server is asked when the one before it stayed silent or could not answer.
"""

from __future__ import annotations

import asyncio
from typing import Final

import dns.flags
import dns.rcode
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.net.dns.budget import Budget
from courriel.net.dns.exchange import exchange
from courriel.net.dns.query import Query
from courriel.net.dns.settings import Address
from courriel.ports.resolver import DnsFailure

ROUNDS: Final = 3
"""``dns.rounds``: how often each server is asked one question."""

LONGEST_WAIT_S: Final = 5.0
"""``dns.longest_wait``: for one attempt.  The usual 5 s of stub resolvers."""

REST_S: Final = 10.0
"""``dns.rest``: a server that failed is asked last for this long, doubled with each failure after it."""

LONGEST_REST_S: Final = 300.0
"""``dns.longest_rest``: RFC 9520 §3.2 lets no failure be remembered for longer than 5 minutes."""

SILENCES_TOLD: Final = 3
"""``dns.silences_told``: failures of a server one after another that are worth a line in the log; one slow name on its
own says nothing about the server."""

IN_FLIGHT: Final = 500
"""``dns.in_flight``: attempts at the same time; each is a socket, and 1,024 files is a usual limit of a process."""

_SMOOTHING: Final = 0.3


class Refused(DnsFailure):
    """Every server answered, and with an error: ``rcode`` is the last one."""

    def __init__(self, rcode: Rcode) -> None:
        super().__init__(f"the server answered {dns.rcode.to_text(rcode)}")
        self.rcode = rcode


class _Server:
    """One server and how it has done."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.edns = True
        self.signs = True
        self.round_trip_s = 0.0
        self._failures = 0
        self._rests_until = 0.0

    def rank(self, now: float) -> tuple[bool, bool, float]:
        """Less is better."""
        return self._rests_until > now, not self.signs, self.round_trip_s

    def did_well(self, answer: Message, took_s: float) -> None:
        self.signs = bool(answer.ednsflags & dns.flags.DO)  # RFC 3225 §3: who heeds DO gives it back
        self.round_trip_s += _SMOOTHING * (took_s - self.round_trip_s)
        self._failures = 0
        self._rests_until = 0.0

    def failed(self, now: float, reason: str) -> None:
        rest_s = min(REST_S * 2.0 ** min(self._failures, 10), LONGEST_REST_S)
        self._failures += 1
        if self._failures == SILENCES_TOLD:
            log.event("dns.server_failed", Level.WARNING, server=self.address.ip, reason=reason)
        self._rests_until = now + rest_s


class Upstream:
    """Asks servers until one gives an answer."""

    def __init__(
        self,
        addresses: tuple[Address, ...],
        clock: Clock,
        first_wait_s: float,
        in_flight: asyncio.Semaphore,
        *,
        recurse: bool,
    ) -> None:
        self._servers = [_Server(address) for address in addresses]
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._in_flight = in_flight
        self._recurse = recurse

    @property
    def servers(self) -> int:
        return len(self._servers)

    async def ask(self, name: Name, rdtype: RdataType, budget: Budget) -> Message:
        """An answer with rcode NOERROR or NXDOMAIN; DnsFailure when no server gives one."""
        wait_s = self._first_wait_s
        failure = DnsFailure("no server answered in time")
        for _ in range(ROUNDS):
            for server in self._order(budget.avoid):
                budget.spend_query()
                try:
                    answer = await self._attempt(server, name, rdtype, wait_s)
                except Refused as refused:
                    failure = refused
                except (OSError, TimeoutError) as error:
                    server.failed(self._clock.monotonic(), type(error).__name__)
                else:
                    budget.answered = server.address
                    return answer
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            if isinstance(failure, Refused):
                break  # it has heard the question and says no: asking again changes nothing
        raise failure

    def _order(self, avoid: Address | None) -> list[_Server]:
        now = self._clock.monotonic()
        return sorted(self._servers, key=lambda one: (one.address == avoid, one.rank(now)))

    async def _attempt(self, server: _Server, name: Name, rdtype: RdataType, wait_s: float) -> Message:
        async with self._in_flight, asyncio.timeout(wait_s):
            log.count("dns.query")
            began = self._clock.monotonic()
            answer = await exchange(server.address, self._query(server, name, rdtype))
            if server.edns and answer.edns < 0 and answer.rcode() in (Rcode.FORMERR, Rcode.NOTIMP):
                server.edns = False  # RFC 6891 §7: it may know nothing of EDNS
                answer = await exchange(server.address, self._query(server, name, rdtype))
        if answer.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            raise Refused(answer.rcode())
        server.did_well(answer, self._clock.monotonic() - began)
        return answer

    def _query(self, server: _Server, name: Name, rdtype: RdataType) -> Query:
        return Query(name, rdtype, edns=server.edns, recurse=self._recurse)
