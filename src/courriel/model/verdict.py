"""What checks of a message's origin found, in the words of RFC 8601 §2.7.  Values only; who judges is ``mailauth``."""

from __future__ import annotations

from enum import Enum

import msgspec


class Result(Enum):
    """The result of one check, as it stands in Authentication-Results."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfVerdict(msgspec.Struct, frozen=True):
    """RFC 7208 §2.6.  ``scope`` is "mfrom" or "helo"."""

    result: Result
    domain: str
    scope: str
    explanation: str = ""
    trace: tuple[str, ...] = ()


class DkimVerdict(msgspec.Struct, frozen=True):
    """One signature.  RFC 6376 §6.  ``b`` holds the first octets (8 or more) of its b= tag (RFC 6008)."""

    result: Result
    domain: str
    selector: str
    identity: str
    algorithm: str
    reason: str = ""
    testing: bool = False
    b: str = ""


class ArcVerdict(msgspec.Struct, frozen=True):
    """A chain.  RFC 8617 §5.2.  ``sealers`` are the domains, first to last."""

    result: Result
    reason: str = ""
    oldest_pass: int = 0
    sealers: tuple[str, ...] = ()


class DmarcVerdict(msgspec.Struct, frozen=True):
    """RFC 9989 §5.3.  ``domain`` is that of From, ``org_domain`` the organizational domain above it, ``record`` the one
    whose policy it is ("" without any); ``rua`` are the addresses that want reports of it, ``ruf`` those that want to
    hear of single failures, ``fo`` of which ones."""

    result: Result
    domain: str
    policy: str
    disposition: str
    reason: str = ""
    org_domain: str = ""
    spf_aligned: bool = False
    dkim_aligned: bool = False
    record: str = ""
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    fo: tuple[str, ...] = ()
