"""Step ``authenticate``: who sent a message that came in by the MX door, and what follows from it.

At MAIL FROM the judges of the connection begin to ask the DNS; they go on while recipients and content come in.  With
the content come DKIM and DMARC, then the ruling (``sender_policy``).  What was found is written before the message,
and fields in it that claim to be ours are taken out.  Submission, devices and trusted networks are not judged.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, Final, TypeVar

from courriel.base.clock import Clock
from courriel.base.log import Level, log
from courriel.base.networks import client_address
from courriel.delivery.connecting import connecting
from courriel.delivery.judge import Header
from courriel.delivery.report_tally import ReportTally
from courriel.delivery.sender_policy import rule
from courriel.delivery.settings import SenderSettings
from courriel.formats.reports.authres import without_claims
from courriel.mailauth import evaluate, trace
from courriel.model.envelope import Address, Client
from courriel.model.judgement import Decision, DkimFindings, Judgement, Origin, Ruling
from courriel.model.refusals import SenderNotProven
from courriel.model.transit import Transit
from courriel.ports.dkim_judge import DkimJudge
from courriel.ports.resolver import Resolver

T = TypeVar("T")

BEGUN: Final = 1_000
"""``authenticate.begun``: connections whose sender is being looked at; of more, the oldest is given up and asked
about again when its message is there."""


CLIENTS: Final = 1_000
"""``authenticate.clients``: addresses of which it is remembered whether they are trusted."""


class SenderCheck:
    """Judges senders for one installation.  It belongs to the event loop that first asks it."""

    def __init__(
        self,
        resolver: Resolver,
        settings: SenderSettings,
        hostname: str,
        clock: Clock,
        dkim: DkimJudge | None = None,
        tally: ReportTally | None = None,
    ) -> None:
        """``dkim`` None: nobody looks at signatures; ``tally`` None: no domain is told of what was found.  Raises
        ValueError for a network that is none."""
        self._resolver = resolver
        self._settings = settings
        self._hostname = hostname
        self._clock = clock
        self._dkim = dkim
        self._tally = tally
        self._trusted = [ipaddress.ip_network(one) for one in settings.trusted]
        self._relays = [ipaddress.ip_network(one) for one in settings.relays]
        self.is_trusted = lru_cache(maxsize=CLIENTS)(self._is_trusted)
        """Whether mail of a client (its address) is not judged; so is that of a unix socket ("")."""
        self._begun: OrderedDict[tuple[str, int], tuple[Client, Address, asyncio.Task[Origin]]] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_trusted(self, ip: str) -> bool:
        if not ip:
            return True
        address = client_address(ip)
        return any(address in network for network in self._trusted)

    def _is_relay(self, ip: str) -> bool:
        if not ip or not self._relays:
            return False
        try:
            address = client_address(ip)
        except ValueError:
            return False
        return any(address in network for network in self._relays)

    def begin(self, client: Client, reverse_path: Address) -> None:
        """MAIL FROM was said: the judges of the connection may begin."""
        if self.is_trusted(client.ip) or self._is_relay(client.ip):  # of a relay its Received says who it is about
            return
        key = (client.ip, client.port)
        self._forget(key)
        self._begun[key] = (client, reverse_path, self._task(self._origin(client, reverse_path)))
        if len(self._begun) > BEGUN:
            self._forget(next(iter(self._begun)))

    async def judge(self, transit: Transit, header: Header) -> None:
        """Write what is found into ``transit``.  Raises SenderNotProven."""
        if self.is_trusted(transit.envelope.client.ip):
            return
        client = connecting(transit.envelope.client, transit.content[: header.length], self._is_relay)
        origin = self._taken_over(client, transit.envelope.reverse_path)
        # A task of its own: a command runs without one until it first waits (net/eager.py), and timeouts need one.
        judgement = await self._task(self._judgement(transit, header, client, origin))
        transit.judgement = judgement
        lowered = transit.content[: header.length].lower()
        ruling = rule(judgement, lowered, self._settings, transit.received_at)
        _tell(transit, judgement, ruling)
        if self._tally is not None:
            self._tally.note(transit, judgement, ruling)
        if ruling.decision is Decision.REFUSE:
            raise SenderNotProven(ruling.why, ruling.status, ruling.lines)
        if ruling.decision is Decision.JUNK:
            transit.junk = ruling.why
        transit.content = without_claims(transit.content, header.length, self._hostname)
        transit.verdict_fields = trace.fields(judgement, client, transit.envelope.reverse_path, self._hostname)

    async def _judgement(
        self, transit: Transit, header: Header, client: Client, begun: asyncio.Task[Origin] | None
    ) -> Judgement:
        envelope = transit.envelope
        findings = DkimFindings()
        if self._dkim is not None:
            findings = await self._dkim.judge(transit.content, envelope, transit.received_at)
        origin = await (begun if begun is not None else self._origin(client, envelope.reverse_path))
        return await evaluate.of_message(origin, header.senders, findings, self._resolver)

    def _origin(self, client: Client, reverse_path: Address) -> Coroutine[Any, Any, Origin]:
        return evaluate.of_connection(client, reverse_path, self._hostname, self._clock.now(), self._resolver)

    def _taken_over(self, client: Client, reverse_path: Address) -> asyncio.Task[Origin] | None:
        """What was begun for this very message."""
        begun = self._begun.pop((client.ip, client.port), None)
        return begun[2] if begun is not None and begun[:2] == (client, reverse_path) else None

    def _forget(self, key: tuple[str, int]) -> None:
        begun = self._begun.pop(key, None)
        if begun is not None:
            begun[2].cancel()

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _tell(transit: Transit, judgement: Judgement, ruling: Ruling) -> None:
    """The journey has it too."""
    origin, dkim, dmarc = judgement.origin, judgement.dkim, judgement.dmarc
    refused = ruling.decision is Decision.REFUSE
    log.event(
        "delivery.judged",
        Level.WARNING if refused else Level.INFO,
        msg=transit.id,
        ip=transit.envelope.client.ip,
        sender=str(transit.envelope.reverse_path),
        spf=origin.spf.result.value,
        dkim=",".join([one.result.value for one in dkim.signatures]) or "none",
        dmarc=dmarc.result.value,
        domain=dmarc.domain,
        decision=ruling.decision.value,
        why=ruling.why,
    )
