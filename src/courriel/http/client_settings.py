"""Mail programs find our servers: autoconfig (Thunderbird and others) and Autodiscover (Outlook).

Whether an address exists is not said: every address of a domain of ours gets the same answer.
"""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from courriel.base.errors import FormatError
from courriel.formats import autoconfig, autodiscover
from courriel.http.site import Asked, Site, domain_of

AUTODISCOVER_PATH: Final = "/autodiscover/"
XML_PATH: Final = f"{AUTODISCOVER_PATH}autodiscover.xml"
JSON_PATH: Final = f"{AUTODISCOVER_PATH}autodiscover.json"

XML_PROTOCOL: Final = "autodiscoverv1"
"""What the JSON service is asked for by programs that then ask the XML one."""


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


async def thunderbird(request: Request) -> Response:
    """``config-v1.1.xml`` for the address in the query, else for the domain in the host name."""
    site, asked = _site(request), request.scope["asked"]
    address = request.query_params.get("emailaddress", "")
    domain = domain_of(site, address) if address else asked.domain
    if not domain or not site.servers:
        raise HTTPException(404)
    return Response(autoconfig.render(domain, site.servers), media_type=autoconfig.MEDIA_TYPE)


async def outlook(request: Request) -> Response:
    """Autodiscover: settings, or an error in its own terms.  Errors are answered with 200, as the service does."""
    try:
        asked = autodiscover.parse_request(await _body(request, autodiscover.REQUEST_OCTETS))
    except FormatError:
        return _xml(autodiscover.render_error(600, "Invalid Request"))
    if asked.schema and asked.schema != autodiscover.OUTLOOK_SCHEMA:
        return _xml(autodiscover.render_error(601, "Provider is not available"))
    if not domain_of(_site(request), asked.address) or not _site(request).servers:
        return _xml(autodiscover.render_error(500, "The email address can't be found."))
    return _xml(autodiscover.render(asked.address, _site(request).servers))


def _xml(octets: bytes) -> Response:
    return Response(octets, media_type=autodiscover.MEDIA_TYPE)


async def _body(request: Request, limit: int) -> bytes:
    """A body of at most ``limit`` octets; past it 413, and no more is read."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413)
    return body


async def outlook_json(request: Request) -> Response:
    """Where the XML service is; of the others (ActiveSync, REST) there is none."""
    site = _site(request)
    host: Asked = request.scope["asked"]
    address = request.path_params.get("address") or request.query_params.get("email", "")
    address = address or request.query_params.get("Email", "")
    protocol = request.query_params.get("Protocol") or request.query_params.get("protocol", "")
    if not domain_of(site, address):
        return JSONResponse({"ErrorCode": "UserNotFound", "ErrorMessage": "not an address of this server"}, 404)
    if protocol.lower() != XML_PROTOCOL:
        told = {"ErrorCode": "InvalidProtocol", "ErrorMessage": "only AutodiscoverV1 is served here"}
        return JSONResponse(told, 400)
    port = "" if site.https_port == 443 else f":{site.https_port}"
    return JSONResponse({"Protocol": "AutodiscoverV1", "Url": f"https://{host.name}{port}{XML_PATH}"})


ROUTES: Final = (
    Route("/mail/config-v1.1.xml", thunderbird),
    Route("/.well-known/autoconfig/mail/config-v1.1.xml", thunderbird),
    Route(XML_PATH, outlook, methods=["POST"]),
    Route(JSON_PATH, outlook_json),
    Route(f"{JSON_PATH}/v1.0/{{address}}", outlook_json),
)
