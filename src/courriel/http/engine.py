"""uvicorn's HTTP/1.1 with the application in it; importing this module imports both."""

from __future__ import annotations

import asyncio

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from courriel.http.asgi import application
from courriel.http.settings import HttpSettings
from courriel.http.site import Site


class Engine:
    """Makes a protocol object for each connection."""

    def __init__(self, site: Site, settings: HttpSettings) -> None:
        self._config = Config(
            application(site),
            http=H11Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=settings.keep_alive_s,
            h11_max_incomplete_event_size=settings.head_octets,
        )
        self._config.load()
        self._state = ServerState()

    def protocol(self, loop: asyncio.AbstractEventLoop) -> H11Protocol:
        return H11Protocol(self._config, self._state, {}, loop)
