"""uvicorn's HTTP/1.1 with the application in it; importing this module imports both."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from courriel.http.asgi import application
from courriel.http.settings import HttpSettings
from courriel.http.site import Site


class FewFields(h11.Connection):
    """Heads of at most ``fields`` lines: h11 takes 3 µs for each, and 16 KB can hold thousands.  RFC 6585 §5."""

    def __init__(self, fields: int, octets: int) -> None:
        super().__init__(h11.SERVER, octets)
        self._fields = fields

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state is h11.IDLE:
            head = self.trailing_data[0].partition(b"\r\n\r\n")[0]
            if head.count(b"\n") > self._fields:
                raise h11.RemoteProtocolError("too many fields", error_status_hint=431)
        return super().next_event()


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
        self._settings = settings

    def protocol(self, loop: asyncio.AbstractEventLoop) -> H11Protocol:
        made = H11Protocol(self._config, self._state, {}, loop)
        made.conn = FewFields(self._settings.head_fields, self._settings.head_octets)
        return made
