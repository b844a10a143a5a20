"""A real trial server in a process of its own, as a new user would start it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PORTS = (25, 80, 81, 110, 143, 220, 443, 465, 587, 993, 995, 4190)
BASE_PORTS = range(12_000, 28_000, 1_000)
"""Below the ports the system gives to clients: one of theirs could sit on one of the server's."""


class Trial:
    """A running ``courriel try``: what it printed, and its process."""

    def __init__(self, process: subprocess.Popen[bytes], report: dict[str, Any]) -> None:
        self.process = process
        self.report = report

    def port(self, name: str) -> int:
        return int(self.report["ports"][name])

    @property
    def ca(self) -> Path:
        return Path(self.report["ca"])

    @property
    def data(self) -> Path:
        return Path(self.report["data"])


def free_base_port(apart_from: int = 0) -> int:
    """A base above which the ports a trial listens on are free just now; each test worker has bases of its own.

    ``apart_from``: a base that is wanted later.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = BASE_PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % workers :: workers]
    for base in random.sample([base for base in mine if base != apart_from], len(mine) - (apart_from in mine)):
        with suppress(OSError), ExitStack() as stack:
            for port in PORTS:
                door = stack.enter_context(socket.socket())
                door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                door.bind(("127.0.0.1", base + port))
            return base
    pytest.skip("no ports are free")


def free_port() -> int:
    """A port that is free just now for datagrams and connections."""
    while True:
        with socket.socket() as door, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hatch:
            door.bind(("127.0.0.1", 0))
            with suppress(OSError):
                hatch.bind(door.getsockname())
                return int(door.getsockname()[1])


def command(*words: str) -> list[str]:
    """A ``courriel`` command of this tree."""
    return [sys.executable, "-m", "courriel.app.main", *words]


@contextmanager
def running(
    data: Path, *words: str, base_port: int | None = None, env: dict[str, str] | None = None
) -> Iterator[Trial]:
    """``courriel try`` with alice and bob (password "secret"); killed at the end if it still runs."""
    base = base_port if base_port is not None else free_base_port()
    people = ["--person", "alice:secret", "--person", "bob:secret"]
    options = ["--base-port", str(base), "--data", str(data), "--json"]
    log = data.parent / f"{data.name}.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command("try", *people, *options, *words),
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env=os.environ | (env or {}),
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server did not start:\n{log.read_text()[-3000:]}"
        yield Trial(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def courriel(*words: str, data: Path | None = None, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run a ``courriel`` command to its end."""
    where = ["--data", str(data)] if data is not None else []
    return subprocess.run(
        command(*words, *where),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
    )
