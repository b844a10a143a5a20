"""Who connected to the house, when a relay of ours handed the message on."""

from __future__ import annotations

import ipaddress

import pytest

from courriel.delivery.connecting import RELAYS, connecting
from courriel.model.envelope import Client

OURS = [ipaddress.ip_network("198.51.100.0/24"), ipaddress.ip_network("2001:db8:1::/48")]
RELAY = Client("198.51.100.7", 25, helo="relay.example.org")
FROM = (
    "Received: from {helo} ({helo} [{ip}]) by relay.example.org with ESMTPS id 1; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
)


def is_relay(ip: str) -> bool:
    return any(ipaddress.ip_address(ip) in network for network in OURS)


def _header(*hops: tuple[str, str]) -> bytes:
    return ("".join([FROM.format(helo=helo, ip=ip) for helo, ip in hops]) + "Subject: x\r\n\r\n").encode()


@pytest.mark.parametrize(
    ("hops", "found"),
    [
        ([("mx.far.example", "192.0.2.9")], ("192.0.2.9", "mx.far.example")),
        ([("gate.example.org", "198.51.100.8"), ("mx.far.example", "192.0.2.9")], ("192.0.2.9", "mx.far.example")),
        ([("mx.far.example", "192.0.2.9"), ("forged.example", "203.0.113.1")], ("192.0.2.9", "mx.far.example")),
        ([("mx.far.example", "2001:db8:2::9")], ("2001:db8:2::9", "mx.far.example")),
        ([], ("198.51.100.7", "relay.example.org")),
        ([("gate.example.org", "198.51.100.8")] * (RELAYS + 2), ("198.51.100.7", "relay.example.org")),
        ([("nobody", "no address")], ("198.51.100.7", "relay.example.org")),
    ],
)
def test_the_client_at_the_border(hops: list[tuple[str, str]], found: tuple[str, str]) -> None:
    client = connecting(RELAY, _header(*hops), is_relay)
    assert (client.ip, client.helo) == found


def test_a_stranger_is_himself_whatever_he_writes() -> None:
    stranger = Client("192.0.2.66", 9, helo="evil.example")
    assert connecting(stranger, _header(("mx.far.example", "192.0.2.9")), is_relay) is stranger
