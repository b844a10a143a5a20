"""A running server: an installation, its open ports, its regular work, and the way it stops."""

from __future__ import annotations

import asyncio
import datetime
import gc
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from courriel.app.administration import LocalAdministration
from courriel.app.checkup import Checkup
from courriel.app.config import Settings
from courriel.app.control import SOCKET_NAME, ControlService
from courriel.app.dkim_letter import tell_postmaster
from courriel.app.doctor import Doctor
from courriel.app.installation import Installation
from courriel.app.observe import Gauges, ObserveService
from courriel.app.outbound import Outbound, resolver_of
from courriel.app.report_mail import ReportMail, author_of
from courriel.app.services import (
    Doors,
    open_doors,
    open_intake,
    open_milters,
    open_report_reader,
    open_sender_check,
    scans_mail,
)
from courriel.app.tracing import WireTraces
from courriel.app.web import web_names
from courriel.app.zone_desk import ZoneDesk
from courriel.base.log import Level, log, render_json, render_logfmt, to_stderr
from courriel.delivery.failure_reports import FailureReports
from courriel.delivery.learning import Teacher
from courriel.delivery.lists import DAY_S, QUESTION_DAYS
from courriel.net.listener import Listener
from courriel.net.tls import CertificateFiles, private_authority, server_context
from courriel.store.search.feeder import Feeder

MAINTAIN_S: Final = 60.0
"""How often the store's regular work (checkpoints, forgetting, packs) is looked after."""

GRACE_S: Final = 2.0
"""How long open commands may finish when the server stops."""

LMTP_SOCKET: Final = "lmtp.sock"


def configure_log(settings: Settings) -> None:
    """Events to standard error, in the asked form."""
    render = render_json if settings.log.format == "json" else render_logfmt
    log.configure(to_stderr, render, Level[settings.log.level.upper()])


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed (PERFORMANCE, rule 7), else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)


class Server:
    """Everything that is open while the server runs."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.doors: Doors | None = None
        self.ca: Path | None = None
        self.traces = WireTraces()
        self.milters = open_milters(installation.settings)
        self.resolver = resolver_of(installation.settings, installation.clock)
        self.report_reader = open_report_reader(installation)
        self.failures = self._failure_reports()
        self.teacher = self._open_teacher() if scans_mail(installation.settings) else None
        self.senders = open_sender_check(installation, self.resolver, self.failures)
        self.intake = open_intake(installation, self.milters, self.senders, self.resolver, self.report_reader)
        self.outbound = Outbound(installation, self.intake, self.resolver)
        self.report_mail = ReportMail(installation, self.intake, self.resolver)
        self.administration = LocalAdministration(
            installation, self.traces, self.describe, self.outbound.relay, self.intake, self.resolver,
            self.report_mail,
        )  # fmt: skip
        installation.dkim.when_waiting = self._keys_wait
        self.administration.on_domains = self.domains_changed
        self._side: list[Listener] = []
        self._context: ssl.SSLContext | None = None
        self.metrics_port = 0

    async def open(self) -> None:
        """Open every port of the settings.  Raises OSError for one that cannot be had."""
        home, settings = self.installation, self.installation.settings
        await self.administration.complete_accounts()
        self._context = server_context(self._certificate())
        self.doors = await open_doors(home, self.intake, self._context, self.traces, home.data / LMTP_SOCKET)
        self.outbound.start()
        control = Listener(ControlService(self.administration))
        await control.open_unix(home.data / SOCKET_NAME)
        observe = Listener(ObserveService(self._gauges(), self.unhealthy))
        if settings.listen.observe:
            self.metrics_port = await observe.open_tcp("127.0.0.1", settings.listen.observe)
        self._side = [control, observe]
        gc.collect()
        gc.freeze()  # what stands now stays: the collector need not look at it again (PERFORMANCE, rule 14)

    def domains_changed(self) -> None:
        """A private certificate has the names of all domains, from the next connection on."""
        if self._context is not None and not self.installation.settings.tls.certificate:
            files = self._certificate()
            self._context.load_cert_chain(files.certificate, files.key)

    def _certificate(self) -> CertificateFiles:
        tls, home = self.installation.settings.tls, self.installation
        if tls.certificate:
            return CertificateFiles(Path(tls.certificate), Path(tls.key or tls.certificate))
        below = web_names(home.settings, [domain.name for domain in home.directory.domains()])
        names = tuple(dict.fromkeys((home.settings.name, "localhost", "127.0.0.1", "::1", *below)))
        made = private_authority(home.data / "tls", names, datetime.datetime.now(datetime.UTC))
        self.ca = made.ca
        return made.server

    def _gauges(self) -> Gauges:
        gauges = Gauges()
        gauges.add("courriel_connections", "Open client connections.", self.connections)
        return gauges

    def connections(self) -> int:
        """How many clients are connected."""
        return sum(door.listener.connections for door in self.doors.open) if self.doors is not None else 0

    def unhealthy(self) -> str:
        """What is wrong, "" when nothing is."""
        stopped = [str(shard.number) for shard in self.installation.store.shards if shard.committer.failure is not None]
        return f"shard {', '.join(stopped)} takes no writes (disk full or failing)" if stopped else ""

    def describe(self) -> dict[str, Any]:
        """Listeners and where our CA is, for ``courriel status`` and our own client."""
        listeners = [
            {"service": door.name, "port": door.port, "tls": door.tls, "connections": door.listener.connections}
            for door in (self.doors.open if self.doors is not None else ())
        ]
        return {"listeners": listeners, "ca": str(self.ca or ""), "metrics_port": self.metrics_port}

    async def _keys_wait(self, domain: str, signs: bool) -> None:
        await tell_postmaster(domain, signs, self.intake)

    async def maintain(self) -> None:
        """The regular work of what is kept, for ever."""
        while True:
            await asyncio.sleep(MAINTAIN_S)
            self.intake.save()
            self.installation.lockout.save()
            try:
                now = self.installation.clock.now()
                await self.installation.store.maintain(now)
                await self.installation.lists.forget_questions(now - QUESTION_DAYS * DAY_S)
                await self.installation.sieve.forget(now)
            except Exception as error:  # it is tried again in a minute; the server goes on
                log.event("store.maintain.failed", Level.ERROR, error=f"{type(error).__name__}: {error}")

    def checkup(self) -> Checkup:
        """The examination that runs by itself."""
        home = self.installation
        return Checkup(Doctor(ZoneDesk(home, self.resolver), home.settings), home, self.intake)

    def _open_teacher(self) -> Teacher:
        home = self.installation
        return Teacher(home.lessons, home.store, home.marks, home.correspondents)

    def _failure_reports(self) -> FailureReports | None:
        home = self.installation
        if not home.settings.reports.failures:
            return None
        return FailureReports(
            self.resolver, lambda: self.intake.hand_in, home.settings.name, lambda: author_of(home), home.clock.now
        )

    async def feed_index(self) -> None:
        """Keep the index of words up with new mail, for ever."""
        index = self.installation.index
        if index is not None:
            await Feeder(index.store_directory, index.is_behind).run()

    async def close(self) -> None:
        """Take no more, let commands finish, bring everything to the disk."""
        if self.doors is not None:
            await self.doors.close(GRACE_S if self.connections() else 0.0)
        if self.senders is not None:
            await self.senders.close()
        await self.outbound.close()
        await self.resolver.close()
        self.intake.save()
        if self.milters is not None:
            await self.milters.close()
        for listener in self._side:
            await listener.close()


@asynccontextmanager
async def running(data: Path, settings: Settings) -> AsyncIterator[Server]:
    """A server that is ready; it stops at the end of the block."""
    installation = await Installation.open(data, settings)
    try:
        server = Server(installation)
        try:
            await server.open()
            log.event("server.ready", hostname=settings.name, data=str(data))
            yield server
        finally:
            await server.close()
    finally:
        await installation.close()


async def serve(data: Path, settings: Settings, ready: Callable[[Server], Coroutine[Any, Any, None]]) -> None:
    """Run a server until SIGTERM or SIGINT; ``ready`` is awaited once it is open."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    async with running(data, settings) as server, asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(server.maintain())]
        work.append(tasks.create_task(server.installation.dkim.watch(server.resolver)))
        work.append(tasks.create_task(server.feed_index()))
        work.append(tasks.create_task(server.report_reader.run()))
        if server.teacher is not None:
            work.append(tasks.create_task(server.teacher.run()))
        if server.failures is not None:
            work.append(tasks.create_task(server.failures.run()))
        if settings.reports.send:
            work.append(tasks.create_task(server.report_mail.run()))
        if settings.doctor.every_h:
            work.append(tasks.create_task(server.checkup().run()))
        await ready(server)
        await stop.wait()
        log.event("server.stopping")
        for task in work:
            task.cancel()
