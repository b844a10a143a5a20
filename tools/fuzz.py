"""Runs the fuzz targets of tests/fuzz for longer than the test suite does.

    python -m tools.fuzz --seconds 60 --only fuzz_address

A target is a function ``fuzz_*(data: bytes)`` in ``tests/fuzz/test_*.py`` that must return for every input.  Inputs
come from Hypothesis, which shrinks what fails and keeps it in ``.hypothesis`` for the next run.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT: Final = Path(__file__).parent.parent
ROUND: Final = 2_000
"""Examples between two looks at the clock."""
INPUT_OCTETS: Final = 4_096

Target = Callable[[bytes], None]


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzzed_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def targets(only: str) -> Iterator[tuple[str, Target]]:
    sys.path.insert(0, str(ROOT))
    for file in sorted((ROOT / "tests" / "fuzz").glob("test_*.py")):
        for name, value in vars(load(file)).items():
            if name.startswith("fuzz_") and callable(value) and only in name:
                yield name, value


def run(name: str, target: Target, seconds: float) -> bool:
    """Whether the target held."""

    @settings(max_examples=ROUND, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=INPUT_OCTETS) | st.text(max_size=INPUT_OCTETS // 4).map(str.encode))
    def round_of_examples(data: bytes) -> None:
        target(data)

    until, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        try:
            round_of_examples()
        except Exception:
            traceback.print_exc()
            print(f"fuzz: {name} FAILED", flush=True)
            return False
        rounds += 1
    print(f"fuzz: {name} held for {rounds * ROUND} inputs", flush=True)
    return True


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    asked = parser.parse_args(argv)
    held = [run(name, target, asked.seconds) for name, target in targets(asked.only)]
    if not held:
        print("fuzz: no such target")
    return 0 if held and all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
