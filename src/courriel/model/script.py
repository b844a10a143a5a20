"""People's scripts as they are kept: a few by name, one of them at work."""

from __future__ import annotations

import unicodedata
from typing import Final

import msgspec

from courriel.base.errors import FormatError, Refusal

NAME_OCTETS: Final = 512
"""RFC 5804 §1.6: names of 128 characters must be possible; four octets each at most."""


class Kept(msgspec.Struct, frozen=True):
    """One script of an account.  ``digest`` tells its content from any other."""

    name: str
    size_octets: int
    digest: bytes
    is_active: bool


class NoSuchScript(Refusal):
    """The account has no script of that name."""


class ScriptExists(Refusal):
    """The account has a script of that name."""


class ScriptActive(Refusal):
    """The script is at work; another one, or none, has to be first."""


class TooManyScripts(Refusal):
    """The account keeps as many as it may."""


def canonical_script_name(name: str) -> str:
    """RFC 5804 §1.6: NFC, no control characters, not empty.  Raises FormatError."""
    name = unicodedata.normalize("NFC", name)
    if not 0 < len(name.encode("utf-8", "surrogatepass")) <= NAME_OCTETS:
        raise FormatError("script name", 0, "RFC 5804 §1.6: 1 to 128 characters")
    if any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in name):
        raise FormatError("script name", 0, "RFC 5804 §1.6: no control characters")
    return name
