"""The servers that are compared: Debian's Postfix with Dovecot, and Courriel.  Loopback only, own directories.

The peers are tuned, since that doubles their rate: Postfix hands eight messages at a time to one LMTP socket, does
not slow its clients and looks up no names; Dovecot caches logins, serves logins from standing processes and stores
mdbox (or maildir).  Both keep their defaults where these say when a message is durable.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench.measure import Disk, Processes

DOMAIN: Final = "courriel.test"
"""The domain of `courriel try`; the peers take the same."""
PASSWORD: Final = "bench-secret"
SINK_PORT: Final = 29_025
"""Where the servers of the world listen, on every address of the loopback."""
CROWD: Final = 100
"""Recipients u0 … u99 of the SMTP rows."""
START_PATIENCE_S: Final = 60.0


@dataclass(frozen=True)
class Doors:
    """Where a server listens, on 127.0.0.1."""

    smtp: int
    imap: int
    imaps: int
    pop3: int
    relay: int
    """Where mail for elsewhere is taken from this machine without a login."""


class Server(Protocol):
    """What the rows need of a server.  Accounts are u0 … and ``big``, ``huge``; see ``login``."""

    name: str
    doors: Doors
    disk: Disk
    processes: Processes

    def start(self, *, filling: bool = False, hibernate: bool = False) -> None: ...

    def stop(self) -> None: ...

    def login(self, person: str) -> str: ...

    def backlog(self) -> int:
        """Messages that were accepted and are not in a mailbox yet."""
        ...

    def flush(self) -> None:
        """Try what waits in the queue now."""
        ...

    def forget(self) -> None:
        """Throw away what waits in the queue."""
        ...

    def restart_s(self) -> float:
        """Stop and start again; the seconds from the start until it is ready."""
        ...

    def close(self) -> None: ...


def wait_for_port(port: int, patience_s: float = START_PATIENCE_S) -> None:
    """Until somebody listens; TimeoutError when nobody does."""
    import socket

    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


def missing_programs() -> list[str]:
    """What the peers need and this machine does not have."""
    return [name for name in ("postfix", "dovecot", "doveadm", "smtp-sink") if shutil.which(name, path=_PATH) is None]


_PATH: Final = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_ENV: Final = os.environ | {"PATH": _PATH}


class PostfixDovecot:
    """Postfix → Dovecot LMTP over a unix socket."""

    name = "postfix+dovecot"

    def __init__(self, base_port: int, disk: Disk, mailbox_format: str = "mdbox") -> None:
        self.doors = Doors(base_port + 25, base_port + 143, base_port + 993, base_port + 110, base_port + 25)
        self.disk = disk
        self.processes = Processes("peers")
        self._format = mailbox_format
        self._postfix = disk.path / "postfix"
        self._dovecot = disk.path / "dovecot"
        self._make()

    def login(self, person: str) -> str:
        return person

    def start(self, *, filling: bool = False, hibernate: bool = False) -> None:
        (self._dovecot / "dovecot.conf").write_text(self._dovecot_settings(filling, hibernate))
        self._launch("dovecot", "-c", str(self._dovecot / "dovecot.conf"))
        wait_for_port(self.doors.imap)
        self._launch("postfix", "-c", str(self._postfix / "etc"), "start")
        wait_for_port(self.doors.smtp)

    def stop(self) -> None:
        for argv in (
            ["postfix", "-c", str(self._postfix / "etc"), "stop"],
            ["doveadm", "-c", str(self._dovecot / "dovecot.conf"), "stop"],
        ):
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=_ENV)
        until = time.monotonic() + 10
        while self.processes.pids() and time.monotonic() < until:
            time.sleep(0.05)

    def backlog(self) -> int:
        count = 0
        for queue in ("maildrop", "incoming", "active", "deferred"):
            for _, _, files in os.walk(self._postfix / "spool" / queue):
                count += len(files)
        return count

    def flush(self) -> None:
        self._launch("postqueue", "-c", str(self._postfix / "etc"), "-f")

    def forget(self) -> None:
        self._launch("postsuper", "-c", str(self._postfix / "etc"), "-d", "ALL")

    def restart_s(self) -> float:
        self.stop()
        began = time.monotonic()
        self.start()
        return time.monotonic() - began

    def close(self) -> None:
        self.stop()
        self.processes.close()

    def _launch(self, *argv: str) -> None:
        # The daemons keep the output open, so it goes to a file: waiting for its end would be waiting for theirs.
        log = self.disk.path / "launch.log"
        with log.open("ab") as out:
            command = self.processes.command(*argv)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, env=_ENV)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {log.read_text()}")
        for pid_file in (self._dovecot / "run/master.pid", self._postfix / "spool/pid/master.pid"):
            if pid_file.exists():
                pid = int(pid_file.read_text())
                if pid not in self.processes.roots:
                    self.processes.roots.append(pid)

    def _make(self) -> None:
        for path in ("etc", "spool", "data"):
            (self._postfix / path).mkdir(parents=True)
        for path in ("run", "state", "mail"):
            (self._dovecot / path).mkdir(parents=True)
        mail, postfix = pwd.getpwnam("mail"), pwd.getpwnam("postfix")
        os.chown(self._dovecot / "mail", mail.pw_uid, mail.pw_gid)
        os.chown(self._postfix / "data", postfix.pw_uid, postfix.pw_gid)
        _make_certificate(self.disk.path)
        people = [f"u{number}" for number in range(CROWD)] + ["big", "huge"]
        (self._dovecot / "users").write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}::::::\n" for name in people))
        self._make_postfix()

    def _make_postfix(self) -> None:
        etc = self._postfix / "etc"
        for name in ("postfix-files", "dynamicmaps.cf"):
            if Path("/etc/postfix", name).exists():
                shutil.copy(Path("/etc/postfix", name), etc)
        for name in ("postfix-files.d", "dynamicmaps.cf.d"):
            if Path("/etc/postfix", name).is_dir():
                shutil.copytree(Path("/etc/postfix", name), etc / name, dirs_exist_ok=True)
        (etc / "master.cf").write_text(self._postfix_services())
        (etc / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self._postfix}/spool
data_directory = {self._postfix}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.{DOMAIN}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = static:all
virtual_transport = lmtp:unix:{self._dovecot}/run/lmtp
smtp_tcp_port = {SINK_PORT}
smtp_dns_support_level = disabled
alias_maps =
alias_database =
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_tls_cert_file = {self.disk.path}/cert.pem
smtpd_tls_key_file = {self.disk.path}/key.pem
smtpd_tls_security_level = may
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_process_limit = 250
lmtp_destination_concurrency_limit = 8
in_flow_delay = 0
message_size_limit = 52428800
maillog_file = {self._postfix}/log
maillog_file_prefixes = /
"""
        )

    def _postfix_services(self) -> str:
        lines = []
        for line in Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            words = line.split()
            if line[:1] in ("#", " ", "\t") or len(words) < 8:
                continue
            words[4] = "n"  # no chroot: the LMTP socket is elsewhere
            if words[0] == "smtp" and words[1] == "inet":
                words[0] = f"127.0.0.1:{self.doors.smtp}"
            lines.append(" ".join(words))
        if not any(line.startswith("postlog ") for line in lines):
            lines.append("postlog unix-dgram n - n - 1 postlogd")
        return "\n".join(lines) + "\n"

    def _dovecot_settings(self, filling: bool, hibernate: bool) -> str:
        home = f"{self._dovecot}/mail/%n"
        return f"""base_dir = {self._dovecot}/run
state_dir = {self._dovecot}/state
log_path = {self._dovecot}/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.disk.path}/cert.pem
ssl_key = <{self.disk.path}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %n
auth_cache_size = 10M
first_valid_uid = 1
first_valid_gid = 1
mail_uid = mail
mail_gid = mail
mail_home = {home}
mail_location = {self._format}:{home}/{self._format}
mail_fsync = {"never" if filling else "optimized"}
mail_max_userip_connections = 20000
default_client_limit = 20000
{"imap_hibernate_timeout = 1s" if hibernate else ""}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {self._dovecot}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {self.doors.imap}
  }}
  inet_listener imaps {{
    port = {self.doors.imaps}
    ssl = yes
  }}
  service_count = 0
  process_min_avail = 2
  vsz_limit = 1G
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.doors.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 12000
  vsz_limit = 1G
  unix_listener imap-master {{
    {"user = dovecot" if hibernate else ""}
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{DOMAIN}
}}
"""


def _make_certificate(directory: Path) -> None:
    """ECDSA P-256, as Courriel makes for itself: the handshake must not decide a row."""
    names = ["-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem"), "-subj", "/CN=localhost"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    subprocess.run(["openssl", "req", "-x509", *curve, *names], check=True, capture_output=True)


class Courriel:
    """``courriel try`` on a directory that is kept between starts."""

    name = "courriel"

    def __init__(self, base_port: int, disk: Disk) -> None:
        self.doors = Doors(base_port + 25, base_port + 143, base_port + 993, base_port + 110, base_port + 26)
        self.disk = disk
        self.processes = Processes("courriel")
        self._base_port = base_port
        self._data = disk.path / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: tuple[str, ...] = ()

    def login(self, person: str) -> str:
        return f"{person}@{DOMAIN}"

    def start(self, *, filling: bool = False, hibernate: bool = False) -> None:
        people = [f"u{number}" for number in range(CROWD)] + ["big", "huge"]
        self._start(self._data, self._words(people))
        if "load" not in self._command("device", "list"):
            self._command("device", "add", "load", "--network", "127.0.0.0/8", "--hourly", "1000000000")

    def _words(self, people: list[str]) -> list[str]:
        words = [word for name in people for word in ("--person", f"{name}:{PASSWORD}")]
        for setting in (f"relay.port={SINK_PORT}", f"listen.devices={self.doors.relay}", *self._settings):
            words += ["--set", setting]
        return words

    def use(self, *settings: str) -> None:
        """Run with these settings, and no others of an experiment's own."""
        if settings != self._settings:
            self._settings = settings
            self.stop()
            self.start()

    def wait_indexed(self, patience_s: float = 120.0) -> float:
        """Seconds until the index of words has everything."""
        began = time.monotonic()
        while any(one["indexed"] < one["bodies"] for one in json.loads(self._command("search", "status", "--json"))):
            if time.monotonic() - began > patience_s:
                raise RuntimeError("the index does not keep up")
        return time.monotonic() - began

    def restart_s(self) -> float:
        self.stop()
        began = time.monotonic()
        self._start(self._data, self._words(["u0"]))  # each person costs the hashing of a password
        return time.monotonic() - began

    def _command(self, *words: str) -> str:
        argv = [str(Path(sys.executable).parent / "courriel"), *words, "--data", str(self._data)]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def first_start_s(self) -> float:
        """Start as a newcomer does, on an empty directory; the seconds until it says that it is ready."""
        began = time.monotonic()
        self._start(self.disk.path / "first", [])
        return time.monotonic() - began

    def _start(self, data: Path, people: list[str]) -> None:
        argv = [str(Path(sys.executable).parent / "courriel"), "try", "--json", "--data", str(data)]
        argv += ["--base-port", str(self._base_port), *people]
        with (self.disk.path / "courriel.log").open("ab") as log:
            self._process = subprocess.Popen(self.processes.command(*argv), stdout=subprocess.PIPE, stderr=log)
        self.processes.roots = [self._process.pid]
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"courriel try ended at once: {(self.disk.path / 'courriel.log').read_text()[-2000:]}")
        json.loads(line)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def backlog(self) -> int:
        """Only what travels on: mail for here is in the mailbox before the 250.  Read without asking the server."""
        with contextlib.closing(sqlite3.connect(f"file:{self._data}/queue.db?mode=ro", uri=True)) as queue:
            return int(queue.execute("SELECT count(*) FROM queue").fetchone()[0])

    def flush(self) -> None:
        self._command("queue", "retry", "--all")

    def forget(self) -> None:
        self._command("queue", "delete", "--all")

    def close(self) -> None:
        self.stop()
        self.processes.close()
