"""Recently used octets within a fixed number of them; for one thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")

ENTRY_OCTETS: Final = 200
"""What an entry costs beside its octets: object header, key, link."""


class OctetCache(Generic[Key]):
    """Least recently used goes first."""

    def __init__(self, limit_octets: int) -> None:
        self._limit = limit_octets
        self._entries: OrderedDict[Key, bytes] = OrderedDict()
        self._octets = 0

    @property
    def octets(self) -> int:
        return self._octets

    def get(self, key: Key) -> bytes | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def run(self, keys: Iterable[Key], enough_octets: int) -> list[bytes]:
        """The values of these keys in order, up to the first that is not here or until there are enough octets."""
        entries, used = self._entries, self._entries.move_to_end
        found: list[bytes] = []
        octets = 0
        for key in keys:
            value = entries.get(key)
            if value is None:
                break
            used(key)
            found.append(value)
            octets += len(value)
            if octets >= enough_octets:
                break
        return found

    def put(self, key: Key, value: bytes) -> None:
        """Keep ``value``; one larger than an eighth of the cache is not kept."""
        cost = len(value) + ENTRY_OCTETS
        if cost * 8 > self._limit:
            return
        self.drop(key)
        self._entries[key] = value
        self._octets += cost
        while self._octets > self._limit:
            _, old = self._entries.popitem(last=False)
            self._octets -= len(old) + ENTRY_OCTETS

    def drop(self, key: Key) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._octets -= len(old) + ENTRY_OCTETS

    def clear(self) -> None:
        self._entries.clear()
        self._octets = 0
