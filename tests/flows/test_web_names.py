"""The web door is who it says it is, for a domain that was added while the server runs."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.trial import Trial, courriel, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def _get(server: Trial, host: str, path: str) -> bytes:
    """Over TLS with the name checked, as a stranger would."""
    context = ssl.create_default_context(cafile=str(server.ca))
    with (
        socket.create_connection(("127.0.0.1", server.port("https")), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as link,
    ):
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: link.recv(65_536), b""))


def test_names_of_new_domains_are_in_the_certificate_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        for domain in ("courriel.test", "new.test"):
            if domain == "new.test":
                with pytest.raises(ssl.SSLCertVerificationError):
                    _get(server, f"autoconfig.{domain}", "/mail/config-v1.1.xml")
                assert courriel("domain", "add", domain, data=server.data).returncode == 0
            answer = _get(server, f"autoconfig.{domain}", "/mail/config-v1.1.xml")
            assert answer.startswith(b"HTTP/1.1 200") and f'"{domain}"'.encode() in answer
            policy = _get(server, f"mta-sts.{domain}", "/.well-known/mta-sts.txt")
            assert b"version: STSv1" in policy
