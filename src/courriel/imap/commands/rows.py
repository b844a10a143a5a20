"""Rows of FETCH replies from what the store keeps ready in columns.  RFC 9051 §7.5.2; PERFORMANCE §3, "FETCH answers".

Not here: messages' octets, which are contents.py's.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final, cast

from courriel.formats import dates
from courriel.formats.message.structure import body_form
from courriel.imap.answers import row_starts
from courriel.imap.peer import UID_ROW, Peer
from courriel.imap.wire.fetch import Attr
from courriel.imap.wire.response import utf8_string
from courriel.ports.store import Column, View

_COLUMNS: Final = {
    Attr.ENVELOPE: Column.ENVELOPE,
    Attr.BODYSTRUCTURE: Column.BODYSTRUCTURE,
    Attr.BODY: Column.BODYSTRUCTURE,
    Attr.SIZE: Column.SIZE,
    Attr.INTERNALDATE: Column.RECEIVED,
    Attr.EMAILID: Column.ORIGIN,
    Attr.THREADID: Column.THREAD,
    Attr.PREVIEW: Column.PREVIEW,
    Attr.SAVEDATE: Column.SAVED,
}
_FORMS: Final = {
    Attr.UID: b"%d",
    Attr.SIZE: b"%d",
    Attr.MODSEQ: b"(%d)",
    Attr.EMAILID: b"(M%d)",
    Attr.THREADID: b"(T%d)",
}
_KINDS: Final = {Attr.EMAILID: b"M", Attr.THREADID: b"T"}


@lru_cache(maxsize=1024)
def _forms(owner: int) -> dict[Attr, bytes]:
    """The same in another's mailbox (``response.object_id``)."""
    return _FORMS | {attr: b"(%b%d_%%d)" % (kind, owner) for attr, kind in _KINDS.items()}


class Rows:
    """Rows of attributes, for one FETCH.  ``uids`` are the client's, whatever happens meanwhile."""

    def __init__(self, peer: Peer, attrs: tuple[Attr, ...], uids: array[int], view: View) -> None:
        self.peer = peer
        self.attrs = attrs
        self.uids = uids
        self.view = view
        owner = peer.session.owner
        self._forms = _FORMS if owner is None else _forms(owner)
        self._first = 0
        self._columns: dict[Attr, Sequence[bytes] | Sequence[int]] = {}

    async def load(self, found: range) -> None:
        """Take the columns for all of a long answer in one piece: a store that has to read them does it once."""
        for attr in self.attrs:
            if attr in _COLUMNS and self.view.uids is self.uids:
                self._columns[attr] = await self.peer.store.column(self.view, _COLUMNS[attr], found.start, len(found))
        self._first = found.start
        if self.view.uids is not self.uids:
            self._columns.clear()

    async def render(self, chunk: Sequence[int]) -> tuple[bytes, int]:
        """Whole replies for these indexes, joined, and how many messages had none."""
        if isinstance(chunk, range) and self.view.uids is self.uids:
            if self.attrs == (Attr.FLAGS,):
                closed = self.peer.texts.closed
                flags = self.peer.selected.flags_of(chunk.start, chunk.stop, self.peer.has_recent())
                starts = self._starts(b"FLAGS ", chunk)
                return b"".join(chain.from_iterable(zip(starts, map(closed.__getitem__, flags), strict=True))), 0
            columns = await self._whole_columns(chunk)
            if columns is not None:
                starts = self._starts(b"", chunk)
                return b"".join(chain.from_iterable(zip(starts, *columns, strict=False))), 0
        texts = await self.texts(chunk)
        rows = [
            b"%b%b)\r\n" % (self.peer.row_start(index), text)
            for index, text in zip(chunk, texts, strict=True)
            if text is not None
        ]
        return b"".join(rows), len(texts) - len(rows)

    def _starts(self, lead: bytes, chunk: range) -> Sequence[bytes]:
        if self.peer.session.uidonly:
            form = UID_ROW + lead
            return [form % uid for uid in self.uids[chunk.start : chunk.stop]]
        return row_starts(lead, chunk.start, len(chunk))

    async def _whole_columns(self, chunk: range) -> list[Iterable[bytes]] | None:
        """What follows a row's start, as few pieces as can be; None when the mailbox changed under our hands.

        The names between two values go into the format of a number beside them, so that 100,000 rows of (UID
        ENVELOPE BODYSTRUCTURE RFC822.SIZE) are 6 pieces each and not 10: 85 ms instead of 170 ms.
        """
        pieces: list[Iterable[bytes]] = []
        text = b""
        numbers: Sequence[int] | None = None
        for attr in self.attrs:
            name = text + (b"" if attr is self.attrs[0] else b" ") + attr.value + b" "
            form = self._forms.get(attr)
            values = await self._column(attr, chunk)
            if self.view.uids is not self.uids:
                return None
            if numbers is not None:
                pieces.append(map(name.__mod__, numbers))
                name, numbers = b"", None
            if form is not None:
                text = name + form
                numbers = cast("Sequence[int]", values)
            else:
                if name:
                    pieces.append(repeat(name))
                pieces.append(cast("Iterable[bytes]", values))
                text = b""
        end = text + b")\r\n"
        pieces.append(repeat(end) if numbers is None else map(end.__mod__, numbers))
        return pieces

    async def _column(self, attr: Attr, chunk: range) -> Iterable[bytes] | Sequence[int]:
        """Numbers for those that have a form, else texts."""
        view = self.view
        if attr is Attr.FLAGS:
            known = self.peer.selected.flags_of(chunk.start, chunk.stop, self.peer.has_recent())
            return map(self.peer.texts.__getitem__, known)
        if attr is Attr.UID:
            return self.uids[chunk.start : chunk.stop]
        if attr is Attr.MODSEQ:
            return view.modseqs[chunk.start : chunk.stop]
        column = self._columns.get(attr)
        if column is None:
            column = await self.peer.store.column(view, _COLUMNS[attr], chunk.start, len(chunk))
        else:
            column = column[chunk.start - self._first : chunk.stop - self._first]
        if attr in _FORMS or attr is Attr.ENVELOPE or attr is Attr.BODYSTRUCTURE:
            return column
        if attr is Attr.INTERNALDATE or attr is Attr.SAVEDATE:
            return map(dates.render_internal, cast("Sequence[int]", column))
        return [self._one(attr, value) for value in column]

    async def texts(self, chunk: Sequence[int]) -> list[bytes | None]:
        """What stands between the parentheses, a message each; None where it is gone.  For any indexes at all."""
        uids = [self.uids[index] for index in chunk]
        columns: list[Sequence[bytes | None]] = []
        for attr in self.attrs:
            if attr in _COLUMNS:
                values = await self.peer.store.values(self.view, _COLUMNS[attr], uids)
                columns.append([None if value is None else self._one(attr, value) for value in values])
            else:
                columns.append([self._one_in_memory(attr, index) for index in chunk])
        names = [attr.value for attr in self.attrs]
        rows: list[bytes | None] = []
        for row in zip(*columns, strict=True):
            if None in row:
                rows.append(None)
            else:
                rows.append(b" ".join(map(b"%b %b".__mod__, zip(names, row, strict=True))))
        return rows if columns else [b""] * len(chunk)

    def _one_in_memory(self, attr: Attr, index: int) -> bytes:
        known = self.peer.selected
        if attr is Attr.FLAGS:
            return self.peer.texts[self.peer.flags_now(known, index)]
        if attr is Attr.UID:
            return b"%d" % self.uids[index]
        if attr is Attr.MODSEQ:
            now = self.view.index(self.uids[index])
            return b"(%d)" % (self.view.modseqs[now] if now >= 0 else self.view.modseq)
        return b"NIL"

    def _one(self, attr: Attr, value: bytes | int) -> bytes:
        if isinstance(value, bytes):
            if attr is Attr.BODY:
                return body_form(value)
            return utf8_string(value.decode()) if attr is Attr.PREVIEW else value
        if attr is Attr.INTERNALDATE or attr is Attr.SAVEDATE:
            return dates.render_internal(value)
        return self._forms[attr] % value
