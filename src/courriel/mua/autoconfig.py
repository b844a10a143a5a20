"""Which servers an address has its mail at: SRV records, the provider's autoconfig file, then the usual names.

RFC 6186 and RFC 8314 §5.1 (SRV); the file is that of Thunderbird and others, ``config-v1.1.xml``, over HTTPS only.
Nobody but the address's own domain is asked.

The DNS without DNSSEC may be anybody's word: a server outside the domain that only it names is not ``sure``, and the
person is asked before a password goes there (RFC 6186 §6).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol
from urllib.parse import quote

import msgspec

from courriel.base.errors import CourrielError, FormatError, LimitExceeded
from courriel.formats.domain import normalise
from courriel.ports.resolver import DnsFailure, ServiceResolver, Srv

FILE_OCTETS: Final = 65_536
"""``autoconfig.file_octets``: real ones have some 3 KB."""

Service = Literal["imap", "submission"]


class Endpoint(msgspec.Struct, frozen=True):
    """One server.  ``implicit_tls``: TLS from the first octet, else STARTTLS; never without."""

    host: str
    port: int
    implicit_tls: bool


class Servers(msgspec.Struct, frozen=True):
    """What was found, and by what ("srv", "file", "guess").  ``user`` is the name to log in with."""

    imap: Endpoint
    submission: Endpoint
    user: str
    found_by: str
    sure: bool


class Get(Protocol):
    """A small file over HTTPS; raises CourrielError or OSError when there is none."""

    def __call__(self, host: str, path: str, limit: int) -> Awaitable[bytes]: ...


Answers = Callable[[Endpoint, Service], Awaitable[bool]]
"""Whether a server is there, shows a certificate for its name, and speaks the protocol."""

SRV_NAMES: Final[dict[Service, tuple[tuple[str, bool], ...]]] = {
    "imap": (("_imaps._tcp", True), ("_imap._tcp", False)),
    "submission": (("_submissions._tcp", True), ("_submission._tcp", False)),
}
"""TLS from the first octet before STARTTLS.  RFC 8314 §5.1."""

GUESSES: Final[dict[Service, tuple[tuple[str, int, bool], ...]]] = {
    "imap": (("imap.", 993, True), ("mail.", 993, True), ("", 993, True)),
    "submission": (
        ("smtp.", 465, True), ("mail.", 465, True), ("", 465, True), ("smtp.", 587, False), ("mail.", 587, False),
    ),
}  # fmt: skip


async def find(address: str, resolver: ServiceResolver, get: Get, answers: Answers) -> Servers | None:
    """The servers of ``address``, None when nothing is found.  Raises FormatError for what is no address."""
    local, at, domain = address.rpartition("@")
    if not (local and at):
        raise FormatError("address", 0, "no @")
    domain = normalise(domain)
    return (
        await _by_srv(address, domain, resolver)
        or await _by_file(address, local, domain, get)
        or await _by_guess(address, domain, answers)
    )


async def _by_srv(address: str, domain: str, resolver: ServiceResolver) -> Servers | None:
    imap = await _service(domain, "imap", resolver)
    submission = await _service(domain, "submission", resolver) if imap is not None else None
    if imap is None or submission is None:
        return None
    sure = all(secure or _is_within(endpoint.host, domain) for endpoint, secure in (imap, submission))
    return Servers(imap[0], submission[0], address, "srv", sure)


async def _service(domain: str, service: Service, resolver: ServiceResolver) -> tuple[Endpoint, bool] | None:
    """The endpoint, and whether DNSSEC vouches for it."""
    for name, implicit in SRV_NAMES[service]:
        try:
            answer = await resolver.srv(f"{name}.{domain}")
        except DnsFailure:
            return None
        first: Srv | None = next((one for one in answer.records if one.host), None)
        if first is not None:
            return Endpoint(first.host, first.port, implicit), answer.secure
    return None


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


async def _by_file(address: str, local: str, domain: str, get: Get) -> Servers | None:
    asked = quote(address, safe="@")
    for host, path in (
        (f"autoconfig.{domain}", f"/mail/config-v1.1.xml?emailaddress={asked}"),
        (domain, f"/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={asked}"),
    ):
        try:
            return parse_file(await get(host, path, FILE_OCTETS), address, local, domain)
        except (CourrielError, OSError):
            continue
    return None


async def _by_guess(address: str, domain: str, answers: Answers) -> Servers | None:
    imap = await _first("imap", domain, answers)
    submission = await _first("submission", domain, answers) if imap is not None else None
    return None if imap is None or submission is None else Servers(imap, submission, address, "guess", True)


async def _first(service: Service, domain: str, answers: Answers) -> Endpoint | None:
    for prefix, port, implicit in GUESSES[service]:
        endpoint = Endpoint(prefix + domain, port, implicit)
        if await answers(endpoint, service):
            return endpoint
    return None


def parse_file(data: bytes, address: str, local: str, domain: str) -> Servers:
    """``config-v1.1.xml``: the first IMAP and the first SMTP server that have TLS.  Raises FormatError."""
    if len(data) > FILE_OCTETS:
        raise LimitExceeded("autoconfig", FILE_OCTETS, "autoconfig.file_octets")
    if b"<!" in data.replace(b"<!--", b""):  # no file needs a DTD, and entities can be made to grow without end
        raise FormatError("autoconfig", 0, "a document type")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FormatError("autoconfig", -1, str(error)) from None
    names = {"%EMAILADDRESS%": address, "%EMAILLOCALPART%": local, "%EMAILDOMAIN%": domain}
    imap, user = _server(root, "incomingServer", "imap", names)
    submission, _ = _server(root, "outgoingServer", "smtp", names)
    return Servers(imap, submission, user or address, "file", True)


def _server(root: ET.Element, tag: str, kind: str, names: dict[str, str]) -> tuple[Endpoint, str]:
    for one in root.iterfind(f"./emailProvider/{tag}"):
        socket = (one.findtext("socketType") or "").strip().upper()
        port = (one.findtext("port") or "").strip()
        if one.get("type") == kind and socket in ("SSL", "STARTTLS") and port.isascii() and port.isdigit():
            host, user = (one.findtext(field) or "" for field in ("hostname", "username"))
            for name, value in names.items():
                host, user = host.replace(name, value), user.replace(name, value)
            if 0 < int(port[:6]) < 65_536:
                return Endpoint(normalise(host.strip()), int(port), socket == "SSL"), user.strip()
    raise FormatError("autoconfig", -1, f"no {kind} server with TLS")
