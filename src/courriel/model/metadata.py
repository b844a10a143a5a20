"""Annotations of mailboxes and of the account: names with values.  RFC 5464 §3.

An entry is called ``/private/…`` (each viewer has its own) or ``/shared/…`` (all see the same), in lower case here:
names are case-insensitive (§3.2).
"""

from __future__ import annotations

from typing import Final

from courriel.base.errors import FormatError

PRIVATE: Final = "/private/"
SHARED: Final = "/shared/"

ENTRY_OCTETS: Final = 250
"""Longest entry name; those of RFC 5464 §6 and of vendors stay below 100."""

ANNOTATIONS: Final = 5_000
"""Most annotations of one account, over all mailboxes and viewers."""

ANNOTATION_OCTETS: Final = 8_000_000
"""Most octets in the values of one account; they stand beside the quota, which is of messages."""

REMOVED_REMEMBERED: Final = 200
"""Removed annotations of which an account still knows that they are gone, for those who follow changes."""


def canonical_entry(name: bytes) -> str:
    """The one spelling of an entry.  Raises FormatError for what RFC 5464 §3.2 does not allow."""
    if len(name) > ENTRY_OCTETS:
        raise FormatError("entry name", ENTRY_OCTETS, f"longer than {ENTRY_OCTETS} octets")
    if any(octet < 0x20 or octet > 0x7E or octet in b"*%" for octet in name):
        raise FormatError("entry name", -1, "wildcard, control or 8-bit character")
    entry = name.decode("ascii").lower()
    if not (entry + "/").startswith((PRIVATE, SHARED)):
        raise FormatError("entry name", 0, "begins neither with /private/ nor with /shared/")
    if "//" in entry or entry.endswith("/"):
        raise FormatError("entry name", -1, "an empty level")
    return entry
