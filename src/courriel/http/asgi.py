"""The one application of both web doors: which path is whose, and what holds for every request.

Loaded with the first request (``server``): a mail server that nobody asks by HTTP has no web framework in memory.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from courriel.http import client_settings, well_known
from courriel.http.site import Site, host_asked

SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""Nothing here is a page; whoever shows it as one runs nothing in it."""


def application(site: Site) -> ASGIApp:
    """The routes behind the rules for all."""
    app = Starlette(routes=[Route("/.well-known/mta-sts.txt", well_known.mta_sts), *client_settings.ROUTES])
    app.state.site = site
    return Rules(app, site)


class Rules:
    """Host, way (TLS), fields of the answer."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = MutableHeaders(scope=message)
                fields.update(SAFE)
                fields["date"] = formatdate(usegmt=True)  # RFC 9110 §6.6.1
            await send(message)

        await self._chosen(scope)(scope, receive, answer)

    def _chosen(self, scope: Scope) -> ASGIApp:
        asked = host_asked(self._site, Headers(scope=scope).get("host", "").encode("latin-1"))
        if asked is None:
            return PlainTextResponse("not a name of this server\n", 421)  # RFC 9110 §15.5.20
        if scope["scheme"] != "https":
            return self._to_tls(scope, asked.name)
        scope["asked"] = asked
        lowered = scope["path"].lower()
        if lowered.startswith(
            client_settings.AUTODISCOVER_PATH
        ):  # quirk: Outlook writes /Autodiscover/Autodiscover.xml
            scope["path"] = lowered
        return self._app

    def _to_tls(self, scope: Scope, name: str) -> ASGIApp:
        """302 is what Outlook expects of an autodiscover server in clear; the port may be another one tomorrow."""
        port = "" if self._site.https_port == 443 else f":{self._site.https_port}"
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        path = (scope["raw_path"] + query).decode("latin-1")
        return RedirectResponse(f"https://{name}{port}{path if path.startswith('/') else '/'}", 302)
