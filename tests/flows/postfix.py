"""Debian's Postfix with a configuration of its own: one domain into a maildir, another on to a port of this machine."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MASTER = Path("/usr/share/postfix/master.cf.dist")
ETC = Path("/etc/postfix")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
ABSENT = "needs root and Postfix" if os.getuid() or shutil.which("postfix", path=PATH) is None else ""


class Postfix:
    """It takes mail on ``port``: for pf.test into ``maildir``, for courriel.test to port ``onward``."""

    def __init__(self, directory: Path, port: int, onward: int) -> None:
        self.port, self.maildir = port, directory / "mail" / "box"
        self._etc = directory / "etc"
        for name in ("etc", "spool", "data", "mail"):
            (directory / name).mkdir()
        people = pwd.getpwnam("postfix"), pwd.getpwnam("mail")
        os.chown(directory / "data", people[0].pw_uid, people[0].pw_gid)
        os.chown(directory / "mail", people[1].pw_uid, people[1].pw_gid)
        for file in ETC.glob("*.cf"):
            if file.name not in ("main.cf", "master.cf"):
                shutil.copy(file, self._etc)
        if (ETC / "postfix-files").exists():
            shutil.copy(ETC / "postfix-files", self._etc)
        (self._etc / "master.cf").write_text(_services(port))
        (self._etc / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.pf.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
virtual_mailbox_domains = pf.test
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{people[1].pw_uid}
virtual_gid_maps = static:{people[1].pw_gid}
virtual_minimum_uid = 1
relay_domains = courriel.test
transport_maps = inline:{{ {{courriel.test = smtp:[127.0.0.1]:{onward}}} }}
smtp_dns_support_level = disabled
smtp_tls_security_level = may
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtputf8_enable = no
in_flow_delay = 0
maillog_file = {directory}/log
maillog_file_prefixes = /
"""
        )

    def run(self, *words: str) -> None:
        # The daemons keep the output open, so nobody must wait for its end.
        command = ["postfix", "-c", str(self._etc), *words]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PATH": PATH}
        )

    def mails(self) -> list[bytes]:
        return [file.read_bytes() for file in (self.maildir / "new").glob("*")]

    def count(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return len(os.listdir(self.maildir / "new"))  # noqa: PTH208 - some 10,000 names, counted again and again
        return 0


def _services(port: int) -> str:
    lines = []
    for line in MASTER.read_text().splitlines():
        words = line.split()
        if line[:1] in ("#", " ", "\t") or len(words) < 8:
            continue
        words[4] = "n"
        if words[:2] == ["smtp", "inet"]:
            words[0] = f"127.0.0.1:{port}"
        lines.append(" ".join(words))
    if not any(line.startswith("postlog ") for line in lines):
        lines.append("postlog unix-dgram n - n - 1 postlogd")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def postfix(port: int, onward: int) -> Iterator[Postfix]:
    """A running Postfix, as long as the block lasts."""
    directory = Path(tempfile.mkdtemp(prefix="courriel-postfix-", dir="/dev/shm"))
    directory.chmod(0o755)
    try:
        one = Postfix(directory, port, onward)
        one.run("start")
        try:
            _wait_for(port)
            yield one
        finally:
            one.run("stop")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < end, "Postfix does not answer"
        time.sleep(0.05)
