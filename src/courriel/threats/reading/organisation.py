"""The name that somebody registered, above a host: by the public suffix list, without a network.

The list (publicsuffix.org, with its private part, so that ``a.github.io`` and ``b.github.io`` are two) comes with
the package ``publicsuffixlist``; it is as new as that package.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from courriel.base.errors import FormatError
from courriel.formats.domain import normalise

HOSTS: Final = 16_384
"""Hosts whose answer is kept."""
HOST_CHARACTERS: Final = 255
"""A longer one is no name of the DNS (RFC 1035 §2.3.4)."""


@cache
def _rules() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=HOSTS)
def host_name(written: str) -> str:
    """A host as it is compared: A-labels, lower case, no final dot; what is no domain is only made lower case."""
    try:
        return normalise(written)
    except FormatError:
        return written.lower().rstrip(".")


@lru_cache(maxsize=HOSTS)
def organisation(host: str) -> str:
    """The registrable domain of a host (lower case, A-labels); "" for an address, a public suffix or one label."""
    if "." not in host or len(host) > HOST_CHARACTERS or host.startswith("[") or host.rpartition(".")[2].isdigit():
        return ""
    return _rules().privatesuffix(host) or ""
