"""Cloudflare: records with ids; numbers of MX, SRV, CAA and TLSA in fields of their own; names without a final dot.

API v4 (developers.cloudflare.com/api, DNS records).  All edits go in one batch, which is done whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from courriel.net.providers.call import Caller
from courriel.net.providers.writer import Edit, Held, ProviderWriter
from courriel.ports.zone import ZoneRefused

PER_PAGE = 1_000
"""Records of one name and type asked for; a set has a few."""


class Cloudflare(ProviderWriter):
    """An API token with Zone.DNS: Edit for the zone."""

    HOST = "api.cloudflare.com"

    def __init__(self, call: Caller, token: str) -> None:
        self._call = call
        self._fields = {"Authorization": f"Bearer {token}"}
        self._zone_ids: dict[str, str] = {}

    async def _records_path(self, zone: str) -> str:
        if zone not in self._zone_ids:
            found = await self._call("GET", f"/client/v4/zones?{urlencode({'name': zone})}", self._fields)
            if not found["result"]:
                raise ZoneRefused(f"{self.HOST}: the token sees no zone {zone}")
            self._zone_ids[zone] = found["result"][0]["id"]
        return f"/client/v4/zones/{self._zone_ids[zone]}/dns_records"

    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        asked = urlencode({"name": _full(zone, label), "type": type, "per_page": PER_PAGE})
        found = await self._call("GET", f"{await self._records_path(zone)}?{asked}", self._fields)
        return [Held(_value(each), each["id"]) for each in found["result"]]

    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        batch = {
            "deletes": [{"id": held.id} for edit in edits for held in edit.removed],
            "posts": [_record(zone, edit, value, ttl_s) for edit in edits for value in edit.added],
        }
        await self._call("POST", f"{await self._records_path(zone)}/batch", self._fields, json.dumps(batch).encode())


def _full(zone: str, label: str) -> str:
    return f"{label}.{zone}" if label else zone


def _value(record: dict[str, Any]) -> str:
    """Presentation form of what stands there."""
    content, kind = str(record["content"]), record["type"]
    if kind in ("MX", "SRV"):
        return f"{record['priority']} {content.rstrip('.')}."
    if kind == "TXT" and not content.startswith('"'):
        return json.dumps(content, ensure_ascii=False)
    return f"{content.rstrip('.')}." if kind in ("CNAME", "PTR") else content


def _record(zone: str, edit: Edit, value: str, ttl_s: int) -> dict[str, Any]:
    """``proxied`` would put another address in the place of ours."""
    made: dict[str, Any] = {"name": _full(zone, edit.label), "type": edit.type, "ttl": ttl_s}
    words = value.split()
    if edit.type in ("A", "AAAA", "CNAME"):
        return made | {"content": value.rstrip("."), "proxied": False}
    if edit.type == "MX":
        return made | {"content": words[1].rstrip("."), "priority": int(words[0])}
    if edit.type == "SRV":
        priority, weight, port = map(int, words[:3])
        target = words[3].rstrip(".")
        return made | {"data": {"priority": priority, "weight": weight, "port": port, "target": target}}
    if edit.type == "CAA":
        return made | {"data": {"flags": int(words[0]), "tag": words[1], "value": words[2].strip('"')}}
    if edit.type == "TLSA":
        usage, selector, matching = map(int, words[:3])
        data = {"usage": usage, "selector": selector, "matching_type": matching, "certificate": words[3]}
        return made | {"data": data}
    return made | {"content": value}
