"""Devices: names, networks that may be trusted, and who is at an address."""

from __future__ import annotations

import pytest

from courriel.base.errors import FormatError
from courriel.model.device import Device, Fleet, NotPrivate, canonical_name, canonical_networks

PRINTER = Device("printer-2", ("192.168.1.0/24",), "printer-2@x.org")
NAS = Device("nas", ("192.168.1.9/32", "fd00::/64"), "nas@x.org")


def test_networks_are_kept_in_one_spelling() -> None:
    assert canonical_networks(["192.168.1.7/24", "192.168.1.0/24", "10.1.2.3", "FD00::1/64"]) == (
        *("192.168.1.0/24", "10.1.2.3/32", "fd00::/64"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0",
        "8.8.8.8",
        "192.168.0.0/15",
        "172.16.0.0/11",
        "::/0",
        "2001:db8::/32",
        "100.64.0.0/10",
        "192.0.2.0/24",
    ],
)
def test_what_strangers_may_have_is_refused(text: str) -> None:
    with pytest.raises(NotPrivate):
        canonical_networks([text])


@pytest.mark.parametrize("texts", [[""], ["192.168.1"], ["printer"], [f"10.0.{n}.0/24" for n in range(21)]])
def test_bad_networks(texts: list[str]) -> None:
    with pytest.raises(FormatError):
        canonical_networks(texts)


def test_names() -> None:
    assert canonical_name(" Printer-2 ") == "printer-2"
    for bad in ("", "-a", "a b", "a" * 64, "é", "a\n"):
        if bad.strip() != "a":
            with pytest.raises(FormatError):
                canonical_name(bad)


def test_the_smallest_network_wins() -> None:
    fleet = Fleet([PRINTER, NAS])
    assert fleet.at("192.168.1.9") == NAS and fleet.at("192.168.1.8") == PRINTER
    assert fleet.at("::ffff:192.168.1.8") == PRINTER and fleet.at("fd00::5%eth0") == NAS
    assert fleet.at("192.168.2.1") is None and fleet.at("") is None and fleet.at("x") is None
    fleet.drop("nas")
    assert fleet.at("192.168.1.9") == PRINTER and fleet.all() == [PRINTER]


def test_who_has_a_login_is_not_trusted_by_address() -> None:
    scanner = Device("scanner", ("192.168.1.9/32",), "scanner@x.org", has_login=True)
    fleet = Fleet([PRINTER, scanner])
    assert fleet.at("192.168.1.9") == PRINTER and fleet.near("::ffff:192.168.1.9") == [scanner]
    assert fleet.near("192.168.1.8") == [] and fleet.near("x") == []
    assert Fleet([scanner]).at("192.168.1.9") is None
