"""Changing a zone on its own server: dynamic updates, signed with a shared key.  RFC 2136; TSIG RFC 8945."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import dns.asyncquery
import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import msgspec

from courriel.base.errors import FormatError
from courriel.formats.zone_file import quoted
from courriel.net.dns.settings import Address
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import ZoneChange, ZoneRefused, ZoneWriter

UPDATE_S: Final = 10.0
"""``zone.update_s``: patience with the server for one message."""

_KEY_FILE: Final = re.compile(
    r'key:?\s+"?(?P<name>[\w.-]+)"?\s*\{.*?algorithm\s+"?(?P<algorithm>[\w.-]+)"?\s*;'
    r'.*?secret\s+"?(?P<secret>[A-Za-z0-9+/=]+)"?\s*;',
    re.DOTALL,
)
_KEY_LINE: Final = re.compile(r"(?P<algorithm>hmac-[\w-]+):(?P<name>[\w.-]+):(?P<secret>[A-Za-z0-9+/=]+)")


class UpdateKey(msgspec.Struct, frozen=True):
    """A key shared with a server; ``secret`` is base64 and never shown."""

    name: str
    algorithm: str
    secret: str

    def __repr__(self) -> str:
        return f"UpdateKey({self.name!r}, {self.algorithm!r})"


def parse_key(text: str) -> UpdateKey:
    """A key as ``tsig-keygen`` writes it (``key "name" { algorithm …; secret "…"; };``), or ``algorithm:name:secret``.
    Raises FormatError."""
    match = _KEY_FILE.search(text) or _KEY_LINE.search(text)
    if match is None:
        raise FormatError("TSIG key", 0, 'key "name" { algorithm …; secret "…"; };')
    return UpdateKey(match["name"], match["algorithm"].lower(), match["secret"])


class DynamicUpdates(ZoneWriter):
    """Updates over TCP: they may be long, and an answer from a forged address is then none."""

    def __init__(self, server: Address, key: UpdateKey | None) -> None:
        self._server = server
        self._key = key

    async def change(self, zone: str, changes: Sequence[ZoneChange], ttl_s: int) -> None:
        message = self._message(zone, changes, ttl_s)
        try:
            answer = await dns.asyncquery.tcp(message, self._server.ip, UPDATE_S, self._server.port)
        except dns.tsig.PeerError as error:
            raise ZoneRefused(f"{self._server.ip}: {type(error).__name__}") from None
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise DnsFailure(f"{self._server.ip}: {error or type(error).__name__}") from None
        if answer.rcode() != dns.rcode.NOERROR:
            raise ZoneRefused(f"{self._server.ip}: {dns.rcode.to_text(answer.rcode())}")

    def _message(self, zone: str, changes: Sequence[ZoneChange], ttl_s: int) -> dns.update.UpdateMessage:
        """RFC 2136 §2.5: values to delete carry class NONE, so that other records of the set stay."""
        key = self._key
        ring = None if key is None else dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
        message = dns.update.UpdateMessage(
            zone, keyring=ring, keyname=None if key is None else dns.name.from_text(key.name)
        )
        for change in changes:
            name = dns.name.from_text(change.name)
            for value in change.remove:
                message.delete(name, _rdata(change.type, value))
            for value in change.add:
                message.add(name, ttl_s, _rdata(change.type, value))
        return message


def _rdata(type: str, value: str) -> dns.rdata.Rdata:
    text = quoted(value) if type == "TXT" else value
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(type), text)
