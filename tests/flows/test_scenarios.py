"""Every text in ``scenarios/``: our server, a DNS server with a signed zone, and peers with habits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.flows.network import Network, inside
from tests.flows.scenario import FAKETIME, Play, Scenario, may_mount
from tests.flows.signed import PROGRAMS

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
ABSENT = [program for program in PROGRAMS if shutil.which(program) is None]

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {' '.join(ABSENT)}"),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(file: Path, tmp_path: Path) -> None:
    scenario = Scenario(file)
    if scenario.needs_clock and not FAKETIME.exists():
        pytest.skip("libfaketime is not installed")
    if scenario.needs_disk and not may_mount():
        pytest.skip("only root can make a small disk")

    def act(network: Network) -> None:
        Play(scenario, network, tmp_path).run()

    inside(act, len(scenario.hosts) + 1)
