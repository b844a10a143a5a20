"""Octets of messages for FETCH: BODY[…], BINARY[…], RFC822.  RFC 9051 §6.4.5.1; RFC 3516.

One message after the other goes out, and a client that reads slowly is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from courriel.formats.message.section import decode_binary, extract
from courriel.imap.commands.rows import Rows
from courriel.imap.peer import Peer
from courriel.imap.wire.fetch import Attr, Content, Items
from courriel.model.flags import SEEN, FlagAction, FlagChange
from courriel.model.ids import MessageId
from courriel.ports.store import Column

CONTENT_ROWS: Final = 256
"""Messages whose attributes are looked up at once when their octets are fetched too."""
STREAM_OCTETS: Final = 128 * 1024
"""Message octets gathered before they are handed on: enough for one write to the kernel."""

SEEN_ADDED: Final = FlagChange(FlagAction.ADD, SEEN)


async def write(peer: Peer, attrs: tuple[Attr, ...], items: Items, found: Sequence[int]) -> int:
    """Write messages' octets; returns how many messages were not there any more."""
    known = peer.selected
    contents, whole = items.contents, items.whole
    newly_seen: frozenset[int] = frozenset()
    if items.sets_seen and not peer.session.read_only:
        newly_seen = await _set_seen(peer, found)
    if whole and not attrs and not newly_seen and len(contents) == 1 and contents[0].partial is None:
        return await _stream(peer, contents[0].name, found)
    store, view, connection = peer.store, known.view, peer.connection
    rows = Rows(peer, attrs, known.uids, view)
    limit = peer.shared.settings.chunk_octets
    missing = written = 0
    for start in range(0, len(found), CONTENT_ROWS):
        chunk = found[start : start + CONTENT_ROWS]
        uids = [rows.uids[index] for index in chunk]
        ids = await store.values(view, Column.ID, uids)
        texts = await rows.texts(chunk) if attrs else None
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
            if uids[at] in newly_seen and Attr.FLAGS not in attrs:
                pieces.append(b" FLAGS %b" % peer.texts[peer.flags_now(known, index)])
            pieces.append(b")\r\n")
            connection.write_many(pieces)
            written += len(raw)
            if written >= limit:
                written = 0
                await connection.drain()
    return missing


async def _stream(peer: Peer, name: bytes, found: Sequence[int]) -> int:
    """Whole messages and nothing else: what mirroring clients ask for thousands of times."""
    known, store, connection = peer.selected, peer.store, peer.connection
    view, uids = known.view, known.uids
    form = b"* %d FETCH (" + name + b" {%d}\r\n"
    account, read = view.account, store.read
    missing = 0
    for start in range(0, len(found), CONTENT_ROWS):
        chunk = found[start : start + CONTENT_ROWS]
        ids: Sequence[bytes | int | None]
        if view.uids is uids and isinstance(chunk, range):
            ids = await store.column(view, Column.ID, chunk.start, len(chunk))
        else:
            ids = await store.values(view, Column.ID, [uids[index] for index in chunk])
        pieces: list[bytes] = []
        octets = 0
        for index, id_or_none in zip(chunk, ids, strict=True):
            if id_or_none is None:
                missing += 1
                continue
            raw = await read(account, MessageId(int(id_or_none)))
            pieces += (form % (index + 1, len(raw)), raw, b")\r\n")
            octets += len(raw)
            if octets >= STREAM_OCTETS:
                connection.write_many(pieces)
                pieces, octets = [], 0
                if connection.congested:
                    await connection.drain()
        connection.write_many(pieces)
    return missing


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


async def _parts(peer: Peer, rows: Rows, contents: tuple[Content, ...], uid: int, raw: bytes) -> list[bytes]:
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
