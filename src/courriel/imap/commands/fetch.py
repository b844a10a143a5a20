"""FETCH and UID FETCH.  RFC 9051 §6.4.5, §6.4.9; CHANGEDSINCE, VANISHED RFC 7162 §3.1.4, §3.2.6.

Three ways, by what is asked: values that stand ready in columns, for many messages, go out as joined rows made in C
(PERFORMANCE §3, "FETCH answers"); messages' octets go out one message after the other; and what the mailbox has
not changed since is answered from the cache.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Final, cast

from courriel.base.errors import FormatError
from courriel.formats import dates
from courriel.formats.message.section import SectionKind, decode_binary, extract
from courriel.formats.message.structure import body_form
from courriel.imap.answers import ANSWER_OCTETS, row_starts
from courriel.imap.commands import numbers
from courriel.imap.peer import Peer
from courriel.imap.wire import codes, sets
from courriel.imap.wire.fetch import Attr, Content, Fetch
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.response import utf8_string
from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import MessageId, ModSeq
from courriel.ports.store import Column, View

_COLUMNS: Final = {
    Attr.ENVELOPE: Column.ENVELOPE,
    Attr.BODYSTRUCTURE: Column.BODYSTRUCTURE,
    Attr.BODY: Column.BODYSTRUCTURE,
    Attr.SIZE: Column.SIZE,
    Attr.INTERNALDATE: Column.RECEIVED,
    Attr.EMAILID: Column.ID,
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
_WIDE: Final = frozenset({Attr.ENVELOPE, Attr.BODYSTRUCTURE, Attr.BODY, Attr.PREVIEW})

WIDE_ROWS: Final = 1_000
"""Rows of a chunk when they hold envelopes or structures: about 0.7 KB each, so below 1 MB together."""
NARROW_ROWS: Final = 16_384
"""Rows of a chunk when they hold flags and numbers only."""
CONTENT_ROWS: Final = 256
"""Messages whose attributes are looked up at once when their octets are fetched too."""
STREAM_OCTETS: Final = 128 * 1024
"""Message octets gathered before they are handed on: enough for one write to the kernel."""
CACHED_FROM: Final = 256
"""Fewer rows than this are made faster than looked up."""

SEEN_ADDED: Final = FlagChange(FlagAction.ADD, SEEN)


async def run(peer: Peer, asked: Fetch) -> bytes:
    return await _fetch(peer, asked, by_uid=False)


async def run_uid(peer: Peer, asked: Fetch) -> bytes:
    return await _fetch(peer, asked, by_uid=True)


async def _fetch(peer: Peer, asked: Fetch, by_uid: bool) -> bytes:
    items = asked.items
    attrs: tuple[Attr, ...] = items.attrs
    known = peer.selected
    found = numbers.indexes(peer, asked.numbers, by_uid)
    if by_uid and Attr.UID not in attrs:
        attrs = (Attr.UID, *attrs)
    if asked.changed_since is not None or Attr.MODSEQ in attrs:
        peer.enable_condstore()
    if asked.changed_since is not None:
        if asked.vanished:
            await _vanished(peer, asked, by_uid)
        found = _changed(peer, found, asked.changed_since)
        if Attr.MODSEQ not in attrs:
            attrs = (*attrs, Attr.MODSEQ)
    if not found:
        return b"OK FETCH completed"
    if items.contents:
        fetching = _Rows(peer, attrs, known.uids, known.view)
        missing = await _contents(peer, fetching, items.contents, found, items.sets_seen)
    else:
        missing = await _attributes(peer, attrs, found)
    if missing:
        return b"NO " + codes.EXPUNGEISSUED + b"Some of the messages are gone"
    return b"OK FETCH completed"


async def _vanished(peer: Peer, asked: Fetch, by_uid: bool) -> None:
    """VANISHED (EARLIER) for what was expunged since.  RFC 7162 §3.2.6."""
    if not by_uid or not peer.session.qresync:
        raise FormatError(WHAT, -1, "VANISHED needs UID FETCH and QRESYNC")  # RFC 7162 §3.2.6: BAD
    view = peer.selected.view
    assert asked.changed_since is not None
    ranges = sets.merged(asked.numbers, int(view.uidnext) - 1)
    gone = await peer.store.vanished(view.account, view.mailbox, ModSeq(asked.changed_since))
    if gone is None:
        present = set(view.uids)
        top = int(view.uidnext)
        gone = [uid for low, high in ranges for uid in range(low, min(high + 1, top)) if uid not in present]
    else:
        gone = [uid for uid in gone if sets.contains(ranges, uid)]
    if gone:
        peer.write(b"* VANISHED (EARLIER) %b\r\n" % sets.render(gone))


def _changed(peer: Peer, found: Sequence[int], since: int) -> Sequence[int]:
    known = peer.selected
    modseqs = known.view.modseqs
    if not known.behind:
        return [index for index in found if modseqs[index] > since]
    places = ((index, known.view.index(known.uids[index])) for index in found)
    return [index for index, now in places if now >= 0 and modseqs[now] > since]


# --- attributes only ------------------------------------------------------------------------------------------------
async def _attributes(peer: Peer, attrs: tuple[Attr, ...], found: Sequence[int]) -> int:
    """Write rows of attributes; returns how many messages were not there any more."""
    known = peer.selected
    rows = _Rows(peer, attrs, known.uids, known.view)
    if len(found) == 1 and Attr.FLAGS in attrs and len(attrs) <= 2 and rows.flags_and_uid_only:
        index = found[0]
        text = peer.texts[peer.flags_now(known, index)]
        if len(attrs) == 1:
            peer.write(b"* %d FETCH (FLAGS %b)\r\n" % (index + 1, text))
        else:
            peer.write(b"* %d FETCH (UID %d FLAGS %b)\r\n" % (index + 1, known.uids[index], text))
        return 0
    cache_key = None
    if len(found) >= CACHED_FROM and isinstance(found, range) and not known.behind:
        view, answers = known.view, peer.shared.answers
        recent = tuple(known.recent) if Attr.FLAGS in attrs and peer.has_recent() else ()
        cache_key = (view.account, view.mailbox, attrs, found.start, found.stop, recent)
        answer = answers.get(cache_key, known.uids, view.position)
        if answer is not None:
            peer.write(answer)
            await peer.connection.drain()
            return 0
    return await _many(peer, rows, found, cache_key)


async def _many(peer: Peer, rows: _Rows, found: Sequence[int], cache_key: object) -> int:
    known = peer.selected
    position = known.view.position
    size = WIDE_ROWS if any(attr in _WIDE for attr in rows.attrs) else NARROW_ROWS
    pieces: list[bytes] = []
    octets = missing = 0
    if isinstance(found, range) and len(found) > size and not known.behind:
        await rows.load(found)
    for start in range(0, len(found), size):
        chunk = found[start : start + size]
        answer, gone = await rows.render(chunk)
        missing += gone
        peer.write(answer)
        if len(found) > size:
            await peer.connection.drain()
        octets += len(answer)
        if octets > ANSWER_OCTETS:
            cache_key = None
            pieces.clear()
        if cache_key is not None:
            pieces.append(answer)
    if cache_key is not None and not missing and known.view.position == position and not known.behind:
        answer = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        peer.shared.answers.put(cache_key, known.uids, position, answer)
    return missing


class _Rows:
    """Rows of attributes, for one FETCH.  ``uids`` are the client's, whatever happens meanwhile."""

    def __init__(self, peer: Peer, attrs: tuple[Attr, ...], uids: array[int], view: View) -> None:
        self.peer = peer
        self.attrs = attrs
        self.uids = uids
        self.view = view
        self.flags_and_uid_only = all(attr is Attr.FLAGS or attr is Attr.UID for attr in attrs)
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
                starts = row_starts(b"FLAGS ", chunk.start, len(chunk))
                return b"".join(chain.from_iterable(zip(starts, map(closed.__getitem__, flags), strict=True))), 0
            columns = await self._whole_columns(chunk)
            if columns is not None:
                starts = row_starts(b"", chunk.start, len(chunk))
                return b"".join(chain.from_iterable(zip(starts, *columns, strict=False))), 0
        texts = await self.texts(chunk)
        rows = [
            b"* %d FETCH (%b)\r\n" % (index + 1, text)
            for index, text in zip(chunk, texts, strict=True)
            if text is not None
        ]
        return b"".join(rows), len(texts) - len(rows)

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
            form = _FORMS.get(attr)
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
        return [_one(attr, value) for value in column]

    async def texts(self, chunk: Sequence[int]) -> list[bytes | None]:
        """What stands between the parentheses, a message each; None where it is gone.  For any indexes at all."""
        uids = [self.uids[index] for index in chunk]
        columns: list[Sequence[bytes | None]] = []
        for attr in self.attrs:
            if attr in _COLUMNS:
                values = await self.peer.store.values(self.view, _COLUMNS[attr], uids)
                columns.append([None if value is None else _one(attr, value) for value in values])
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


def _one(attr: Attr, value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        if attr is Attr.BODY:
            return body_form(value)
        return utf8_string(value.decode()) if attr is Attr.PREVIEW else value
    if attr is Attr.INTERNALDATE or attr is Attr.SAVEDATE:
        return dates.render_internal(value)
    return _FORMS[attr] % value


# --- octets of messages -----------------------------------------------------------------------------------------------
async def _contents(
    peer: Peer, rows: _Rows, contents: tuple[Content, ...], found: Sequence[int], sets_seen: bool
) -> int:
    """Write messages' octets; returns how many messages were not there any more."""
    known = peer.selected
    newly_seen: frozenset[int] = frozenset()
    if sets_seen and not peer.session.read_only:
        newly_seen = await _set_seen(peer, found)
    whole = all(
        content.section.kind is SectionKind.ALL and not content.section.numbers and not content.binary
        for content in contents
    )
    if whole and len(contents) == 1 and contents[0].partial is None and not rows.attrs and not newly_seen:
        return await _stream(peer, rows, contents[0].name, found)
    store, view, connection = peer.store, rows.view, peer.connection
    limit = peer.shared.settings.chunk_octets
    missing = written = 0
    for start in range(0, len(found), CONTENT_ROWS):
        chunk = found[start : start + CONTENT_ROWS]
        uids = [rows.uids[index] for index in chunk]
        ids = await store.values(view, Column.ID, uids)
        texts = await rows.texts(chunk) if rows.attrs else None
        for at, index in enumerate(chunk):
            id_or_none = ids[at]
            text = b"" if texts is None else texts[at]
            if id_or_none is None or text is None:
                missing += 1
                continue
            raw = await store.read(view.account, MessageId(int(id_or_none)))
            lead = b"* %d FETCH (%b%b" % (index + 1, text, b" " if text else b"")
            pieces = _whole(contents, raw) if whole else await _parts(peer, rows, contents, uids[at], raw)
            pieces[0] = lead + pieces[0]
            if uids[at] in newly_seen and Attr.FLAGS not in rows.attrs:
                pieces.append(b" FLAGS %b" % peer.texts[peer.flags_now(known, index)])
            pieces.append(b")\r\n")
            connection.write_many(pieces)
            written += len(raw)
            if written >= limit:
                written = 0
                await connection.drain()
    return missing


async def _stream(peer: Peer, rows: _Rows, name: bytes, found: Sequence[int]) -> int:
    """Whole messages and nothing else: what mirroring clients ask for thousands of times."""
    store, view, connection = peer.store, rows.view, peer.connection
    form = b"* %d FETCH (" + name + b" {%d}\r\n"
    account, read = view.account, store.read
    missing = 0
    for start in range(0, len(found), CONTENT_ROWS):
        chunk = found[start : start + CONTENT_ROWS]
        pieces: list[bytes] = []
        octets = 0
        for index, id_or_none in zip(chunk, await _ids(peer, rows, chunk), strict=True):
            if id_or_none is None:
                missing += 1
                continue
            raw = await read(account, MessageId(id_or_none))
            pieces += (form % (index + 1, len(raw)), raw, b")\r\n")
            octets += len(raw)
            if octets >= STREAM_OCTETS:
                connection.write_many(pieces)
                pieces, octets = [], 0
                if connection.congested:
                    await connection.drain()
        connection.write_many(pieces)
    return missing


async def _ids(peer: Peer, rows: _Rows, chunk: Sequence[int]) -> Sequence[int | None]:
    """The messages' own numbers, by index."""
    if isinstance(chunk, range) and rows.view.uids is rows.uids:
        ids = await peer.store.column(rows.view, Column.ID, chunk.start, len(chunk))
        if rows.view.uids is rows.uids:
            return cast("Sequence[int]", ids)
    found = await peer.store.values(rows.view, Column.ID, [rows.uids[index] for index in chunk])
    return cast("Sequence[int | None]", found)


async def _set_seen(peer: Peer, found: Sequence[int]) -> frozenset[int]:
    """Set \\Seen before the octets go out; returns the UIDs that get it by this."""
    known = peer.selected
    view = known.view
    unseen = [known.uids[index] for index in found if not known.flags_at(index) & SEEN]
    unseen = [uid for uid in unseen if view.index(uid) >= 0]
    if not unseen:
        return frozenset()
    result = await peer.store.change_flags(view.account, view.mailbox, unseen, SEEN_ADDED)
    if result.altered and not peer.session.condstore:
        known.own_change(result.modseq)
    return frozenset(unseen)


def _whole(contents: tuple[Content, ...], raw: bytes) -> list[bytes]:
    """BODY[] and its kin, without copying the message."""
    pieces: list[bytes] = []
    lead = b""
    for content in contents:
        name, octets = _cut(content, raw)
        pieces += [b"%b%b {%d}\r\n" % (lead, name, len(octets)), octets]
        lead = b" "
    return pieces


def _cut(content: Content, octets: bytes) -> tuple[bytes, bytes]:
    """Name and octets, with ``<origin.length>`` applied."""
    if content.partial is None:
        return content.name, octets
    start, length = content.partial
    return b"%b<%d>" % (content.name, start), octets[start : start + length]


async def _parts(peer: Peer, rows: _Rows, contents: tuple[Content, ...], uid: int, raw: bytes) -> list[bytes]:
    record = await peer.store.record(rows.view.account, rows.view.mailbox, uid)
    parts, prefix_octets = (record.parts, record.prefix_octets) if record is not None else (b"", 0)
    pieces: list[bytes] = []
    lead = b""
    for content in contents:
        section = content.section
        if not content.binary:
            octets = extract(raw, parts, prefix_octets, section)
        elif section.numbers:
            octets = decode_binary(raw, parts, prefix_octets, section.numbers)
        else:
            octets = raw
        if content.size_only:
            pieces.append(b"%b%b %d" % (lead, content.name, len(octets)))
        else:
            name, octets = _cut(content, octets)
            # RFC 3516 §4.2: literal8 where NUL may come.
            tilde = b"~" if content.binary and b"\0" in octets else b""
            pieces += [b"%b%b %b{%d}\r\n" % (lead, name, tilde, len(octets)), octets]
        lead = b" "
    return pieces
