"""``config-v1.1.xml``: how Thunderbird and others are told of a domain's servers.  Written only; mua/autoconfig reads.

    <clientConfig version="1.1"><emailProvider id="domain"> domain, displayName, incomingServer…, outgoingServer…

The format is Mozilla's (draft-ietf-mailmaint-autoconfig).  Programs take the first server they can talk to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from courriel.formats.mail_servers import MailServer

MEDIA_TYPE: Final = "application/xml"

USER: Final = "%EMAILADDRESS%"
"""Programs put the whole address in: it is the login here."""


def render(domain: str, servers: Sequence[MailServer]) -> bytes:
    """The file for addresses of ``domain``."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<clientConfig version="1.1">',
        f"  <emailProvider id={quoteattr(domain)}>",
        f"    <domain>{escape(domain)}</domain>",
        f"    <displayName>{escape(domain)}</displayName>",
        f"    <displayShortName>{escape(domain)}</displayShortName>",
        *[line for server in servers for line in _server(server)],
        "  </emailProvider>",
        "</clientConfig>",
        "",
    ]
    return "\n".join(lines).encode()


def _server(server: MailServer) -> list[str]:
    tag = "outgoingServer" if server.protocol == "smtp" else "incomingServer"
    return [
        f'    <{tag} type="{server.protocol}">',
        f"      <hostname>{escape(server.host)}</hostname>",
        f"      <port>{server.port}</port>",
        f"      <socketType>{'SSL' if server.implicit_tls else 'STARTTLS'}</socketType>",
        "      <authentication>password-cleartext</authentication>",
        f"      <username>{USER}</username>",
        f"    </{tag}>",
    ]
