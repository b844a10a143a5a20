"""Settings: one TOML file of typed sections, each value overridable from the environment and the command line.

Order, later wins: defaults, file, ``COURRIEL_SECTION_KEY``, ``--set section.key=value``.
A name or a value that does not fit is an error that says where.
"""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from courriel.base.errors import CourrielError
from courriel.delivery.settings import SenderSettings, SubmissionSettings
from courriel.http.settings import HttpSettings
from courriel.imap.settings import ImapSettings
from courriel.managesieve.settings import ManageSieveSettings
from courriel.model.dkim_key import DkimSettings
from courriel.model.hijack import HijackSettings
from courriel.model.retry import RetrySettings
from courriel.model.wishes import WishLimits
from courriel.pop3.settings import Pop3Settings
from courriel.sieve.settings import SieveSettings
from courriel.smtp.settings import SmtpSettings

ENVIRONMENT_PREFIX: Final = "COURRIEL_"

SECTIONS_WITHOUT_DOT: Final = ("hostname", "language")

LISTS: Final = (
    ("dns", "servers"),
    ("dns", "anchors"),
    ("dns", "addresses"),
    ("dns", "caa"),
    ("clamav", "doors"),
    ("blocklists", "zones"),
    ("relay", "retry_s"),
    ("auth", "trusted_networks"),
    ("auth", "trusted_sealers"),
    ("sts", "mx"),
)
"""Settings with several values."""


Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]


class SettingsError(CourrielError):
    """A setting that is not known or does not fit."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of the sections below."""


class ListenSection(Section, frozen=True):
    """Where we listen.  A port of 0 is off.  ``host`` "" means every address."""

    host: str = ""
    smtp: int = 25
    submission: int = 587
    submissions: int = 465
    pop3: int = 110
    pop3s: int = 995
    imap: int = 143
    imap3: int = 220
    imaps: int = 993
    managesieve: int = 4190
    https: int = 443
    """What other servers and mail programs ask by themselves: MTA-STS, autoconfig, Autodiscover."""
    http: int = 80
    """Sends on to ``https``."""
    devices: int = 0
    """For printers, NAS boxes and applications that are known by their address (``courriel device``): 0 is off."""
    lmtp: bool = True
    """LMTP on the unix socket ``lmtp.sock`` in the data directory.  RFC 2033."""
    observe: int = 9101
    """``/metrics`` and ``/health``, on the loopback address only."""


class TlsSection(Section, frozen=True):
    """Certificate chain and key (PEM).  Empty: a private CA is made on first run."""

    certificate: str = ""
    key: str = ""


class OverrideSection(Section, frozen=True):
    """What is done with mail of one author's domain: ``[auth.overrides."example.org"]``."""

    action: Literal["accept", "junk", "refuse"]
    reason: str = ""
    until: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""
    """The last day (UTC), "2026-12-31"; empty: for good."""


class AuthSection(Section, frozen=True):
    """``cleartext``: take passwords without TLS from anywhere, not only from this machine."""

    cleartext: bool = False
    scram_sha1: bool = False
    """SCRAM-SHA-1 for old clients.  RFC 7677 prefers SHA-256."""
    senders: Literal["on", "off", "auto"] = "on"
    """Whether mail from elsewhere is judged by SPF, DKIM and DMARC; "auto": if ``dns.servers`` are named."""
    reject: bool = SenderSettings().reject
    """Refuse what fails DMARC with p=reject; else it goes among the junk."""
    spf_fail: Literal["mark", "junk", "refuse"] = SenderSettings().spf_fail
    """What is done where a domain says "-all" and has no DMARC policy; a forward looks the same."""
    trusted_networks: tuple[str, ...] = SenderSettings().trusted
    """Their mail is not judged: this machine, and relays that have done so."""
    relays: tuple[str, ...] = ()
    """Networks of our own relays (a second MX, a gateway): mail through them is judged by who connected to them."""
    trusted_sealers: tuple[str, ...] = ()
    """Domains whose ARC seal is believed."""
    overrides: dict[str, OverrideSection] = {}
    """By the author's domain."""
    dkim2: bool = False
    """Look at DKIM2 (draft-ietf-dkim-dkim2-spec-04) too, and write down what is found; nothing follows from it."""


class DnsSection(Section, frozen=True):
    """``servers``: whom to ask ("192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"); empty: the machine's own."""

    servers: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    """Where trust in DNSSEC begins, as DS records: "owner DS tag algorithm digest-type digest"; empty: the keys of the
    root that IANA publishes.  For a tree of names of one's own."""
    addresses: tuple[str, ...] = ()
    """Our addresses on the Internet; empty: those our host name has in the DNS, else those of this machine."""
    caa: tuple[str, ...] = ()
    """Authorities that may give certificates for our domains ("letsencrypt.org"); empty: nothing is said.  RFC 8659."""
    dane: bool = False
    """Whether our key for TLS stays when the certificate is renewed, so that the DNS can promise it.  RFC 7672."""


class RouteSection(Section, frozen=True):
    """A next hop of the administrator's choice: ``host`` or ``host:port``, and a login where it wants one.

    ``lmtp:host:port`` and ``lmtp:unix:/path`` are LMTP servers (RFC 2033): mailboxes in another program's care.
    ``tls`` is "starttls" (verified), "tls" (verified, from the first octet), "may" (used if offered, not verified) or
    "none".  A password is only ever sent over TLS.
    """

    host: str
    user: str = ""
    password: str = ""
    tls: str = "starttls"


class RelaySection(Section, frozen=True):
    """Mail for elsewhere.  ``hold`` keeps it in the queue, visible, until it is released."""

    hold: bool = False
    port: int = 25
    """Port towards MX hosts."""
    smart_host: str = ""
    """``host`` or ``host:port`` (25) that takes everything without a route of its own; empty: the MX records say."""
    smart_user: str = ""
    smart_password: str = ""
    smart_tls: str = "may"
    """As ``tls`` of a route; with a user it is "starttls" unless it is "tls"."""
    routes: dict[str, RouteSection] = {}
    """Domain → route: ``[relay.routes."example.org"]``."""
    rates: dict[str, str] = {}
    """Destination → how many messages it takes, as in ``"example.org" = "20/min"`` (s, min, h, day); else no limit."""
    ca_file: str = ""
    """Authorities (PEM) believed beside the system's, where a server's certificate is checked: routes, MTA-STS."""
    sts_port: int = 443
    """Port of the hosts that give MTA-STS policies.  RFC 8461 §3.3."""
    retry_s: Annotated[tuple[Seconds, ...], msgspec.Meta(min_length=1)] = RetrySettings().delays_s
    """Wait after the first, second … attempt; the last one repeats."""
    warn_s: Seconds = RetrySettings().warn_s
    """The sender hears of the delay after this."""
    expire_s: Seconds = RetrySettings().expire_s
    """Mail that is still here then goes back."""


class MilterSection(Section, frozen=True):
    """One filter: ``[[milters]]``, asked in the order of the file.  See docs/milter.md."""

    name: str
    address: str
    """``inet:host:port`` or ``unix:/path``."""
    doors: tuple[Literal["mx", "submission", "device"], ...] = ("mx", "submission")
    on_failure: Literal["accept", "tempfail", "reject"] = "tempfail"
    """What becomes of mail while it cannot be asked."""
    connect_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    command_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    content_s: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    reuse: bool = False
    """Whether a connection is kept for further messages; not every filter can do that."""


class BlockListSection(Section, frozen=True):
    """DNS lists of clients that send unwanted mail (RFC 5782), asked about other servers' addresses."""

    zones: tuple[str, ...] = ()
    """Whom to ask, "list.example.org"; empty: nobody.  Many lists have terms for whoever asks them often."""
    found: Literal["reject", "quarantine"] = "quarantine"
    """What becomes of a listed client's mail."""
    wait_s: Seconds = 5.0
    """Longest wait for all lists together."""


class ClamavSection(Section, frozen=True):
    """ClamAV's daemon, asked about each message.  See docs/milter.md."""

    address: str = ""
    """``inet:host:port`` or ``unix:/path`` of clamd; empty: nobody is asked."""
    doors: tuple[Literal["mx", "submission", "device"], ...] = ("mx", "submission")
    found: Literal["reject", "quarantine"] = "reject"
    """What becomes of known malware; what may be malware is kept apart."""
    on_failure: Literal["accept", "tempfail"] = "tempfail"
    """What becomes of mail while it cannot be asked."""
    timeout_s: Seconds = 30.0
    """Longest for one message."""
    octets: Annotated[int, msgspec.Meta(gt=0)] = 26_214_400
    """Larger messages are not asked about; clamd's StreamMaxLength has to be as much."""


class DoctorSection(Section, frozen=True):
    """The examination of our domains that runs by itself; each domain's postmaster hears of what has changed."""

    every_h: Annotated[float, msgspec.Meta(ge=0)] = 24.0
    """Hours between two; 0: never."""
    outside: str = "gmail.com"
    """Whose mail servers are asked whether port 25 is open to the world (a connection and a greeting)."""


class ArcSection(Section, frozen=True):
    """``seal``: mail that is sent on, or goes to a list, says sealed what was found when it came.  RFC 8617."""

    seal: bool = False


class ReportsSection(Section, frozen=True):
    """What other servers report of our domains' mail, and we of theirs.  RFC 9990, RFC 8460."""

    address: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "postmaster"
    """Before the @ of the address that takes reports; every domain has a postmaster (RFC 5321 §4.5.1)."""
    keep_days: Annotated[int, msgspec.Meta(ge=30)] = 400
    """How long what they say is kept: a year can be compared with the last one."""
    rows: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    """Different rows kept in all, some 100 octets each; reports beyond are delivered and not counted."""
    send: bool = True
    """Tell the domains that ask for it, once a day, what was judged of their mail and how TLS sessions went."""
    spared: tuple[str, ...] = ()
    """Domains that are never told, whatever they ask for."""
    failures: bool = False
    """Tell domains that ask for it (ruf) of single messages that were not proven, without body, subject and recipients;
    10 an hour each."""


class ExecutiveSection(Section, frozen=True):
    """Somebody in whose name money is asked for: whoever else writes under that name is told apart."""

    name: str
    title: str = ""
    addresses: tuple[str, ...] = ()
    """All that they write from; none: any address here."""


class ThresholdSection(Section, frozen=True):
    """Probabilities, 0 to 1; 0: never.  ``delivery/threat_scan.py: Thresholds`` has the reasons."""

    junk_at: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8
    words_at: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.95
    refuse_at: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class ThreatsSection(ThresholdSection, frozen=True):
    """What mail from elsewhere is after.  docs/threats.md."""

    scan: Literal["on", "off", "auto"] = "auto"
    """"auto": where senders are judged (``auth.senders``), since without that half of the facts is missing."""
    executives: tuple[ExecutiveSection, ...] = ()
    domains: dict[str, ThresholdSection] = {}
    """Thresholds of recipients' domains of ours."""


class StoreSection(Section, frozen=True):
    """Where mail is kept."""

    url: str = "sqlite:"
    retention_days: int = 30
    """How long expunged mail can be restored."""
    flag_sync_ms: int = 1000
    """How long an acknowledged flag change may be on its way to the disk; 0 waits for it."""


class StsSection(Section, frozen=True):
    """What we promise other servers about encryption towards us.  RFC 8461.

    ``mode``: "testing" (they report what fails, and deliver), "enforce" (they deliver to our verified hosts only),
    "none" (the promise is taken back; keep it for ``max_age_s`` after another one) or "off" (nothing is said).
    """

    mode: Literal["off", "none", "testing", "enforce"] = "testing"
    mx: tuple[Annotated[str, msgspec.Meta(pattern=r"^(\*\.)?[A-Za-z0-9.-]+$")], ...] = ()
    """More hosts that take mail for our domains, beside this one; the first label may be ``*``."""
    max_age_s: Annotated[int, msgspec.Meta(ge=86_400, le=31_557_600)] = 604_800
    """How long others keep it.  RFC 8461 §3.2: weeks or greater is best, at most a year."""


class SearchSection(Section, frozen=True):
    """``index``: keep an index of the words of all mail; without it every search reads."""

    index: bool = True


class LogSection(Section, frozen=True):
    """``format`` is "logfmt" or "json"; ``level`` "debug", "info", "warning" or "error"."""

    format: str = "logfmt"
    level: str = "info"


class Settings(Section, frozen=True):
    """Everything an installation can be told."""

    hostname: str = ""
    """Our name in greetings and Received fields; empty: the machine's."""
    language: Literal["en", "fr"] = "en"
    """What comes first in reports to senders; the other language follows."""
    listen: ListenSection = ListenSection()
    tls: TlsSection = TlsSection()
    auth: AuthSection = AuthSection()
    dns: DnsSection = DnsSection()
    relay: RelaySection = RelaySection()
    milters: tuple[MilterSection, ...] = ()
    clamav: ClamavSection = ClamavSection()
    blocklists: BlockListSection = BlockListSection()
    doctor: DoctorSection = DoctorSection()
    reports: ReportsSection = ReportsSection()
    threats: ThreatsSection = ThreatsSection()
    sts: StsSection = StsSection()
    store: StoreSection = StoreSection()
    search: SearchSection = SearchSection()
    log: LogSection = LogSection()
    submission: SubmissionSettings = msgspec.field(default_factory=SubmissionSettings)
    dkim: DkimSettings = DkimSettings()
    arc: ArcSection = ArcSection()
    wishes: WishLimits = WishLimits()
    hijack: HijackSettings = msgspec.field(default_factory=HijackSettings)
    smtp: SmtpSettings = msgspec.field(default_factory=SmtpSettings)
    imap: ImapSettings = msgspec.field(default_factory=ImapSettings)
    pop3: Pop3Settings = msgspec.field(default_factory=Pop3Settings)
    managesieve: ManageSieveSettings = msgspec.field(default_factory=ManageSieveSettings)
    http: HttpSettings = msgspec.field(default_factory=HttpSettings)
    sieve: SieveSettings = msgspec.field(default_factory=SieveSettings)

    @property
    def name(self) -> str:
        """The host name to speak under."""
        return self.hostname or socket.getfqdn()

    @property
    def retry(self) -> RetrySettings:
        """How patient the queue is."""
        relay = self.relay
        return RetrySettings(relay.retry_s, warn_s=relay.warn_s, expire_s=relay.expire_s)


def load(
    file: Path | None, environment: Mapping[str, str], overrides: Iterable[str], base: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from ``base`` (a caller's own defaults), ``file``, ``environment`` and ``key=value`` overrides."""
    values: dict[str, Any] = {}
    _merge(values, base or {})
    if file is not None:
        _merge(values, _read(file))
    for name, text in environment.items():
        path = _environment_path(name)
        if path is not None:
            _put(values, path, text)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise SettingsError(f"--set {override}: expected section.key=value")
        _put(values, tuple(key.split(".")), text)
    _split_lists(values)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from None


def _split_lists(values: dict[str, Any]) -> None:
    """What is a list may be written as one text with commas, for the environment and ``--set``."""
    for section, name in LISTS:
        inside = values.get(section)
        if isinstance(inside, dict) and isinstance(text := inside.get(name), str):
            inside[name] = [part.strip() for part in text.split(",") if part.strip()]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None


def _environment_path(name: str) -> tuple[str, ...] | None:
    """``COURRIEL_STORE_RETENTION_DAYS`` → ("store", "retention_days"); None for names that are not settings."""
    if not name.startswith(ENVIRONMENT_PREFIX):
        return None
    key = name.removeprefix(ENVIRONMENT_PREFIX).lower()
    if key in SECTIONS_WITHOUT_DOT:
        return (key,)
    section, _, field = key.partition("_")
    return (section, field) if section in Settings.__struct_fields__ and field else None


def _put(values: dict[str, Any], path: tuple[str, ...], text: str) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise SettingsError(f"settings: {'.'.join(path)} is not a section")
    values[path[-1]] = text


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
