"""The roots of every error Courriel raises on purpose.

Each floor has one family, and each protocol one table that turns a family into replies (STYLE: Errors).
Anything that is not one of these is a bug: it is caught only at the edge of a connection.
"""

from __future__ import annotations


class CourrielError(Exception):
    """Root of all errors raised on purpose."""


class FormatError(CourrielError, ValueError):
    """Bytes that do not follow their grammar.

    ``what`` names the thing that was read ("address", "IMAP command"), ``offset`` is the octet where reading
    stopped (-1: unknown), ``rule`` names the rule that was broken, with its source where there is one.
    """

    def __init__(self, what: str, offset: int = -1, rule: str = "") -> None:
        super().__init__(what, offset, rule)
        self.what = what
        self.offset = offset
        self.rule = rule

    def __str__(self) -> str:
        place = f" at octet {self.offset}" if self.offset >= 0 else ""
        return f"bad {self.what}{place}" + (f": {self.rule}" if self.rule else "")


class LimitExceeded(FormatError):
    """Well-formed so far, but larger than a named limit allows.  ``rule`` is the limit's name."""


class Refusal(CourrielError):
    """A service says no for a reason that is about mail; subclasses are named by the reason."""


class Unavailable(CourrielError):
    """The outside (disk, database, network) cannot do it now; the same request may succeed later."""


class Damaged(CourrielError):
    """Stored data contradicts itself or its checksum; repeating the request will not help."""
