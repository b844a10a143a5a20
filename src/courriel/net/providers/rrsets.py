"""Interfaces that take whole sets of values in presentation form: Gandi, deSEC, Hetzner.

Gandi LiveDNS v5 (api.gandi.net/docs/livedns), deSEC (desec.readthedocs.io, RRsets), Hetzner Cloud DNS
(docs.hetzner.cloud, Zone RRSets).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from courriel.net.providers.call import Caller
from courriel.net.providers.writer import Edit, Held, ProviderWriter

NOT_FOUND = 404


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


class Gandi(ProviderWriter):
    """A personal access token with the right to manage the domain's technical configuration."""

    HOST = "api.gandi.net"

    def __init__(self, call: Caller, token: str) -> None:
        self._call = call
        self._fields = {"Authorization": f"Bearer {token}"}

    def _path(self, zone: str, label: str, type: str) -> str:
        return f"/v5/livedns/domains/{quote(zone)}/records/{quote(label or '@')}/{type}"

    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        found = await self._call("GET", self._path(zone, label, type), self._fields, absent=NOT_FOUND)
        return [Held(value) for value in (found or {}).get("rrset_values", ())]

    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        for edit in edits:
            body = _json({"rrset_values": edit.values, "rrset_ttl": ttl_s})
            await self._call("PUT", self._path(zone, edit.label, edit.type), self._fields, body)


class Desec(ProviderWriter):
    """A token that may write the domain's RRsets.  All edits go in one request, which is done whole or not at all."""

    HOST = "desec.io"

    def __init__(self, call: Caller, token: str) -> None:
        self._call = call
        self._fields = {"Authorization": f"Token {token}"}

    def _path(self, zone: str) -> str:
        return f"/api/v1/domains/{quote(zone)}/rrsets/"

    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        asked = urlencode({"subname": label, "type": type})
        found = await self._call("GET", f"{self._path(zone)}?{asked}", self._fields)
        return [Held(value) for each in found or () for value in each["records"]]

    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        sets = [{"subname": one.label, "type": one.type, "ttl": ttl_s, "records": one.values} for one in edits]
        await self._call("PATCH", self._path(zone), self._fields, _json(sets))


class Hetzner(ProviderWriter):
    """A token of the project that has the zone, with the right to write."""

    HOST = "api.hetzner.cloud"

    def __init__(self, call: Caller, token: str) -> None:
        self._call = call
        self._fields = {"Authorization": f"Bearer {token}"}

    def _path(self, zone: str, label: str, type: str) -> str:
        return f"/v1/zones/{quote(zone)}/rrsets/{quote(label or '@')}/{type}"

    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        found = await self._call("GET", self._path(zone, label, type), self._fields, absent=NOT_FOUND)
        return [Held(each["value"]) for each in (found or {}).get("rrset", {}).get("records", ())]

    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        """A set that is there is given other records; its TTL stays."""
        for edit in edits:
            records = [{"value": value} for value in edit.values]
            if edit.kept or edit.removed:
                path = f"{self._path(zone, edit.label, edit.type)}/actions/set_records"
                await self._call("POST", path, self._fields, _json({"records": records}))
            else:
                made = {"name": edit.label or "@", "type": edit.type, "ttl": ttl_s, "records": records}
                await self._call("POST", f"/v1/zones/{quote(zone)}/rrsets", self._fields, _json(made))
