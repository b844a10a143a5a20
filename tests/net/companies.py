"""A server that speaks the interfaces of hosting companies as their documents say, with one zone, ``example.org``.

Each class keeps its records in the company's own form; ``values`` gives them all in presentation form.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.net.certificates import make

ZONE = "example.org"
TOKEN = "s3cr3t-t0ken"
KEYS = "application:s3cr3t-t0ken:consumer"
NOW = 1_800_000_000.0

Reply = tuple[int, Any]


class Company:
    """``writes`` counts what changed something."""

    def __init__(self) -> None:
        self.sets: dict[tuple[str, str], list[str]] = {}
        self.writes = 0

    def values(self, label: str, type: str) -> list[str]:
        return self.sets.get((label, type), [])

    def put(self, label: str, type: str, values: list[str]) -> None:
        self.sets[label, type] = values
        self.writes += 1

    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        raise NotImplementedError


class GandiServer(Company):
    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        if fields["Authorization"] != f"Bearer {TOKEN}":
            return 401, {"message": f"bad token {fields['Authorization']}"}
        match = re.fullmatch(rf"/v5/livedns/domains/{ZONE}/records/([^/]+)/([A-Z]+)", path)
        if match is None:
            return 404, {"message": "no such domain"}
        label, type = match[1].replace("@", ""), match[2]
        if method == "PUT":
            self.put(label, type, body["rrset_values"])
            return 201, {"message": "DNS Record Created"}
        found = self.values(label, type)
        if not found:
            return 404, {"message": "Can't find the DNS record"}
        return 200, {"rrset_name": match[1], "rrset_type": type, "rrset_ttl": 3600, "rrset_values": found}


class DesecServer(Company):
    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        if fields["Authorization"] != f"Token {TOKEN}":
            return 401, {"detail": f"Invalid token {fields['Authorization']}."}
        if path != f"/api/v1/domains/{ZONE}/rrsets/":
            return 404, {"detail": "Not found."}
        if method == "PATCH":
            for each in body:
                self.put(each["subname"], each["type"], each["records"])
            return 200, body
        found = self.values(query["subname"], query["type"])
        return 200, [{"subname": query["subname"], "type": query["type"], "records": found}] if found else []


class HetznerServer(Company):
    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        if fields["Authorization"] != f"Bearer {TOKEN}":
            return 401, {"error": {"code": "unauthorized", "message": f"unable to use {fields['Authorization']}"}}
        if method == "POST" and path == f"/v1/zones/{ZONE}/rrsets":
            label = body["name"].replace("@", "")
            if self.values(label, body["type"]):
                return 409, {"error": {"code": "uniqueness_error", "message": "exists"}}
            self.put(label, body["type"], [one["value"] for one in body["records"]])
            return 201, {"rrset": {}, "action": {"status": "running"}}
        match = re.fullmatch(rf"/v1/zones/{ZONE}/rrsets/([^/]+)/([A-Z]+)(/actions/set_records)?", path)
        if match is None:
            return 404, {"error": {"code": "not_found"}}
        label, type = match[1].replace("@", ""), match[2]
        if not self.values(label, type):
            return 404, {"error": {"code": "not_found"}}
        if match[3]:
            self.put(label, type, [one["value"] for one in body["records"]])
            return 201, {"action": {"status": "running"}}
        return 200, {"rrset": {"records": [{"value": value} for value in self.values(label, type)]}}


class CloudflareServer(Company):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, Any]] = {}

    def values(self, label: str, type: str) -> list[str]:
        name = f"{label}.{ZONE}" if label else ZONE
        return [self._shown(one) for one in self.records.values() if (one["name"], one["type"]) == (name, type)]

    @staticmethod
    def _shown(one: dict[str, Any]) -> str:
        if "data" in one:
            return " ".join([str(part) for part in one["data"].values()])
        return f"{one['priority']} {one['content']}" if one["type"] == "MX" else one["content"]

    def put(self, label: str, type: str, values: list[str]) -> None:
        """What is there before: TXT and MX."""
        for value in values:
            priority, _, content = value.rpartition(" ") if type == "MX" else ("", "", value)
            self._keep({"name": f"{label}.{ZONE}" if label else ZONE, "type": type, "content": content.rstrip(".")}
                       | ({"priority": int(priority)} if priority else {}))  # fmt: skip
        self.writes += 1

    def _keep(self, record: dict[str, Any]) -> None:
        data = record.get("data")
        if record["type"] == "SRV" and data:
            record |= {"priority": data["priority"], "content": f"{data['weight']} {data['port']} {data['target']}"}
        if record["type"] == "CAA" and data:
            record["content"] = f'{data["flags"]} {data["tag"]} "{data["value"]}"'
        self.records[f"id{len(self.records)}{self.writes}"] = record

    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        if fields["Authorization"] != f"Bearer {TOKEN}":
            return 403, {"success": False, "errors": [{"message": f"Invalid {fields['Authorization']}"}]}
        if path == "/client/v4/zones":
            return 200, {"success": True, "result": [{"id": "z1", "name": ZONE}] if query["name"] == ZONE else []}
        if path == "/client/v4/zones/z1/dns_records/batch":
            for one in body["deletes"]:
                del self.records[one["id"]]
            for one in body["posts"]:
                self._keep(one)
            self.writes += 1
            return 200, {"success": True, "result": {}}
        found = [
            {"id": id} | record
            for id, record in self.records.items()
            if (record["name"], record["type"]) == (query["name"], query["type"])
        ]
        return 200, {"success": True, "result": found}


class OvhServer(Company):
    """A set without a label is not filtered for: ``subDomain=`` gives every record of the type."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[int, dict[str, Any]] = {}
        self.refreshed = 0

    def values(self, label: str, type: str) -> list[str]:
        found = self.records.values()
        return [one["target"] for one in found if (one["subDomain"], one["fieldType"]) == (label, type)]

    def put(self, label: str, type: str, values: list[str]) -> None:
        for value in values:
            self._keep({"subDomain": label, "fieldType": type, "target": value})

    def _keep(self, record: dict[str, Any]) -> None:
        self.writes += 1
        self.records[100 + self.writes] = record

    def answer(self, method: str, path: str, query: dict[str, str], fields: Any, body: Any) -> Reply:
        text = body if isinstance(body, str) else ""
        asked = "?" + fields["x-test-query"] if fields["x-test-query"] else ""
        signed = "+".join([TOKEN, "consumer", method, f"https://eu.api.ovh.com{path}{asked}", text, str(int(NOW))])
        if fields["X-Ovh-Signature"] != "$1$" + hashlib.sha1(signed.encode()).hexdigest():
            return 403, {"message": f"Invalid signature {fields['X-Ovh-Signature']}"}
        below = path.removeprefix(f"/1.0/domain/zone/{ZONE}")
        value = json.loads(text) if text else None
        if method == "POST" and below == "/record":
            self._keep({"subDomain": "", **value})
            return 200, {"id": 100 + self.writes}
        if method == "POST" and below == "/refresh":
            self.refreshed = self.writes
            return 200, None
        if below == "/record":
            label, type = query["subDomain"], query["fieldType"]
            return 200, [
                id for id, one in self.records.items() if one["fieldType"] == type and label in ("", one["subDomain"])
            ]
        id = int(below.removeprefix("/record/"))
        if method == "DELETE":
            del self.records[id]
            self.writes += 1
            return 200, None
        return 200, {"id": id, "zone": ZONE, **self.records[id]}


COMPANIES: dict[str, type[Company]] = {
    "cloudflare": CloudflareServer,
    "desec": DesecServer,
    "gandi": GandiServer,
    "hetzner": HetznerServer,
    "ovh": OvhServer,
}


class Served:
    """A company on a port of this machine, behind TLS."""

    def __init__(self, directory: Path, company: Company) -> None:
        ending = make("localhost", names=("localhost",))
        chain, key = ending.write(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                parts = urlsplit(self.path)
                query = {name: each[0] for name, each in parse_qs(parts.query, keep_blank_values=True).items()}
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self.headers["x-test-query"] = parts.query
                body = raw if isinstance(company, OvhServer) else json.loads(raw) if raw else None
                status, value = company.answer(self.command, unquote(parts.path), query, self.headers, body)
                octets = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Location", "https://localhost/elsewhere")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.context = ssl.create_default_context(cafile=str(chain))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
