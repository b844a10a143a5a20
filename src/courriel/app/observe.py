"""``/health`` and ``/metrics`` for whoever watches the server, on the loopback address.

Just enough HTTP/1.1 for a scraper: GET, no body, one answer a connection.  RFC 9112 §3, §9.6.
Each event name of the log is a counter here (``courriel_events_total{event="…"}``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from courriel.base.log import log
from courriel.net.connection import Connection, Dialogue

REQUEST_OCTETS: Final = 8 * 1024
"""Longest request head; scrapers send some hundred octets."""

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Gauges:
    """Figures asked for at the time of the scrape: name → (what it is, how to get it)."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[str, Callable[[], float]]] = {}

    def add(self, name: str, what: str, source: Callable[[], float]) -> None:
        self._sources[name] = (what, source)

    def collect(self) -> Iterable[Metric]:
        events = CounterMetricFamily("courriel_events", "Events by name, as in the log.", labels=["event"])
        for name, count in sorted(log.counters.snapshot().items()):
            events.add_metric([name], count)
        yield events
        for name, (what, source) in self._sources.items():
            yield GaugeMetricFamily(name, what, value=source())


class ObserveService:
    """Answers scrapers.  ``healthy`` returns "" or what is wrong."""

    name = "observe"
    patience_s = 10.0

    def __init__(self, gauges: Gauges, healthy: Callable[[], str]) -> None:
        self.healthy = healthy
        self.registry = CollectorRegistry()
        self.registry.register(gauges)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def dialogue(self, connection: Connection) -> Dialogue:
        return ObserveDialogue(self, connection)

    def refusal(self) -> bytes:
        return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"too many connections\n")


class ObserveDialogue:
    """One request, one answer."""

    def __init__(self, service: ObserveService, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        self._head = b""

    def opened(self) -> None:
        """The client speaks first."""

    async def received(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" in self._head or not data:
            self._connection.write(self._answer(self._head))
            self._connection.close()
        elif len(self._head) > REQUEST_OCTETS:
            self._connection.write(_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too long\n"))
            self._connection.close()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].partition(b"?")[0]
        if method != b"GET":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n")
        if target == b"/metrics":
            return _response(HTTPStatus.OK, generate_latest(self._service.registry), METRICS_TYPE)
        if target == b"/health":
            wrong = self._service.healthy()
            status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
            return _response(status, (wrong or "ok").encode() + b"\n")
        return _response(HTTPStatus.NOT_FOUND, b"/health or /metrics\n")

    def expired(self) -> None:
        """A silent scraper is just hung up on."""

    def stopping(self) -> None:
        """A scraper sees it by itself."""

    def failed(self) -> None:
        self._connection.write(_response(HTTPStatus.INTERNAL_SERVER_ERROR, b"error\n"))

    def closed(self) -> None:
        """Nothing is held."""


def _response(status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
