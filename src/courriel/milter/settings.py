"""A filter as the administrator names it, and limits towards filters, each with its unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from courriel.base.errors import FormatError
from courriel.model.envelope import Door

CONNECTIONS: Final = 20
"""``milter.connections``: to one filter at a time; further messages wait for one of them."""

IDLE: Final = 5
"""``milter.idle``: connections kept for messages to come."""

WHOLE_S: Final = 540.0
"""``milter.whole``: longest for one message, however well it progresses: a sender waits ten minutes for the answer to
its dot (RFC 5321 §4.5.3.2.6)."""

CHANGES: Final = 1_000
"""``milter.changes``: changes to one message, pieces of a body not counted."""

BODY_OCTETS: Final = 104_857_600
"""``milter.body_octets``: largest body that replaces another; twice what the doors take by default."""


@dataclass(frozen=True, slots=True)
class MilterSettings:
    """One filter.  ``address``: ``inet:host:port``, ``inet6:[host]:port`` or ``unix:/path``.

    ``on_failure``: what becomes of mail while the filter cannot be asked.  Seconds are the longest waits for a
    connection, for the answer to one command, and for each sign of life after the end of the message.
    """

    name: str
    address: str
    doors: frozenset[Door] = frozenset({Door.MX, Door.SUBMISSION})
    on_failure: str = "tempfail"
    connect_s: float = 10.0
    command_s: float = 30.0
    content_s: float = 300.0
    reuse: bool = False
    """Whether a connection is kept for further messages (QUIT_NC).  OpenDKIM 2.11 does not answer a second one."""

    @property
    def place(self) -> tuple[str, int]:
        """Host and port, or the path of a socket and 0.  Raises FormatError."""
        return parse_address(self.address)


def parse_address(text: str) -> tuple[str, int]:
    """See ``MilterSettings.place``."""
    kind, _, rest = text.partition(":")
    if kind in ("unix", "local") and rest.startswith("/"):
        return rest, 0
    if kind in ("inet", "inet6"):
        host, _, port = rest.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
            return host, int(port)
    raise FormatError("milter address", 0, f"{text}: inet:host:port or unix:/path")
