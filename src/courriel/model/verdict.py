"""What the judges of a message's sender found.  RFC 7208, RFC 6376, RFC 8617, RFC 9989; result words RFC 8601 §2.7."""

from __future__ import annotations

from enum import Enum

import msgspec


class Result(Enum):
    """The result words of Authentication-Results."""

    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfVerdict(msgspec.Struct, frozen=True):
    """May this client send for ``domain``?  ``scope`` is the identity judged: "mfrom" or "helo".  RFC 7208 §2.6.

    ``explanation`` is the domain's own text for a fail (§6.2); ``trace`` how the result came about, line by line.
    """

    result: Result
    domain: str
    scope: str
    explanation: str = ""
    trace: tuple[str, ...] = ()


class DkimVerdict(msgspec.Struct, frozen=True):
    """One signature.  ``testing``: the key says t=y; ``b``: the first 8 or more characters of b= (RFC 6008)."""

    result: Result
    domain: str
    selector: str
    identity: str
    algorithm: str
    reason: str = ""
    testing: bool = False
    b: str = ""


class ArcVerdict(msgspec.Struct, frozen=True):
    """The chain.  ``oldest_pass`` as RFC 8617 §5.2; ``sealers`` are the d= of its seals, oldest first."""

    result: Result
    reason: str = ""
    oldest_pass: int = 0
    sealers: tuple[str, ...] = ()


class DmarcVerdict(msgspec.Struct, frozen=True):
    """``domain`` is the author's; ``policy`` what its owner wants done with failures ("none", "quarantine", "reject",
    "" where nothing was published), ``disposition`` that for this message: "none" unless it failed."""

    result: Result
    domain: str
    policy: str
    disposition: str
    reason: str = ""
    org_domain: str = ""
    spf_aligned: bool = False
    dkim_aligned: bool = False
