"""From an address to its servers: SRV, the provider's file, the usual names; and whom not to believe."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.mua import autoconfig
from courriel.mua.autoconfig import Endpoint, Servers, Service, find, parse_file
from courriel.net.fetch import FetchFailure
from courriel.ports.resolver import Answer, DnsFailure, Srv, Status

ALICE = "alice@example.org"

FILE = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<clientConfig version="1.1"><emailProvider id="example.org"><domain>example.org</domain>
<incomingServer type="pop3">
<hostname>pop.far.test</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap">
<hostname>x.far.test</hostname><port>143</port><socketType>plain</socketType></incomingServer>
<incomingServer type="imap"><hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.far.test</hostname><port>587</port><socketType>STARTTLS</socketType>
</outgoingServer></emailProvider></clientConfig>"""


class World:
    """A DNS, web servers, and hosts that answer."""

    def __init__(self) -> None:
        self.services: dict[str, Srv] = {}
        self.secure = self.broken = False
        self.files: dict[str, bytes] = {}
        self.hosts: set[tuple[str, int]] = set()
        self.asked: list[str] = []

    async def srv(self, name: str) -> Answer[Srv]:
        if self.broken:
            raise DnsFailure("nobody answers")
        found = self.services.get(name)
        status = Status.FOUND if found else Status.NO_NAME
        return Answer(status, (found,) if found else (), name, self.secure, 60)

    async def get(self, host: str, path: str, limit: int) -> bytes:
        self.asked.append(host)
        if host not in self.files:
            raise FetchFailure(host)
        return self.files[host]

    async def answers(self, endpoint: Endpoint, service: Service) -> bool:
        return (endpoint.host, endpoint.port) in self.hosts

    async def find(self, address: str = ALICE) -> Servers | None:
        return await find(address, self, self.get, self.answers)


async def test_srv_records_come_first(runner: object) -> None:
    world = World()
    world.services = {
        "_imap._tcp.example.org": Srv(0, 0, 143, "old.example.org"),
        "_imaps._tcp.example.org": Srv(0, 0, 993, "in.example.org"),
        "_submission._tcp.example.org": Srv(0, 0, 587, "out.example.org"),
    }
    world.files["autoconfig.example.org"] = FILE
    assert await world.find() == Servers(
        Endpoint("in.example.org", 993, True), Endpoint("out.example.org", 587, False), ALICE, "srv", True
    )


@pytest.mark.parametrize(("secure", "host", "sure"), [
    (False, "mail.far.test", False), (True, "mail.far.test", True), (False, "mail.example.org", True),
    (False, "notexample.org", False), (False, "example.org", True),
])  # fmt: skip
async def test_who_is_believed(runner: object, secure: bool, host: str, sure: bool) -> None:
    """RFC 6186 §6: another domain's server, by the word of a DNS that nobody signed, needs the person's yes."""
    world = World()
    world.secure = secure
    for name in ("_imaps", "_submissions"):
        world.services[f"{name}._tcp.example.org"] = Srv(0, 0, 1, host)
    found = await world.find()
    assert found is not None and found.sure is sure


async def test_a_service_that_is_not_offered(runner: object) -> None:
    world = World()
    world.services["_imaps._tcp.example.org"] = Srv(0, 0, 0, "")
    assert await world.find() is None


async def test_the_file_is_next(runner: object) -> None:
    world = World()
    world.broken = True
    world.files["example.org"] = FILE
    assert await world.find() == Servers(
        Endpoint("imap.example.org", 993, True), Endpoint("smtp.far.test", 587, False), "alice", "file", True
    )
    assert world.asked == ["autoconfig.example.org", "example.org"]


async def test_the_usual_names_are_last(runner: object) -> None:
    world = World()
    world.files["example.org"] = b"<html>welcome</html>"
    assert await world.find() is None
    world.hosts = {("mail.example.org", 993), ("mail.example.org", 587)}
    assert await world.find() == Servers(
        Endpoint("mail.example.org", 993, True), Endpoint("mail.example.org", 587, False), ALICE, "guess", True
    )
    with pytest.raises(FormatError):
        await world.find("example.org")


BAD = [
    b"",
    b"<clientConfig/>",
    FILE.replace(b"SSL", b"plain"),
    FILE.replace(b"993", b"99999999999999999999"),
    FILE.replace(b"993", b"0"),
    FILE.replace(b"<clientConfig", b"<!DOCTYPE x [<!ENTITY a 'b'>]><clientConfig"),
    FILE.replace(b"imap.%EMAILDOMAIN%", b"a b\x00"),
    FILE.replace(b"imap.%EMAILDOMAIN%", b""),
    b"<a>" * 20_000,
    b"x" * (autoconfig.FILE_OCTETS + 1),
    b"<?xml version='1.0' encoding='nonsense'?><a/>",
]


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_files_that_are_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_file(data, ALICE, "alice", "example.org")


@given(st.binary(max_size=300), st.integers(0, len(FILE)))
def test_any_octets_are_a_file_or_an_error_of_ours(data: bytes, at: int) -> None:
    for whole in (data, FILE[:at] + data + FILE[at:]):
        with contextlib.suppress(FormatError):
            parse_file(whole, ALICE, "alice", "example.org")
