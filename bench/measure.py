"""What is measured around a run: processor time, memory, octets to the disk, syncs.

The processor time of a whole server (all its processes, also those that came and went) is the figure that holds on
a busy machine.  It comes from a control group of its own where the kernel lets us make one (v1 ``cpuacct``, v2
``cpu.stat``), else from ``/proc`` by walking the tree below the server's first process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CGROUP_V1: Final = Path("/sys/fs/cgroup/cpuacct")
CGROUP_V2: Final = Path("/sys/fs/cgroup")
RAM: Final = Path("/dev/shm")
SECTOR_OCTETS: Final = 512
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SYNC_CALLS: Final = ("fsync", "fdatasync", "sync_file_range", "msync")


class Processes:
    """One server's processes, however many: started by ``command``, counted by group or by tree."""

    def __init__(self, name: str) -> None:
        self.name = f"courriel-bench-{os.getpid()}-{name}"
        self.roots: list[int] = []
        self._group = _make_group(self.name)

    @property
    def kind(self) -> str:
        return "cgroup" if self._group else "/proc"

    def command(self, *argv: str) -> list[str]:
        """The command that runs ``argv`` inside the group."""
        if self._group is None:
            return list(argv)
        return ["/bin/sh", "-c", f'echo $$ > {self._group}/cgroup.procs; exec "$@"', "sh", *argv]

    def cpu_s(self) -> float:
        if self._group is None:
            return sum(_tree_cpu_s(root) for root in self.roots)
        usage = self._group / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        line = (self._group / "cpu.stat").read_text().splitlines()[0]
        return int(line.split()[1]) / 1e6

    def pids(self) -> list[int]:
        if self._group is None:
            return [pid for root in self.roots for pid in _tree(root)]
        return [int(pid) for pid in (self._group / "cgroup.procs").read_text().split()]

    def pss_octets(self) -> int:
        """Memory: each page counted once, shared ones divided among those who share them."""
        return sum(_pss_octets(pid) for pid in self.pids())

    def close(self) -> None:
        """End what is still there, and the group."""
        for _ in range(50):
            alive = self.pids()
            for pid in alive:
                _end(pid)
            if not alive:
                break
            time.sleep(0.1)
        if self._group is not None:
            try:
                self._group.rmdir()
            except OSError as error:
                print(f"bench: {self._group} stays behind: {error.strerror}")


def _make_group(name: str) -> Path | None:
    for root, file in ((CGROUP_V1, "cpuacct.usage"), (CGROUP_V2, "cpu.stat")):
        if (root / "cgroup.procs").exists():
            try:
                (root / name).mkdir()
            except OSError:
                continue
            if (root / name / file).exists():
                return root / name
            (root / name).rmdir()
    return None


def _end(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return [pid for pid in found if Path(f"/proc/{pid}").exists()]


def _tree_cpu_s(root: int) -> float:
    """Own time and that of children already waited for, over all that live."""
    total = 0
    for pid in _tree(root):
        try:
            total += sum(int(ticks) for ticks in _stat(pid)[11:15])
        except OSError:
            continue
    return total / TICKS_PER_S


def _pss_octets(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


@dataclass
class Disk:
    """A directory to serve from.  On ext4 in a loop file in memory every sync takes its real way, and the octets
    that reach the device are counted; where that cannot be made it is a directory in memory, and they are not."""

    path: Path
    device: str | None = None
    image: Path | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, name: str, size_octets: int) -> Disk:
        path = Path(f"/tmp/courriel-bench-{os.getpid()}-{name}")
        path.mkdir(mode=0o755)
        image = RAM / f"courriel-bench-{os.getpid()}-{name}.img"
        try:
            with image.open("wb") as file:
                file.truncate(size_octets)
            _run("mkfs.ext4", "-q", "-F", str(image))
            device = _run("losetup", "--find", "--show", str(image)).strip()
            _run("mount", device, str(path))
        except (OSError, subprocess.CalledProcessError) as error:
            image.unlink(missing_ok=True)
            path.rmdir()
            path = RAM / path.name
            path.mkdir(mode=0o755)
            return cls(path, notes=[f"{name}: no loop device ({error}); a directory in memory, syncs cost nothing"])
        path.chmod(0o755)
        return cls(path, device, image)

    def written_octets(self) -> int | None:
        """Octets written to the device so far, after all that is still under way."""
        if self.device is None:
            return None
        handle = os.open(self.path, os.O_RDONLY)
        try:
            _run("sync", "-f", str(self.path))
        finally:
            os.close(handle)
        fields = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        return int(fields[6]) * SECTOR_OCTETS

    def close(self) -> None:
        if self.device is None:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        _run("umount", "-l", str(self.path))
        _run("losetup", "-d", self.device)
        self.path.rmdir()
        if self.image is not None:
            self.image.unlink()


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextmanager
def syncs_counted(pids: list[int], log: Path) -> Iterator[None]:
    """Trace these processes and all they start; ``count_syncs`` reads the log afterwards."""
    argv = ["strace", "-f", "-q", "-e", "trace=" + ",".join(SYNC_CALLS), "-o", str(log)]
    for pid in pids:
        argv += ["-p", str(pid)]
    tracer = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_traced(pids)
        yield
    finally:
        tracer.terminate()
        tracer.wait(20)


def _wait_traced(pids: list[int], patience_s: float = 10.0) -> None:
    until = time.monotonic() + patience_s
    for pid in pids:
        while time.monotonic() < until:
            try:
                if "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text():
                    break
            except OSError:
                break
            time.sleep(0.02)


def count_syncs(log: Path) -> int:
    """Syncs begun; the second half of an interrupted line ("resumed") is the same call."""
    begun = re.compile(rb"^\d+ +(?:%s)\(" % "|".join(SYNC_CALLS).encode(), re.MULTILINE)
    return len(begun.findall(log.read_bytes()))
