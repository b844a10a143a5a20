"""``courriel try``: a complete server for this machine alone, ready in a second or two.

No root, no DNS, no settings file; nothing leaves the machine: mail for elsewhere is held in the queue, unless
``--set relay.smart_host=…`` (or another setting of the relay) says where it may go.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from courriel.app.config import ENVIRONMENT_PREFIX
from courriel.app.server import Server
from courriel.base.errors import CourrielError
from courriel.cli.doors import Person, TrialOptions, TrialReport
from courriel.model.directory_refusals import DomainExists
from courriel.ports import administration as do

DOMAIN: Final = "courriel.test"
"""RFC 6761 §6.2: names below ``test`` are nobody's."""

HOST: Final = "127.0.0.1"

STANDARD_PORTS: Final[dict[str, int]] = {
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "pop3": 110,
    "pop3s": 995,
    "imap": 143,
    "imap3": 220,
    "imaps": 993,
    "managesieve": 4190,
    "https": 443,
    "http": 80,
}

OBSERVE: Final = 81
"""Above the base port: beside HTTP."""

PORT_MAX: Final = 65_535


def settings_base(base_port: int, overrides: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """A trial's own defaults, below what ``--set`` says.

    Mail for elsewhere is held until something is said about the relay; senders are judged once ``dns.servers`` says who
    knows about them, those on this machine too.
    """
    listen: dict[str, Any] = {name: base_port + port for name, port in STANDARD_PORTS.items()}
    return {
        "hostname": "localhost",
        "listen": listen | {"host": HOST, "observe": base_port + OBSERVE},
        "relay": {"hold": not _names_relay(overrides, environment)},
        "auth": {"senders": "auto", "trusted_networks": []},
        "log": {"level": "warning"},
        "doctor": {"every_h": 0},
    }


def _names_relay(overrides: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether anything is said about where mail for elsewhere goes."""
    variable = f"{ENVIRONMENT_PREFIX}RELAY_"
    return any(one.startswith("relay.") for one in overrides) or any(name.startswith(variable) for name in environment)


async def prepare(server: Server, options: TrialOptions) -> TrialReport:
    """Make the domain and the people; a person who is there already gets the password anew."""
    home = server.installation
    with contextlib.suppress(DomainExists):
        await home.directory.add_domain(DOMAIN)
        server.domains_changed()
    people = [await _person(server, name, password) for name, password in options.people]
    assert server.doors is not None
    ports = {door.name: door.port for door in server.doors.open if door.port}
    return TrialReport(
        domain=DOMAIN,
        host="localhost",
        ports=ports,
        people=tuple(people),
        ca=str(server.ca or ""),
        data=str(home.data),
        metrics=f"http://{HOST}:{server.metrics_port}/metrics",
    )


async def _person(server: Server, name: str, password: str | None) -> Person:
    address = name if "@" in name else f"{name}@{DOMAIN}"
    secret = password if password is not None else secrets.token_urlsafe(9)
    if server.installation.directory.by_login(address) is None:
        name = name.partition("@")[0].capitalize()
        await server.administration.user_add(do.UserAdd(address, secret, name))
    else:
        await server.administration.user_password(do.UserPassword(address, secret))
    return Person(address, secret)


class BadBasePort(CourrielError):
    """The base port leaves no room for the standard ports above it."""


def check_base_port(base_port: int) -> None:
    """Raises BadBasePort when ``base_port + 4190`` is no port."""
    if not 0 < base_port <= PORT_MAX - max(STANDARD_PORTS.values()):
        raise BadBasePort(f"--base-port {base_port}: take one from 1 to {PORT_MAX - max(STANDARD_PORTS.values())}")
