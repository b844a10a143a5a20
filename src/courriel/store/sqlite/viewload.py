"""How a view gets its arrays: from the table, or from a copy of them kept beside it.  STORAGE §4, "uid map".

100,000 messages take 73 ms as rows, 39 ms as JSON made by SQLite (``from_table``), and 7 ms from the copy in table
``snap`` plus what changed since (``from_copy``).  ``upkeep.py`` renews copies when nothing else happens.

    data = zstd( count(4) uids(4 × count) ids(8 ×) modseqs(8 ×) flags(8 ×) sizes(4 ×) )      little endian
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import compress
from typing import Final, TypeAlias

import apsw
import msgspec
import zstandard

from courriel.base.errors import Damaged
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.removal import unpack_ranges
from courriel.store.sqlite.view import SqliteView

COPY_MESSAGES: Final = 5_000
"""Mailboxes from this size on have a copy; smaller ones load in 2 ms without."""

ROWS_MESSAGES: Final = 500
"""Mailboxes up to this size are read as plain rows."""

COPY_CHANGES: Final = 10
"""A copy is renewed when more than one in this many messages changed since."""

TYPES: Final = ("I", "Q", "Q", "Q", "I")
"""Types of uids, ids, modseqs, flags, sizes."""

_NUMBERS = msgspec.json.Decoder(list[int])

Arrays: TypeAlias = "list[array[int]]"


def load(connection: apsw.Connection, view: SqliteView) -> None:
    """Fill the arrays of a new view.  No transaction may be under way."""
    arrays = from_copy(connection, view) if view.state.total >= COPY_MESSAGES else None
    view.uids, view.ids, view.modseqs, view.flags, view.sizes = arrays or from_table(connection, view)


def from_table(connection: apsw.Connection, view: SqliteView) -> Arrays:
    where = (view.account, view.mailbox)
    if view.state.total <= ROWS_MESSAGES:
        rows: list[Row] = connection.execute(
            "SELECT uid, id, modseq, flags, size FROM member WHERE acct=? AND coll=? ORDER BY uid", where
        ).fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * len(TYPES)
        return [array(kind, column) for kind, column in zip(TYPES, columns, strict=True)]
    rows = connection.execute(
        "SELECT json_group_array(uid), json_group_array(id), json_group_array(modseq), json_group_array(flags),"
        " json_group_array(size) FROM (SELECT * FROM member WHERE acct=? AND coll=? ORDER BY uid)",
        where,
    ).fetchall()
    [texts] = rows
    return [array(kind, _NUMBERS.decode(text)) for kind, text in zip(TYPES, texts, strict=True)]


def from_copy(connection: apsw.Connection, view: SqliteView) -> Arrays | None:
    """The copy brought up to date; None when there is none that helps."""
    where = (view.account, view.mailbox)
    rows: list[Row] = connection.execute("SELECT modseq, data FROM snap WHERE acct=? AND coll=?", where).fetchall()
    if not rows or rows[0][0] < view.state.gone_floor:
        return None
    [(modseq, data)] = rows
    try:
        arrays = unpack(data)
    except Damaged:
        return None  # the table has it all, and the next copy replaces this one
    if modseq < view.state.modseq:
        _take_out_gone(connection, arrays, where, modseq)
        _bring_in_changed(connection, arrays, where, modseq)
    if len(arrays[0]) != view.state.total:
        return None
    view.copied_modseq = modseq
    return arrays


def _take_out_gone(connection: apsw.Connection, arrays: Arrays, where: tuple[int, int], modseq: int) -> None:
    sql = "SELECT uids FROM gone WHERE acct=? AND coll=? AND modseq>?"
    rows: list[Row] = connection.execute(sql, (*where, modseq)).fetchall()
    gone = {uid for (ranges,) in rows for uid in unpack_ranges(ranges)}
    if gone:
        keep = bytearray(b"\x01") * len(arrays[0])
        for uid in gone:
            place = _place(arrays[0], uid)
            if place >= 0:
                keep[place] = 0
        arrays[:] = [array(kind, compress(values, keep)) for kind, values in zip(TYPES, arrays, strict=True)]


def _bring_in_changed(connection: apsw.Connection, arrays: Arrays, where: tuple[int, int], modseq: int) -> None:
    rows: list[Row] = connection.execute(
        "SELECT uid, id, modseq, flags, size FROM member WHERE acct=? AND coll=? AND modseq>? ORDER BY uid",
        (*where, modseq),
    ).fetchall()
    for row in rows:
        place = _place(arrays[0], row[0])
        for values, value in zip(arrays, row, strict=True):
            if place < 0:
                values.append(value)
            else:
                values[place] = value


def _place(uids: array[int], uid: int) -> int:
    """Index of a UID, or -1."""
    place = bisect_left(uids, uid)
    return place if place < len(uids) and uids[place] == uid else -1


def needs_copy(view: SqliteView) -> bool:
    """Whether a (new) copy of this view is worth writing."""
    total = len(view.uids)
    return total >= COPY_MESSAGES and (view.state.modseq - view.copied_modseq) * COPY_CHANGES > total


def pack(view: SqliteView) -> bytes:
    arrays = (view.uids, view.ids, view.modseqs, view.flags, view.sizes)
    octets = b"".join((len(view.uids).to_bytes(4, "little"), *(values.tobytes() for values in arrays)))
    return zstandard.ZstdCompressor(level=1).compress(octets)


def unpack(data: bytes) -> Arrays:
    """Raises Damaged.  Straight into arrays of the right size: a million messages need 32 MB for it, not 66."""
    try:
        octets = zstandard.frame_content_size(data)
        reader = zstandard.ZstdDecompressor().stream_reader(data)
        count = int.from_bytes(reader.read(4), "little")
        if octets != 4 + count * sum(array(kind).itemsize for kind in TYPES):
            raise Damaged("copy of a view has the wrong length")
        arrays = [array(kind, (0,)) * count for kind in TYPES]
        for values in arrays:
            if _fill(memoryview(values).cast("B"), reader) < count * values.itemsize:
                raise Damaged("copy of a view is cut short")
    except zstandard.ZstdError as error:
        raise Damaged(f"copy of a view: {error}") from None
    return arrays


def _fill(target: memoryview, reader: zstandard.ZstdDecompressionReader) -> int:
    """Octets that could be had."""
    filled = 0
    while filled < len(target):
        count = reader.readinto(target[filled:])
        if not count:
            break
        filled += count
    return filled
