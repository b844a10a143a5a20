"""Octets of messages in flight, over all connections of all doors (AUTH attack row 38).  Pure counting."""

from __future__ import annotations


class Budget:
    """A number of octets that many share.  Everything taken must be given back once."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def has_room(self, octets: int) -> bool:
        """Whether ``octets`` more would fit now."""
        return self.used + octets <= self.limit

    def take(self, octets: int) -> bool:
        """Take ``octets``, or nothing and say False."""
        if self.used + octets > self.limit:
            return False
        self.used += octets
        return True

    def give(self, octets: int) -> None:
        self.used -= octets
