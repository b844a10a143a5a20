"""From changes to what an interface is told: for each name and type, what stays, what goes and what comes.

Interfaces know no transaction over a whole zone; where one fails in the middle, what was done stays, and the next run
does the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import msgspec
from dns.rdtypes.txtbase import TXTBase

from courriel.formats.zone_file import quoted
from courriel.ports.zone import ZoneChange, ZoneWriter


class Held(msgspec.Struct, frozen=True):
    """A record that stands there: its value in presentation form (TXT quoted), its ``id`` where records have one."""

    value: str
    id: str = ""


class Edit(msgspec.Struct, frozen=True):
    """One name and type.  ``label`` is the name below the zone, "" for the zone itself."""

    label: str
    type: str
    kept: tuple[Held, ...]
    removed: tuple[Held, ...]
    added: tuple[str, ...]

    @property
    def values(self) -> list[str]:
        """What is to stand there."""
        return [*[held.value for held in self.kept], *self.added]


class ProviderWriter(ZoneWriter):
    """``read`` and ``apply`` are each interface's own."""

    async def change(self, zone: str, changes: Sequence[ZoneChange], ttl_s: int) -> None:
        edits = []
        for (name, type), own in _by_set(changes).items():
            label = name.removesuffix(zone).removesuffix(".")
            edit = edited(label, type, await self.read(zone, label, type), own)
            if edit.added or edit.removed:
                edits.append(edit)
        if edits:
            await self.apply(zone, edits, ttl_s)

    @abstractmethod
    async def read(self, zone: str, label: str, type: str) -> list[Held]:
        """What stands at a name and type.  Raises ZoneRefused, DnsFailure."""

    @abstractmethod
    async def apply(self, zone: str, edits: Sequence[Edit], ttl_s: int) -> None:
        """Bring the edits into the zone.  Raises ZoneRefused, DnsFailure."""


def _by_set(changes: Sequence[ZoneChange]) -> dict[tuple[str, str], list[ZoneChange]]:
    sets: dict[tuple[str, str], list[ZoneChange]] = {}
    for change in changes:
        sets.setdefault((change.name, change.type), []).append(change)
    return sets


def edited(label: str, type: str, there: Sequence[Held], changes: Sequence[ZoneChange]) -> Edit:
    """What becomes of one set.  What is there already is not added again, however it is written."""
    remove = {meaning(type, presentation(type, value)) for change in changes for value in change.remove}
    kept = tuple([held for held in there if meaning(type, held.value) not in remove])
    known = {meaning(type, held.value) for held in kept}
    added: list[str] = []
    for value in [presentation(type, value) for change in changes for value in change.add]:
        if meaning(type, value) not in known:
            known.add(meaning(type, value))
            added.append(value)
    return Edit(label, type, kept, tuple([held for held in there if held not in kept]), tuple(added))


def presentation(type: str, value: str) -> str:
    """The value of a ``ZoneChange`` in presentation form: TXT quoted."""
    return quoted(value) if type == "TXT" else value


def meaning(type: str, value: str) -> bytes:
    """What two ways of writing one record have in common; a value that cannot be read is only itself."""
    try:
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(type), value, origin=dns.name.root)
    except dns.exception.DNSException:
        return value.encode()
    return b"".join(rdata.strings) if isinstance(rdata, TXTBase) else rdata.to_digestable(dns.name.root)
