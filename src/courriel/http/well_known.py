"""``/.well-known/mta-sts.txt``: what we promise about encryption.  RFC 8461 §3.2, §3.3."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from courriel.formats.mta_sts import render_policy
from courriel.http.site import MTA_STS, Asked, Site


async def mta_sts(request: Request) -> Response:
    """The policy; only at ``mta-sts.`` of a domain of ours, for elsewhere nobody looks for one."""
    site: Site = request.app.state.site
    asked: Asked = request.scope["asked"]
    if asked.role != MTA_STS or site.policy is None:
        raise HTTPException(404)
    return Response(render_policy(site.policy), media_type="text/plain")
