"""Which client really handed a message to the house, where relays of ours stood in between.

SPF is about the client at the border (RFC 7208 §2.4).
Received fields are read from the newest on; those are believed that a relay of ours wrote, and the first client among
them that is none of ours is the one.  What stands below was written by strangers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from courriel.formats.header import split_block
from courriel.model.envelope import Client
from courriel.threats.reading.header import hops

RELAYS: Final = 10
"""``auth.relays``: of ours in a row; more are a loop."""


def connecting(client: Client, header: bytes, is_relay: Callable[[str], bool]) -> Client:
    """The client at the border, with the name that it greeted the relay with; ``client`` itself where it is no relay,
    or where its field cannot be read."""
    if not is_relay(client.ip):
        return client
    values = split_block(header).all(b"received")[:RELAYS]
    for hop in hops(tuple([("received", value.decode("utf-8", "replace")) for value in values])):
        if not hop.from_ip:
            return client
        if not is_relay(hop.from_ip):
            return msgspec.structs.replace(client, ip=hop.from_ip, port=0, helo=hop.from_name)
    return client
