"""How much an account may keep.  RFC 9208 names the resources."""

from __future__ import annotations

import msgspec


class Quota(msgspec.Struct, frozen=True):
    """Use and limits of one account; a limit of 0 means none."""

    used_octets: int
    used_messages: int
    limit_octets: int = 0
    limit_messages: int = 0

    def has_room(self, octets: int, messages: int) -> bool:
        """Whether this much more still fits."""
        fits_octets = not self.limit_octets or self.used_octets + octets <= self.limit_octets
        return fits_octets and (not self.limit_messages or self.used_messages + messages <= self.limit_messages)
