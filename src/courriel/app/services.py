"""The ports of the mail protocols: which service stands behind which, and with what."""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from courriel.app import gateway
from courriel.app.config import Settings, SettingsError
from courriel.app.household import Household
from courriel.app.installation import Installation
from courriel.app.json_file import JsonFile
from courriel.app.outbound import languages_of
from courriel.app.tracing import WireTraces
from courriel.app.web import site_of
from courriel.base.errors import FormatError
from courriel.base.log import Level, log
from courriel.delivery.acquaintance import Acquaintance
from courriel.delivery.allowance import Allowance, Sent
from courriel.delivery.antivirus import Antivirus, AntivirusSettings
from courriel.delivery.authenticate import SenderCheck
from courriel.delivery.block_lists import BlockLists, BlockListSettings
from courriel.delivery.failure_reports import FailureReports
from courriel.delivery.guard import Guard, Origin
from courriel.delivery.intake import Delivery
from courriel.delivery.lists import DAY_S
from courriel.delivery.report_reader import ReportReader
from courriel.delivery.report_tally import ReportTally
from courriel.delivery.seal import Sealer
from courriel.delivery.settings import DeliverySettings, SenderOverride, SenderSettings
from courriel.delivery.sign import Signer
from courriel.delivery.threat_scan import EVERYWHERE, ThreatScan, ThreatSettings, Thresholds
from courriel.http.server import HttpService
from courriel.imap.server import ImapService
from courriel.mailauth.replay import Replays
from courriel.mailauth.signatures import SignatureJudge
from courriel.managesieve import talk as sieve_talk
from courriel.managesieve.server import ManageSieveService
from courriel.milter.scanner import Milters
from courriel.milter.settings import MilterSettings, parse_address
from courriel.model.envelope import Door
from courriel.net.connection import Service
from courriel.net.listener import Listener, Room
from courriel.pop3.server import Pop3Service
from courriel.ports.resolver import Resolver
from courriel.ports.scanner import Scanner
from courriel.smtp.budget import Budget
from courriel.smtp.lmtp import lmtp_service
from courriel.smtp.server import Desk, SmtpService

SENT_FILE: Final = "sent.json"
"""What accounts sent lately, in the data directory."""


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """One open port.  ``tls`` is "" (none), "STARTTLS" or "TLS"."""

    name: str
    port: int
    tls: str
    listener: Listener


class Doors:
    """All ports of the mail protocols."""

    def __init__(self, opened: list[OpenDoor]) -> None:
        self.open = opened

    async def close(self, grace_s: float) -> None:
        """Shut all doors at once, give commands under way ``grace_s``, then hang up."""
        for door in self.open:
            door.listener.stop()
        if grace_s:
            await asyncio.sleep(grace_s)
        for door in self.open:
            await door.listener.close()


def judges_senders(settings: Settings) -> bool:
    """Whether mail from elsewhere is judged by who sent it."""
    return settings.auth.senders == "on" or (settings.auth.senders == "auto" and bool(settings.dns.servers))


def sender_settings(settings: Settings) -> SenderSettings:
    auth = settings.auth
    overrides = {
        name.lower(): SenderOverride(one.action, one.reason, one.until) for name, one in auth.overrides.items()
    }
    return SenderSettings(
        auth.reject, auth.spf_fail, auth.trusted_networks, auth.trusted_sealers, auth.relays, overrides
    )


def open_sender_check(
    home: Installation, resolver: Resolver, failures: FailureReports | None = None
) -> SenderCheck | None:
    """Who looks at senders from elsewhere, None when nobody does.  Raises SettingsError for a network that is none."""
    if not judges_senders(home.settings):
        return None
    try:
        judge = SignatureJudge(resolver, Replays(), dkim2=home.settings.auth.dkim2)
        tally = ReportTally(home.judged_mails, failures) if home.settings.reports.send else None
        return SenderCheck(resolver, sender_settings(home.settings), home.settings.name, home.clock, judge, tally)
    except ValueError as error:
        raise SettingsError(f"auth.trusted_networks, auth.relays: {error}") from None


def scans_mail(settings: Settings) -> bool:
    """Whether mail from elsewhere is looked at by what it is after."""
    return settings.threats.scan == "on" or (settings.threats.scan == "auto" and judges_senders(settings))


def open_threat_scan(home: Installation) -> ThreatScan | None:
    """Who looks at what mail from elsewhere is after, None when nobody does."""
    settings, threats = home.settings, home.settings.threats
    if not scans_mail(settings):
        return None
    thresholds = {
        name.lower(): Thresholds(one.junk_at, one.words_at, one.refuse_at) for name, one in threats.domains.items()
    }
    usual = {EVERYWHERE: Thresholds(threats.junk_at, threats.words_at, threats.refuse_at)}
    household = Household(home)
    return ThreatScan(ThreatSettings(usual | thresholds), household.of, settings.name, household.marks_of)


def open_report_reader(home: Installation) -> ReportReader:
    """Who reads what other servers report of our domains."""
    directory, reports = home.directory, home.settings.reports
    return ReportReader(
        home.mail_reports, reports.address, lambda: [one.name for one in directory.domains()], home.clock.now
    )


def open_intake(
    home: Installation,
    milters: Milters | None,
    senders: SenderCheck | None,
    resolver: Resolver | None = None,
    report_reader: ReportReader | None = None,
) -> Delivery:
    """What all doors hand their messages to.  Without a resolver nothing is sealed."""
    settings = home.settings
    thresholds = settings.hijack if settings.submission.watch else None
    allowance = Allowance(settings.submission, SentFile(home.data / SENT_FILE))
    origin = Origin(settings.name, os.urandom, languages_of(settings))
    return Delivery(
        home.directory,
        home.store,
        home.queue,
        DeliverySettings(
            hostname=settings.name,
            hold=settings.relay.hold,
            retry=settings.retry,
            wishes=settings.wishes,
            languages=languages_of(settings),
        ),
        home.clock,
        guard=Guard(home.directory, home.queue, allowance, thresholds, origin, home.clock),
        lists=home.lists,
        keys=home.keys,
        scanner=with_block_lists(settings, resolver, with_antivirus(settings, milters)),
        senders=senders,
        sealer=Sealer(home.dkim.signing, resolver, settings.name) if resolver and settings.arc.seal else None,
        signer=Signer(home.dkim.signing, settings.dkim.expire_days * DAY_S) if settings.dkim.sign else None,
        scripts=home.sieve,
        sieve=settings.sieve,
        report_reader=report_reader,
        threats=open_threat_scan(home),
        acquaintance=Acquaintance(home.correspondents) if scans_mail(settings) else None,
    )


class SentFile(JsonFile[dict[int, Sent]]):
    """Fulfils ``delivery.allowance.Keeper``: limits are no reason not to start, nor is a full disk one to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, dict[int, Sent], "submission.sent_not_read")

    def save(self, kept: dict[int, Sent]) -> None:
        try:
            super().save(kept)
        except OSError as error:
            log.event("submission.sent_not_written", Level.WARNING, error=str(error))


def open_milters(settings: Settings) -> Milters | None:
    """The filters of the settings, None without any.  Raises SettingsError for an address that cannot be read."""
    filters = [
        MilterSettings(
            one.name, one.address, frozenset(map(Door, one.doors)), one.on_failure, one.connect_s, one.command_s,
            one.content_s, one.reuse,
        )
        for one in settings.milters
    ]  # fmt: skip
    for one in filters:
        try:
            parse_address(one.address)
        except FormatError as error:
            raise SettingsError(f"milters.{one.name}.address: {error.rule}") from None
    return Milters(filters, settings.name) if filters else None


def with_antivirus(settings: Settings, filters: Milters | None) -> Scanner | None:
    """ClamAV before the filters, as far as there are any.  Raises SettingsError for an address that cannot be read."""
    asked = settings.clamav
    if not asked.address:
        return filters
    try:
        place = parse_address(asked.address)
    except FormatError as error:
        raise SettingsError(f"clamav.address: {error.rule}") from None
    doors = frozenset(map(Door, asked.doors))
    return Antivirus(
        AntivirusSettings(place, doors, asked.found, asked.on_failure, asked.timeout_s, asked.octets), filters
    )


def with_block_lists(settings: Settings, resolver: Resolver | None, filters: Scanner | None) -> Scanner | None:
    """DNS lists before all else, if any are named.  Raises SettingsError for a trusted network that is none."""
    asked = settings.blocklists
    if not asked.zones or resolver is None:
        return filters
    trusted = settings.auth.trusted_networks
    try:
        return BlockLists(BlockListSettings(asked.zones, trusted, asked.found, asked.wait_s), resolver, filters)
    except ValueError as error:
        raise SettingsError(f"auth.trusted_networks: {error}") from None


async def open_doors(
    home: Installation, intake: Delivery, context: ssl.SSLContext, traces: WireTraces, lmtp: Path
) -> Doors:
    """Open the ports that the settings name.  Raises OSError, BehindGateway."""
    settings, room = home.settings, Room()
    desk = Desk(
        settings.name,
        intake,
        Budget(settings.smtp.in_flight_octets),
        settings.smtp,
        home.authenticator,
        context,
        wishes=intake.wishes,
        clock=home.clock,
    )
    implicit = replace(desk, tls=None)
    listen = settings.listen
    plan: list[tuple[str, int, Service, bool]] = [
        ("smtp", listen.smtp, SmtpService(desk, Door.MX), False),
        ("submission", listen.submission, SmtpService(desk, Door.SUBMISSION), False),
        ("submissions", listen.submissions, SmtpService(implicit, Door.SUBMISSION), True),
    ]
    if listen.devices:
        gateway.check(home.directory.devices())
        plan.append(("devices", listen.devices, SmtpService(desk, Door.DEVICE), False))
    imap = ImapService(
        home.store, home.authenticator, settings.imap, home.clock, context, home.directory, home.index, home.lessons
    )
    pop3 = Pop3Service(home.store, home.authenticator, home.maildrops, home.clock, context, settings.pop3)
    sieve = sieve_talk.Services(
        home.sieve, home.store, home.authenticator, context, settings.managesieve, settings.sieve, settings.language
    )
    plan += [
        ("imap", listen.imap, imap, False),
        ("imap3", listen.imap3, imap, False),
        ("imaps", listen.imaps, imap, True),
        ("pop3", listen.pop3, pop3, False),
        ("pop3s", listen.pop3s, pop3, True),
        ("managesieve", listen.managesieve, ManageSieveService(sieve), False),
    ]
    opened: list[OpenDoor] = []
    doors = Doors(opened)
    try:
        for name, port, service, tls in plan:
            if port:
                listener = Listener(service, room, traces)
                bound = await listener.open_tcp(listen.host, port, context if tls else None)
                opened.append(OpenDoor(name, bound, "TLS" if tls else "STARTTLS", listener))
        await _open_web(home, room, context, opened)
        if listen.lmtp:
            listener = Listener(lmtp_service(desk), room)
            await listener.open_unix(lmtp)
            opened.append(OpenDoor("lmtp", 0, "", listener))
    except BaseException:
        await doors.close(0.0)
        raise
    return doors


async def _open_web(home: Installation, room: Room, context: ssl.SSLContext, opened: list[OpenDoor]) -> None:
    """The web doors come last: they tell of the others."""
    listen = home.settings.listen
    if not listen.https:
        return
    secure = Listener(service := HttpService(home.settings.http), room)
    bound = await secure.open_tcp(listen.host, listen.https, context)
    opened.append(OpenDoor("https", bound, "TLS", secure))
    service.site = site_of(home, {door.name: door.port for door in opened})
    if listen.http:
        clear = Listener(service, room)
        opened.append(OpenDoor("http", await clear.open_tcp(listen.host, listen.http), "", clear))
