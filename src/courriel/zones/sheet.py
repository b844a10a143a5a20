"""Records as somebody types them into the form of a provider: each text is copied once, with all its places.  Pure.

A form asks for numbers in fields of their own (a priority, a port), and the target of most records is the same host: so
what is to be copied is fewer texts than there are records.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from courriel.model.zone_record import ZoneRecord


class Place(msgspec.Struct, frozen=True):
    """One record.  ``numbers`` is what its form asks beside the text, in the order of the record."""

    name: str
    type: str
    numbers: str = ""


class Copied(msgspec.Struct, frozen=True):
    """A text, and the records it goes into."""

    text: str
    places: tuple[Place, ...]


def sheet(records: Iterable[ZoneRecord]) -> list[Copied]:
    """Texts in the order of the records that need them first."""
    places: dict[str, list[Place]] = {}
    for record in records:
        numbers, text = _parts(record)
        places.setdefault(text, []).append(Place(record.name, record.type, numbers))
    return [Copied(text, tuple(where)) for text, where in places.items()]


def _parts(record: ZoneRecord) -> tuple[str, str]:
    """Numbers before, and the text.  MX RFC 1035 §3.3.9, SRV RFC 2782, TLSA RFC 6698 §2.2, CAA RFC 8659 §4.1.1."""
    if record.type not in ("MX", "SRV", "TLSA", "CAA"):
        return "", record.value
    numbers, _, text = record.value.rpartition(" ")
    return numbers, text.strip('"')
