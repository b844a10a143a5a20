"""One JSON request over HTTPS to a host that is named in our code.  RFC 9110; in a thread, for it is rare.

No redirects, no proxies, no cookies: a token goes to the host it is for, and nowhere else.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final

from courriel.net.tls import client_context
from courriel.ports.resolver import DnsFailure
from courriel.ports.zone import ZoneRefused

CALL_S: Final = 20.0
"""``provider.call_s``: patience with one request."""

ANSWER_OCTETS: Final = 4 * 1024 * 1024
"""``provider.answer_octets``: a zone of thousands of records has less."""

TOLD_CHARACTERS: Final = 300
"""Of an error, shown to whoever asked."""


class Caller:
    """Speaks to one host.  ``secrets`` are never in an error, even if the other side repeats them."""

    def __init__(
        self, host: str, secrets: tuple[str, ...], port: int = 443, context: ssl.SSLContext | None = None
    ) -> None:
        self.host = host
        self._port = port
        self._secrets = secrets
        self._context = context

    async def __call__(
        self, method: str, path: str, fields: Mapping[str, str], body: bytes = b"", absent: int = 0
    ) -> Any:
        """The JSON value of a 2xx, None without one or for the status ``absent``.  Raises ZoneRefused, DnsFailure."""
        try:
            status, raw = await asyncio.to_thread(self._call, method, path, fields, body)
        except (OSError, http.client.HTTPException) as error:
            raise DnsFailure(f"{self.host}: {type(error).__name__}") from None
        if status == absent:
            return None
        if not 200 <= status < 300:
            raise ZoneRefused(f"{self.host}: {status} {self._told(raw)}")
        try:
            return json.loads(raw) if raw.strip() else None
        except (ValueError, RecursionError):
            raise ZoneRefused(f"{self.host}: the answer is no JSON") from None

    def _call(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        context = self._context or client_context()
        connection = http.client.HTTPSConnection(self.host, self._port, timeout=CALL_S, context=context)
        try:
            sent = {"Accept": "application/json", "User-Agent": "Courriel", **fields}
            if body:
                sent["Content-Type"] = "application/json"
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            raw = response.read(ANSWER_OCTETS + 1)
            if len(raw) > ANSWER_OCTETS:
                raise http.client.HTTPException("provider.answer_octets")
            return response.status, raw
        finally:
            connection.close()

    def _told(self, raw: bytes) -> str:
        text = " ".join(raw[: 4 * TOLD_CHARACTERS].decode("utf-8", "replace").split())
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return "".join([one for one in text if one.isprintable()])[:TOLD_CHARACTERS]
