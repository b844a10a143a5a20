"""One signed zone at the root, with all the names of a story, signed by BIND's tools and served by NSD."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import dns.message
import dns.query

PROGRAMS = ("nsd", "dnssec-keygen", "dnssec-signzone")
HEAD = "$TTL 1\n@ SOA ns.test. admin.test. 1 3600 600 86400 1\n@ NS ns.test.\nns.test. A 127.0.0.1\n"


class Nsd:
    """The server; it can be stopped and started again."""

    def __init__(self, directory: Path, ip: str, port: int, text: str) -> None:
        self._directory, self._ip, self._port = directory, ip, port
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir()
        key = self._run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ".").strip()
        (directory / "root").write_text(HEAD + text + (directory / f"{key}.key").read_text())
        # Valid for long enough that a clock may jump by days.
        self._run("dnssec-signzone", "-z", "-o", ".", "-s", "now-864000", "-e", "now+8640000", "root", key)
        self.anchor = self._run("dnssec-dsfromkey", "-2", f"{key}.key").replace(" IN ", " ").strip()
        (directory / "nsd.conf").write_text(
            f'server:\n  ip-address: {ip}@{port}\n  username: ""\n  chroot: ""\n  pidfile: "{directory}/nsd.pid"\n'
            f'  database: ""\n  zonelistfile: "{directory}/zone.list"\n  xfrdfile: "{directory}/xfrd"\n'
            f'  xfrdir: "{directory}"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n'
            f'zone:\n  name: "."\n  zonefile: "{directory}/root.signed"\n'
        )

    def _run(self, *command: str) -> str:
        return subprocess.run(command, cwd=self._directory, check=True, capture_output=True, text=True).stdout

    @property
    def address(self) -> str:
        return f"{self._ip}:{self._port}"

    def start(self) -> None:
        command = ["nsd", "-d", "-c", str(self._directory / "nsd.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                dns.query.udp(dns.message.make_query(".", "SOA"), self._ip, port=self._port, timeout=0.5)
                return
            except Exception:
                assert time.monotonic() < end, "NSD does not answer"
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
