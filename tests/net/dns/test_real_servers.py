"""Zones signed by BIND's tools and served by NSD: we and Unbound must think the same of every answer.

NSD is asked as if it were a resolver (it holds all the zones), and Unbound as the resolver it is, once with checking
disabled for us to judge, once for its own judgement: AD, or SERVFAIL where an answer is bogus.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import pytest
from dns.rcode import Rcode

from courriel.base.clock import SystemClock
from courriel.net.dns import DnsSettings, open_resolver
from courriel.ports.resolver import DnsFailure, Status
from tests.net.dns.test_resolver import CASES
from tests.net.dns.tree import MAIL
from tests.trial import free_port

PROGRAMS = ("nsd", "unbound", "dnssec-keygen", "dnssec-signzone")
ABSENT = [program for program in PROGRAMS if shutil.which(program) is None]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {' '.join(ABSENT)}"),
]

HEAD = "$TTL 3600\n@ SOA ns.test. admin.test. 1 3600 600 86400 900\n@ NS ns.test.\n"


@dataclass(frozen=True)
class ZonePlan:
    """``sign``: arguments for dnssec-signzone, None for an unsigned zone."""

    origin: str
    text: str
    algorithm: str = "ECDSAP256SHA256"
    sign: tuple[str, ...] | None = ()
    children: tuple[str, ...] = ()


PAST = ("-s", "20200101000000", "-e", "20200201000000")
# Children before their parents, so that a parent finds the DS sets.
ZONES = (
    ZonePlan("signed.test.", MAIL),
    ZonePlan("hashed.test.", MAIL, "RSASHA256", ("-3", "abcd")),
    ZonePlan("below.optout.test.", MAIL, sign=None),
    ZonePlan("optout.test.", MAIL, "ED25519", ("-3", "-", "-A"), ("below.optout.test.",)),
    ZonePlan("strong.test.", MAIL, "ECDSAP384SHA384"),
    ZonePlan("plain.test.", MAIL, sign=None),
    ZonePlan("expired.test.", MAIL, sign=(*PAST, "-P")),
    ZonePlan("misled.test.", MAIL),
    ZonePlan(
        "test.",
        "ns A 127.0.0.1\n",
        children=tuple(
            f"{name}.test." for name in ("signed", "hashed", "optout", "strong", "plain", "expired", "misled")
        ),
    ),
    ZonePlan(".", "", "RSASHA256", children=("test.",)),
)


class Ground:
    """A directory with the zones, and both servers."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.nsd, self.unbound = free_port(), free_port()
        self.anchor = ""

    def run(self, *command: str) -> str:
        return subprocess.run(command, cwd=self._directory, check=True, capture_output=True, text=True).stdout

    def make(self, plan: ZonePlan) -> Path:
        """The zone's file, signed where it is to be."""
        file = self._directory / (plan.origin.replace(".", "_") + "zone")
        delegations = "".join(f"{child} NS ns.test.\n" for child in plan.children)
        text = HEAD + plan.text + delegations
        if plan.sign is None:
            file.write_text(text)
            return file
        keys = [
            self.run("dnssec-keygen", "-q", "-a", plan.algorithm, *role, plan.origin).strip()
            for role in ((), ("-f", "KSK"))
        ]
        file.write_text(text + "".join((self._directory / f"{key}.key").read_text() for key in keys))
        self.run("dnssec-signzone", "-g", "-o", plan.origin, *plan.sign, file.name, *keys)
        if plan.origin == "misled.test.":  # the parent names another key than the zone has
            other = self.run("dnssec-keygen", "-q", "-a", plan.algorithm, "-f", "KSK", plan.origin).strip()
            ds = self.run("dnssec-dsfromkey", f"{other}.key")
            (self._directory / f"dsset-{plan.origin}").write_text(ds)
        return file.with_name(file.name + ".signed")

    def configure(self, files: dict[str, Path]) -> None:
        here = self._directory
        zones = "".join(f'zone:\n  name: "{origin}"\n  zonefile: "{file}"\n' for origin, file in files.items())
        (here / "nsd.conf").write_text(
            f'server:\n  ip-address: 127.0.0.1@{self.nsd}\n  username: ""\n  chroot: ""\n  pidfile: "{here}/nsd.pid"\n'
            f'  database: ""\n  zonelistfile: "{here}/zone.list"\n  xfrdfile: "{here}/xfrd"\n  xfrdir: "{here}"\n'
            f"  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n{zones}"
        )
        stubs = "".join(
            f'stub-zone:\n  name: "{origin}"\n  stub-addr: 127.0.0.1@{self.nsd}\n  stub-no-cache: no\n'
            for origin in files
        )
        anchors = (here / "dsset-.").read_text()
        (here / "anchor").write_text(anchors)
        self.anchor = anchors.splitlines()[0]
        (here / "unbound.conf").write_text(
            f'server:\n  interface: 127.0.0.1\n  port: {self.unbound}\n  username: ""\n  chroot: ""\n'
            f'  directory: "{here}"\n  pidfile: "{here}/unbound.pid"\n'
            f'  use-syslog: no\n  logfile: "{here}/unbound.log"\n'
            f'  do-not-query-localhost: no\n  trust-anchor-file: "{here}/anchor"\n'
            f'  module-config: "validator iterator"\n'
            f'  local-zone: "test." nodefault\n  num-threads: 1\n  so-reuseport: no\n'
            f"remote-control:\n  control-enable: no\n{stubs}"
        )


def wait_for(port: int) -> None:
    """Until a server on this port answers for the root."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            dns.query.udp(dns.message.make_query(".", "SOA"), "127.0.0.1", port=port, timeout=0.5)
        except Exception:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody answers on port {port}")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    directory = tmp_path_factory.mktemp("zones")
    made = Ground(directory)
    made.configure({plan.origin: made.make(plan) for plan in ZONES})
    servers = [
        subprocess.Popen(["nsd", "-d", "-c", str(directory / "nsd.conf")], stderr=subprocess.DEVNULL),
        subprocess.Popen(["unbound", "-d", "-c", str(directory / "unbound.conf")], stderr=subprocess.DEVNULL),
    ]
    try:
        wait_for(made.nsd)
        wait_for(made.unbound)
        yield made
    finally:
        for server in servers:
            server.terminate()
            server.wait(10)


def thought_of_by_unbound(port: int, kind: str, name: str) -> tuple[str, bool]:
    """Status and security, as Unbound has them."""
    query = dns.message.make_query(name, kind.upper(), want_dnssec=True)
    answer = dns.query.udp_with_fallback(query, "127.0.0.1", port=port, timeout=5)[0]
    if answer.rcode() == Rcode.SERVFAIL:
        return "bogus", False
    status = Status.NO_NAME if answer.rcode() == Rcode.NXDOMAIN else Status.FOUND if answer.answer else Status.NO_DATA
    return status.value, bool(answer.flags & dns.flags.AD)


async def thought_of_by_us(port: int, anchor: str, asked: list[tuple[str, str]]) -> list[tuple[str, bool]]:
    settings = DnsSettings(servers=(f"127.0.0.1:{port}",), anchors=(anchor,))
    resolver = open_resolver(settings, SystemClock())
    thoughts = []
    for kind, name in asked:
        try:
            answer = await getattr(resolver, kind)(name)
            thoughts.append((answer.status.value, answer.secure))
        except DnsFailure as failure:
            assert failure.bogus, (kind, name, str(failure))
            thoughts.append(("bogus", False))
    await resolver.close()
    return thoughts


QUESTIONS = [
    (kind, f"{below}{zone.origin}")
    for zone in ZONES
    if zone.text == MAIL
    for kind, below, *_ in [*CASES, ("mx", "", 0), ("a", "www.", 0), ("a", "alias.", 0), ("a", "empty.", 0)]
]


@pytest.mark.parametrize("server", ["nsd", "unbound"])
def test_we_and_unbound_think_the_same_of_every_answer(ground: Ground, server: str) -> None:
    ours = asyncio.run(thought_of_by_us(getattr(ground, server), ground.anchor, QUESTIONS))
    theirs = [thought_of_by_unbound(ground.unbound, kind, name) for kind, name in QUESTIONS]
    differing = [
        (*question, our, their) for question, our, their in zip(QUESTIONS, ours, theirs, strict=True) if our != their
    ]
    assert differing == []
    assert {thought for thought, _ in ours} == {"found", "no data", "no such name", "bogus"}
    assert {secure for _, secure in ours} == {True, False}
