"""OVHcloud: records with ids, requests signed with three keys, and a refresh that makes the changes visible.

API v1 (eu.api.ovh.com/console, /domain/zone).  The signature is ``$1$`` and the SHA-1 of secret, consumer key, method,
URL, body and time, joined by ``+``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from courriel.base.errors import FormatError
from courriel.net.providers.call import Caller
from courriel.net.providers.writer import Edit, Held, ProviderWriter


def keys_of(token: str) -> tuple[str, str, str]:
    """``application key:application secret:consumer key``.  Raises FormatError."""
    parts = tuple(token.split(":"))
    if len(parts) != 3 or not all(parts):
        raise FormatError("OVH token", 0, "application-key:application-secret:consumer-key")
    return parts[0], parts[1], parts[2]


class Ovh(ProviderWriter):
    """Keys with GET, POST and DELETE below ``/domain/zone/``.  ``now``: POSIX seconds."""

    HOST = "eu.api.ovh.com"

    def __init__(self, call: Caller, token: str, now: Callable[[], float]) -> None:
        self._call = call
        self._application, self._secret, self._consumer = keys_of(token)
        self._now = now

    async def _signed(self, method: str, path: str, value: Any = None) -> Any:
        body = b"" if value is None else json.dumps(value).encode()
        at = str(int(self._now()))
        url = f"https://{self.HOST}{path}"
        signed = "+".join([self._secret, self._consumer, method, url, body.decode(), at])
        fields = {
            "X-Ovh-Application": self._application,
            "X-Ovh-Consumer": self._consumer,
            "X-Ovh-Timestamp": at,
            "X-Ovh-Signature": f"$1${hashlib.sha1(signed.encode()).hexdigest()}",
        }
        return await self._call(method, path, fields, body)

    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        path = f"/1.0/domain/zone/{quote(zone)}/record"
        ids = await self._signed("GET", f"{path}?{urlencode({'fieldType': type, 'subDomain': label})}")
        found = [await self._signed("GET", f"{path}/{int(id)}") for id in ids]
        # A filter for "" is no filter: the zone's own records are those without a label.
        return [Held(_value(each), str(each["id"])) for each in found if (each.get("subDomain") or "") == label]

    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        path = f"/1.0/domain/zone/{quote(zone)}"
        for edit in edits:
            for held in edit.removed:
                await self._signed("DELETE", f"{path}/record/{held.id}")
            for value in edit.added:
                made = {"fieldType": edit.type, "subDomain": edit.label, "target": value, "ttl": ttl_s}
                await self._signed("POST", f"{path}/record", made)
        await self._signed("POST", f"{path}/refresh", {})


def _value(record: dict[str, Any]) -> str:
    target = str(record["target"])
    if record["fieldType"] == "TXT" and not target.startswith('"'):
        return json.dumps(target, ensure_ascii=False)
    return target
