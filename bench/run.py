"""Courriel beside Postfix and Dovecot, in one run on one machine, turn by turn.

    python -m bench.run                                   everything, three pairs
    python -m bench.run --only smtp-4k-50,latency --pairs 5
    python -m bench.run --quick --side peer               tries the bench itself

Root (own control groups, a file system in memory).  Everything listens on 127.0.0.1 and is stopped at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import generators
from bench.generators import Figures, LoadFailed
from bench.material import Material
from bench.measure import Disk
from bench.peers import DOMAIN, PASSWORD, Courriel, PostfixDovecot, Server, missing_programs
from bench.report import Results, lines, markdown
from bench.rows import EXPERIMENTS, Bench, Experiment, Sizes

RESULTS: Final = Path(__file__).parent / "results"
PEER_BASE_PORT: Final = 28_000
OWN_BASE_PORT: Final = 27_000
NULL_PORT: Final = 27_999
DISK_OCTETS: Final = 8 << 30
INDEX_S: Final = 600.0
"""Mailboxes that were just filled are measured at rest, as they are on all other days."""
INOTIFY: Final = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED: Final = 20_000
"""With the usual 128, Dovecot's hibernation silently does not happen."""


def options(argv: list[str] | None) -> argparse.Namespace:
    names = ", ".join(experiment.name for experiment in EXPERIMENTS)
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help=f"experiments, comma between: {names}")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes: tries the bench, measures nothing")
    parser.add_argument("--side", choices=("both", "peer", "courriel"), default="both")
    parser.add_argument("--mailbox-format", choices=("mdbox", "maildir"), default="mdbox", help="of Dovecot")
    parser.add_argument("--huge", type=int, default=0, help="messages in the large mailbox (100,000)")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args(argv)


def chosen(only: str) -> list[Experiment]:
    """The experiments asked for; an unknown name ends the program."""
    if not only:
        return list(EXPERIMENTS)
    known = {experiment.name: experiment for experiment in EXPERIMENTS}
    unknown = [name for name in only.split(",") if name not in known]
    if unknown:
        raise SystemExit(f"bench: no experiment {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in only.split(",")]


def machine() -> dict[str, str]:
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ": ?")
    return {
        "processors": str(os.cpu_count()),
        "model": model.partition(":")[2].strip(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "load at the start": " ".join(f"{value:.1f}" for value in os.getloadavg()),
    }


def measure_generators(material: Material, results: Results) -> None:
    """How far the generators go on their own."""
    for name, protocol, program, argv in (
        ("SMTP 4 KB, 50 connections", "smtp", "smtpload", ["-c", 50, "-n", 50_000, "-f", material.small]),
        ("SMTP 4 KB, 1 connection", "smtp", "smtpload", ["-c", 1, "-n", 10_000, "-f", material.small]),
        ("IMAP NOOP, 8 connections", "imap", "imapload", ["-c", 8, "-n", 200_000]),
        ("IMAP NOOP, 1 connection", "imap", "imapload", ["-c", 1, "-n", 50_000]),
    ):
        with generators.held("nullsrv", protocol, NULL_PORT):
            results.generators[name] = generators.run(program, "-p", NULL_PORT, *argv)


def fill(server: Server, bench: Bench) -> None:
    """The 10k and the 100k mailbox, through the server's own front door."""
    for person, count in (("big", bench.sizes.big), ("huge", bench.sizes.huge)):
        began = time.monotonic()
        argv = ["-p", server.doors.imap, "-u", server.login(person), "-w", PASSWORD, "-m", "append"]
        generators.run("imapload", *argv, "-P", bench.material.pack, "-c", 2, "-k", 50, "-n", count)
        say(f"{server.name}: {count} messages for {person} in {time.monotonic() - began:.1f} s")


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def turn(server: Server, experiment: Experiment, bench: Bench) -> Figures | None:
    """One side's turn; a failure is said and leaves a hole in the table, not a hole in the run."""
    try:
        return experiment.measure(server, bench)
    except (LoadFailed, OSError, subprocess.TimeoutExpired) as error:
        say(f"{experiment.name} on {server.name} failed: {error}")
        return None


def run_all(servers: list[Server], experiments: list[Experiment], bench: Bench, pairs: int, results: Results) -> None:
    """Each experiment: peer, Courriel, peer, Courriel …"""
    hibernating = False
    for experiment in experiments:
        if experiment.hibernate != hibernating:
            hibernating = experiment.hibernate
            for server in servers:
                server.stop()
                server.start(hibernate=hibernating)
        for _ in range(pairs):
            peer = own = None
            for server in servers:
                if experiment.alone and not isinstance(server, Courriel):
                    continue
                figures = turn(server, experiment, bench)
                if isinstance(server, Courriel):
                    own = figures
                else:
                    peer = figures
            results.pairs.setdefault(experiment.name, []).append((peer, own))
        summary = [
            f"{line.row.figure} {line.peer or 0:.4g} | {line.ours or 0:.4g}"
            for line in lines(results)
            if line.row.experiment == experiment.name
        ]
        say(f"{experiment.name}: " + ", ".join(summary))


def main(argv: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, _interrupted)
    asked = options(argv)
    experiments = chosen(asked.only)
    if os.getuid() != 0:
        say("needs root: the peers run under their own users")
        return 1
    absent = missing_programs() if asked.side != "courriel" else []
    if absent or shutil.which("gcc") is None:
        say(f"missing: {', '.join(absent) or 'gcc'}; run tools/system_packages.sh bench")
        return 1
    generators.build()
    results = Results(machine=machine())
    sizes = Sizes.quick() if asked.quick else Sizes()
    if asked.huge:
        sizes = Sizes(**(sizes.__dict__ | {"huge": asked.huge}))
    inotify_before = INOTIFY.read_text()
    servers: list[Server] = []
    disks: list[Disk] = []
    with tempfile.TemporaryDirectory(prefix="courriel-bench-", dir="/dev/shm") as scratch:
        bench = Bench(sizes, Material(Path(scratch) / "material"), Path(scratch))
        try:
            INOTIFY.write_text(str(INOTIFY_WANTED))
            measure_generators(bench.material, results)
            if asked.side != "courriel":
                disks.append(Disk.make("peers", DISK_OCTETS))
                servers.append(PostfixDovecot(PEER_BASE_PORT, disks[-1], asked.mailbox_format))
            if asked.side != "peer":
                disks.append(Disk.make("courriel", DISK_OCTETS))
                servers.append(Courriel(OWN_BASE_PORT, disks[-1]))
            prepare(servers, bench, any(experiment.boxes for experiment in experiments), results)
            run_all(servers, experiments, bench, asked.pairs, results)
        except KeyboardInterrupt:
            say("stopped; what was measured so far:")
        finally:
            for server in servers:
                server.close()
            for disk in disks:
                results.notes += disk.notes
                disk.close()
            INOTIFY.write_text(inotify_before)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    results.save(RESULTS / f"{stamp}.json")
    table = markdown(results)
    (RESULTS / f"{stamp}.md").write_text(table)
    print(table)
    say(f"raw figures: {RESULTS / stamp}.json")
    if asked.write_docs:
        write_docs(table, stamp)
    return 0


def _interrupted(number: int, frame: object) -> None:
    """SIGTERM ends the run as ^C does: nothing is left running."""
    raise KeyboardInterrupt


def prepare(servers: list[Server], bench: Bench, boxes: bool, results: Results) -> None:
    """Start everybody; fill the mailboxes where an experiment needs them."""
    for server in servers:
        results.notes.append(f"{server.name}: processor time from {server.processes.kind}, mail domain {DOMAIN}")
        if isinstance(server, Courriel):
            results.absolute["`courriel try` ready, from nothing (s)"] = server.first_start_s()
            results.absolute["memory of the idle server (MB)"] = server.processes.pss_octets() / 1e6
            server.stop()
        server.start(filling=boxes)
        if boxes:
            fill(server, bench)
            server.stop()
            server.start()
            if isinstance(server, Courriel):
                say(f"{server.name}: the words of all that are indexed after {server.wait_indexed(INDEX_S):.1f} s")


def write_docs(table: str, stamp: str) -> None:
    page = Path(__file__).parent.parent / "docs" / "performance.md"
    head, mark, _ = page.read_text().partition("<!-- table -->")
    page.write_text(f"{head}{mark}\n\nRun of {stamp}.\n\n{table}")


if __name__ == "__main__":
    sys.exit(main())
