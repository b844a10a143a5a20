"""What the web server tells of this installation: names it answers to, servers of mail programs, our MTA-STS policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from courriel.app.config import Settings
from courriel.app.installation import Installation
from courriel.formats.mail_servers import servers_of
from courriel.formats.mta_sts import Mode, Policy
from courriel.http.site import ROLES, Site


def site_of(home: Installation, ports: Mapping[str, int]) -> Site:
    """``ports`` of the open doors by name.  Domains are asked for anew with each request."""
    settings, directory = home.settings, home.directory
    host = settings.name.lower()
    return Site(
        host,
        lambda name: directory.domain(name) is not None,
        servers_of(host, ports),
        policy_of(settings),
        ports["https"],
    )


def policy_of(settings: Settings) -> Policy | None:
    """What we promise about encryption; None where nothing is said, or there is no web door to say it at."""
    promised = settings.sts
    if promised.mode == "off" or not settings.listen.https:
        return None
    return Policy(Mode(promised.mode), (settings.name.lower(), *promised.mx), promised.max_age_s)


def web_names(settings: Settings, domains: Iterable[str]) -> tuple[str, ...]:
    """Names below our domains that a certificate must have for the web door."""
    return tuple([f"{role}.{domain}" for domain in domains for role in ROLES]) if settings.listen.https else ()
