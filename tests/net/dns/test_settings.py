"""Servers as people write them, anchors as text, and the servers of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.base.clock import ManualClock
from courriel.base.errors import FormatError
from courriel.net.dns import DnsSettings, open_resolver
from courriel.net.dns.chain import parse_anchors
from courriel.net.dns.settings import ROOT_ANCHORS, Address, parse_server, servers_of

GOOD = [
    ("192.0.2.1", Address("192.0.2.1", 53)),
    (" 192.0.2.1:5353 ", Address("192.0.2.1", 5353)),
    ("2001:db8::1", Address("2001:db8::1", 53)),
    ("[2001:db8::1]", Address("2001:db8::1", 53)),
    ("[2001:db8::1]:5353", Address("2001:db8::1", 5353)),
    ("fe80::1%eth0", Address("fe80::1%eth0", 53)),
]
BAD = ["", "resolver.example", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "[::1", "[::1]5353", "::1:x"]


@pytest.mark.parametrize(("text", "address"), GOOD)
def test_a_server_that_can_be_read(text: str, address: Address) -> None:
    assert parse_server(text) == address


@pytest.mark.parametrize("text", BAD)
def test_a_server_that_cannot(text: str) -> None:
    with pytest.raises(FormatError):
        parse_server(text)


def test_the_machine_says_which_servers_it_has(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\nnameserver nonsense\nnameserver ::1\n"
    )
    assert servers_of(DnsSettings(), file) == (Address("192.0.2.1", 53), Address("::1", 53))
    assert servers_of(DnsSettings(servers=("192.0.2.7",)), file) == (Address("192.0.2.7", 53),)


def test_a_machine_without_servers_asks_itself(tmp_path: Path) -> None:
    assert servers_of(DnsSettings(), tmp_path / "absent") == (Address("127.0.0.1", 53),)


def test_the_anchors_of_the_root_are_the_two_of_iana() -> None:
    (keys,) = parse_anchors(ROOT_ANCHORS).values()
    assert [(ds.key_tag, ds.algorithm, ds.digest_type, len(ds.digest)) for ds in keys] == [
        (20326, 8, 2, 32),
        (38696, 8, 2, 32),
    ]


@pytest.mark.parametrize(
    "text", ["", ".", ". DS 1 2", ". A 192.0.2.1", ". DS 1 5 2 " + "00" * 32, "a..b DS 1 8 2 " + "00" * 32]
)
def test_an_anchor_that_cannot_be_used_is_said_at_once(text: str) -> None:
    with pytest.raises(FormatError):
        open_resolver(DnsSettings(anchors=(text,)), ManualClock())
