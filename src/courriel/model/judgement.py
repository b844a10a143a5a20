"""All that was found out about who sent a message, and what is done with it."""

from __future__ import annotations

from enum import Enum

import msgspec

from courriel.model.verdict import ArcVerdict, DkimVerdict, DmarcVerdict, Result, SpfVerdict


class Iprev(msgspec.Struct, frozen=True):
    """Whether the client's address has a name that leads back to it (``name``).  RFC 8601 §3."""

    result: Result
    ip: str
    name: str = ""


class Origin(msgspec.Struct, frozen=True):
    """What the connection and MAIL FROM say.  ``spf`` is of MAIL FROM, or of HELO for the null reverse-path; ``helo``
    is there where the two differ."""

    spf: SpfVerdict
    helo: SpfVerdict | None
    iprev: Iprev


class DkimFindings(msgspec.Struct, frozen=True):
    """One verdict a signature, in the order of the header; ``arc`` None: no chain; ``dkim2`` of its last hop, None
    where there is none or nobody looked."""

    signatures: tuple[DkimVerdict, ...] = ()
    arc: ArcVerdict | None = None
    dkim2: DkimVerdict | None = None


class Judgement(msgspec.Struct, frozen=True):
    """The verdicts on one message."""

    origin: Origin
    dkim: DkimFindings
    dmarc: DmarcVerdict

    def proves(self, domain: str) -> bool:
        """Whether mail back to this domain of a reverse-path reaches who sent the message: SPF, or a signature of the
        domain, of one above or below it."""
        spf, wanted = self.origin.spf, domain.lower()
        if spf.result is Result.PASS and spf.scope == "mfrom":
            return True
        signers = [
            one.domain.lower() for one in self.dkim.signatures if one.result is Result.PASS and "." in one.domain
        ]
        return any(wanted == one or wanted.endswith(f".{one}") or one.endswith(f".{wanted}") for one in signers)


class Decision(Enum):
    """What becomes of it."""

    ACCEPT = "accept"
    JUNK = "junk"
    REFUSE = "refuse"


class Ruling(msgspec.Struct, frozen=True):
    """``why`` is for the log and the journey; ``status`` and ``lines`` tell the sender of a REFUSE what would help.
    ``override`` is for reports: why it is not what the domain's policy says (RFC 9990, PolicyOverrideType)."""

    decision: Decision
    why: str = ""
    status: str = ""
    lines: tuple[str, ...] = ()
    override: str = ""
