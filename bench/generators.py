"""The load generators in C: built once, run as programs, answering one line of JSON."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SOURCES: Final = HERE / "load"
PROGRAMS: Final = HERE / "bin"
NAMES: Final = ("smtpload", "latency", "imapload", "nullsrv")
PATIENCE_S: Final = 900.0

Figures = dict[str, float]


class LoadFailed(Exception):
    """A generator gave up: what it said."""


def build() -> None:
    """Compile what is older than its source."""
    PROGRAMS.mkdir(exist_ok=True)
    newest_header = (SOURCES / "link.h").stat().st_mtime
    for name in NAMES:
        source, program = SOURCES / f"{name}.c", PROGRAMS / name
        if program.exists() and program.stat().st_mtime > max(source.stat().st_mtime, newest_header):
            continue
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-o", str(program), str(source)]
        subprocess.run([*command, "-lssl", "-lcrypto"], check=True)


def run(name: str, *options: object) -> Figures:
    """Run a generator to its end; LoadFailed with its last words when it gave up."""
    argv = [str(PROGRAMS / name), *map(str, options)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise LoadFailed(f"{' '.join(argv)}: {done.stderr.strip()}")
    figures: Figures = json.loads(done.stdout)
    return figures


@contextmanager
def held(name: str, *options: object) -> Iterator[None]:
    """A program that says "ready" and then stays until the block ends."""
    argv = [str(PROGRAMS / name), *map(str, options)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        if process.stdout.readline().strip() != "ready":
            raise LoadFailed(f"{' '.join(argv)}: {process.stderr.read().strip()}")
        yield
        process.stdin.close()
    finally:
        process.terminate()
        process.wait(60)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def sink(port: int) -> Iterator[None]:
    """Servers on every address of the loopback that take all mail and forget it (Postfix's smtp-sink)."""
    process = subprocess.Popen(
        ["smtp-sink", "-u", "nobody", f"0.0.0.0:{port}", "1024"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.3)
        if process.poll() is not None:
            raise LoadFailed("smtp-sink did not start")
        yield
    finally:
        process.kill()
        process.wait(60)
