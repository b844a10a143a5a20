"""Knot DNS with empty zones that take signed updates."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import dns.message
import dns.query

PROGRAMS = ("knotd",)
SECRET = base64.b64encode(b"a secret of thirty-two octets...").decode()
KEY = f'key "update" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'


class Knot:
    """One server; ``zones`` begin with nothing but SOA and NS."""

    def __init__(self, directory: Path, port: int, zones: Sequence[str]) -> None:
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._zones = zones
        self._conf = directory / "knot.conf"
        (directory / "db").mkdir(parents=True)
        for zone in zones:
            soa = f"{zone}. 1 SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 1\n{zone}. 1 NS ns.{zone}.\n"
            (directory / f"{zone}.zone").write_text(f"{soa}ns.{zone}. 1 A 127.0.0.1\n")
        listed = "".join([f'  - domain: {zone}\n    file: "{zone}.zone"\n    acl: update\n' for zone in zones])
        self._conf.write_text(
            f'server:\n  rundir: "{directory}"\n  listen: 127.0.0.1@{port}\n'
            f'database:\n  storage: "{directory}/db"\n'
            f"key:\n  - id: update\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
            "acl:\n  - id: update\n    key: update\n    action: update\n"
            f'template:\n  - id: default\n    storage: "{directory}"\nzone:\n{listed}'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(["knotd", "-c", str(self._conf)], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                question = dns.message.make_query(self._zones[-1], "SOA")
                if dns.query.udp(question, "127.0.0.1", port=self._port, timeout=0.5).answer:
                    return
            except Exception:
                pass
            assert time.monotonic() < end, "Knot does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
