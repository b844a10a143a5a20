"""Debian's Dovecot as another provider's IMAP server: one account, on ports of its own.  Needs root."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from courriel.net.tls import private_authority

DOVECOT = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")

CONFIG = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
default_internal_user = dovecot
default_login_user = dovenull
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = plain
mail_location = {mail}:{home}/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 0
first_valid_gid = 0
mail_fsync = never
mail_max_userip_connections = 50
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={home}/home
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox "Gesendete Objekte" {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox Papierkorb {{
    special_use = \\Trash
    auto = create
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


@dataclass(frozen=True)
class OldServer:
    """A running Dovecot; any user, password "secret"."""

    home: Path
    imap: int
    imaps: int
    pop3: int
    ca: Path


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]


@contextlib.contextmanager
def old_server(mail: str = "mdbox", prefix: str = "", separator: str = "/") -> Iterator[OldServer]:
    """Started, and stopped at the end.  In a directory of its own, which Dovecot's own users may enter."""
    if DOVECOT is None or os.geteuid() != 0:
        pytest.skip("needs Dovecot, and root to start it")
    with tempfile.TemporaryDirectory(prefix="old-server-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        home.chmod(0o755)
        with _running(home, mail, prefix, separator) as server:
            yield server


@contextlib.contextmanager
def _running(home: Path, mail: str, prefix: str, separator: str) -> Iterator[OldServer]:
    for name in ("run", "state", "mail", "home"):
        (home / name).mkdir()
    for name in ("mail", "home"):
        shutil.chown(home / name, "mail", "mail")
    made = private_authority(home / "tls", ("localhost", "127.0.0.1"), datetime.datetime.now(datetime.UTC))
    imap, imaps, pop3 = _free_ports(3)
    config = home / "dovecot.conf"
    config.write_text(
        CONFIG.format(
            home=home, mail=mail, prefix=prefix, separator=separator, imap=imap, imaps=imaps, pop3=pop3,
            certificate=made.server.certificate, key=made.server.key,
        )
    )  # fmt: skip
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", imap), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    log = home / "log"
                    raise AssertionError(log.read_text() if log.exists() else "Dovecot did not start") from None
                time.sleep(0.05)
        yield OldServer(home, imap, imaps, pop3, made.ca)
    finally:
        process.terminate()
        process.wait(20)
