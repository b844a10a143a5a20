"""From what is missing to the changes that bring it into a zone.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.model.zone_record import SINGLE, Row, State
from courriel.ports.zone import ZoneChange


def is_inside(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _stands_in_the_way(row: Row) -> bool:
    """Addresses where an alias should be: no other record may stand beside one (RFC 1034 §3.6.2), and they are not
    ours to remove."""
    return row.wanted.record.type == "CNAME" and bool(row.found) and not row.found[0].endswith(".")


def changes_for(rows: Sequence[Row], zone: str) -> list[ZoneChange]:
    """Changes for those rows that are inside ``zone`` and not right; nothing for what the DNS did not answer.

    Of kinds of which there may be several (MX, addresses) what stands there stays: it is not ours.
    """
    return [
        ZoneChange(
            row.wanted.record.name,
            row.wanted.record.type,
            row.found if row.wanted.purpose in SINGLE else (),
            (row.wanted.record.value,),
        )
        for row in rows
        if not _stands_in_the_way(row)
        if row.state in (State.MISSING, State.DIFFERENT) and is_inside(row.wanted.record.name, zone)
    ]
