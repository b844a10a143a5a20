"""The companies whose interfaces we speak, by name."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Final

from courriel.base.errors import FormatError
from courriel.net.providers.call import Caller
from courriel.net.providers.cloudflare import Cloudflare
from courriel.net.providers.ovh import Ovh, keys_of
from courriel.net.providers.rrsets import Desec, Gandi, Hetzner
from courriel.ports.zone import ZoneWriter

HOSTS: Final[Mapping[str, str]] = {
    "cloudflare": Cloudflare.HOST,
    "desec": Desec.HOST,
    "gandi": Gandi.HOST,
    "hetzner": Hetzner.HOST,
    "ovh": Ovh.HOST,
}


def open_provider(
    name: str,
    token: str,
    now: Callable[[], float],
    *,
    host: str = "",
    port: int = 443,
    context: ssl.SSLContext | None = None,
) -> ZoneWriter:
    """The writer for zones at ``name``.  ``host`` and what follows are for a server that stands in for the company's.

    Raises FormatError for a name that is not known, or a token that cannot be one.
    """
    if name not in HOSTS:
        raise FormatError("provider", 0, ", ".join(HOSTS))
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise FormatError("token", 0, f"one line, as {name} gives it")
    secrets = keys_of(token) if name == "ovh" else (token,)
    call = Caller(host or HOSTS[name], secrets, port, context)
    makers: dict[str, Callable[[], ZoneWriter]] = {
        "cloudflare": lambda: Cloudflare(call, token),
        "desec": lambda: Desec(call, token),
        "gandi": lambda: Gandi(call, token),
        "hetzner": lambda: Hetzner(call, token),
        "ovh": lambda: Ovh(call, token, now),
    }
    return makers[name]()
