"""Trust by address where all clients may seem to come from one."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.app.gateway import BehindGateway, check, gateways
from courriel.model.device import Device

TABLE = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
WIDE, NARROW = Device("wide", ("172.16.0.0/12",), "w@x.org"), Device("narrow", ("172.17.5.0/24",), "n@x.org")


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    file = tmp_path / "route"
    file.write_text(TABLE, "ascii")
    return file


def test_the_kernels_table(routes: Path) -> None:
    assert gateways(routes) == ["172.17.0.1"]
    assert gateways(routes.with_name("none")) == []


def test_only_in_a_container_and_only_for_the_gateway(routes: Path, tmp_path: Path) -> None:
    mark = tmp_path / ".dockerenv"
    check([WIDE], [mark], routes)
    mark.touch()
    check([NARROW], [mark], routes)
    with pytest.raises(BehindGateway, match="device wide is trusted"):
        check([NARROW, WIDE], [mark], routes)
