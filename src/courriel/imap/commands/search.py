"""SEARCH and UID SEARCH.  RFC 9051 §6.4.4, §7.3.4; ESEARCH RFC 4731; SEARCHRES RFC 5182; MODSEQ RFC 7162 §3.1.5.

What the columns can tell is judged for all messages at once and first, then what their envelopes say (``facts.py``);
only what is left is read, message by message, letting others have their turn in between (AUTH attack row 28).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import partial
from typing import Any, Final

from courriel.formats import encoded_word
from courriel.formats.address import parse_mailbox_list
from courriel.formats.header import HeaderBlock, split_block
from courriel.formats.message.text import decoded_header, decoded_text
from courriel.imap.commands import limits, numbers, results, update
from courriel.imap.contexts import Judge
from courriel.imap.facts import Fact
from courriel.imap.peer import Peer
from courriel.imap.progress import Progress
from courriel.imap.view import Numbers
from courriel.imap.wire import search as keys
from courriel.imap.wire import sets
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.returns import ALL, Return
from courriel.imap.wire.search import Key, Moment, Search
from courriel.imap.wire.sets import NumberSet, UidRequired
from courriel.model.ids import MessageId
from courriel.model.message import Record
from courriel.ports.store import Column

TURN_OCTETS: Final = 1_000_000
"""Message octets looked through before others get their turn."""


async def run(peer: Peer, asked: Search) -> bytes:
    return await _search(peer, asked, by_uid=False)


async def run_uid(peer: Peer, asked: Search) -> bytes:
    return await _search(peer, asked, by_uid=True)


async def _search(peer: Peer, asked: Search, by_uid: bool) -> bytes:
    if asked.modseq:
        peer.enable_condstore()
    returns = asked.returns
    begin_updates = None
    if returns is not None and Return.UPDATE in returns.options:
        begin_updates = update.prepared(peer, by_uid, judge(peer, asked.key))
    among: Sequence[int] | None = None
    limited = b""
    if peer.shared.settings.message_limit:
        among, limited = limits.cut(peer, searched(peer, asked.key))
    found = await matching(peer, asked.key, among)
    if returns is None:
        if not peer.session.rev2:
            peer.write(_plain(peer, asked, found, by_uid))
            return b"OK %bSEARCH completed" % limited
        returns = ALL
    if Return.SAVE in returns.options:
        results.save(peer, found, returns)
    if returns.partial or returns.options != {Return.SAVE}:
        peer.write(results.extended(peer, found, returns, by_uid, asked.modseq))
    if begin_updates is not None:
        begin_updates(found)
    return b"OK %bSEARCH completed" % limited


async def matching(peer: Peer, key: Key, among: Sequence[int] | None = None) -> list[int]:
    """Indexes (ascending) of the messages that the client knows (``among`` those only) and that match."""
    return await _Query(peer, peer.selected).run(key, among)


async def in_mailbox(peer: Peer, known: Numbers, key: Key) -> list[int]:
    """The same in any mailbox."""
    return await _Query(peer, known).run(key, None)


def searched(peer: Peer, key: Key) -> Sequence[int]:
    """Indexes of the messages that a search goes through: those that its sets name, all if there is none."""
    found: Sequence[int] = range(peer.selected.count)
    for part in key.keys if isinstance(key, keys.And) else (key,):
        if isinstance(part, (keys.Seqs, keys.Uids)):
            named = set(_named(peer, peer.selected, part))
            found = [index for index in found if index in named]
    return found


def judge(peer: Peer, key: Key) -> Judge:
    """Judges messages later.  RFC 5267 §4.3: sequence numbers mean what they mean now."""
    known = peer.selected

    def fixed(key: Key) -> Key:
        if isinstance(key, keys.And):
            return keys.And(tuple(map(fixed, key.keys)))
        if isinstance(key, keys.Or):
            return keys.Or(fixed(key.left), fixed(key.right))
        if isinstance(key, keys.Not):
            return keys.Not(fixed(key.key))
        if isinstance(key, (keys.Seqs, keys.Uids)) and (key.numbers.saved or isinstance(key, keys.Seqs)):
            uids = {known.uids[index] for index in _named(peer, known, key)}
            return keys.Uids(NumberSet(tuple((uid, uid) for uid in sorted(uids))))
        return key

    return partial(matching, peer, fixed(key))


def _named(peer: Peer, known: Numbers, key: keys.Seqs | keys.Uids) -> Sequence[int]:
    """Indexes of the messages that a set names."""
    if key.numbers.saved:
        return numbers.indexes(peer, key.numbers, by_uid=True)
    if isinstance(key, keys.Uids):
        return sets.indexes_of_uids(key.numbers, known.uids, known.count)
    if peer.session.uidonly:
        raise UidRequired(WHAT, 0, "sequence numbers are switched off")
    # quirk: numbers beyond the mailbox match nothing here, instead of failing the search.
    count = known.count
    return [index for low, high in sets.merged(key.numbers, count) for index in range(low - 1, min(high, count))]


def _plain(peer: Peer, asked: Search, found: Sequence[int], by_uid: bool) -> bytes:
    hits = results.numbers_of(peer, found, by_uid)
    modseq = b" (MODSEQ %d)" % results.modseq_of(peer.selected, found) if asked.modseq and found else b""
    return b"* SEARCH%b%b\r\n" % (b"".join(map(b" %d".__mod__, hits)), modseq)


DAY_S: Final = 86_400
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MOMENTS: Final = {Moment.RECEIVED: Column.RECEIVED, Moment.SAVED: Column.SAVED}
_READING: Final = (keys.Header, keys.InBody, keys.InText)


_OF_ENVELOPE: Final = {
    b"SUBJECT": Fact.SUBJECT,
    b"FROM": Fact.FROM,
    b"TO": Fact.TO,
    b"CC": Fact.CC,
    b"BCC": Fact.BCC,
    b"MESSAGE-ID": Fact.MESSAGE_ID,
}


class _Cost(IntEnum):
    """What judging a key takes."""

    NUMBERS = 0
    ENVELOPES = 1
    MESSAGES = 2


def _cost(key: Key) -> _Cost:
    if isinstance(key, keys.And):
        return max(map(_cost, key.keys))
    if isinstance(key, keys.Or):
        return max(_cost(key.left), _cost(key.right))
    if isinstance(key, keys.Not):
        return _cost(key.key)
    if isinstance(key, _READING):
        return _Cost.MESSAGES
    return _Cost.NUMBERS if _fact(key) is None else _Cost.ENVELOPES


def _fact(key: Key) -> Fact | None:
    """What of the envelope the key asks about."""
    if isinstance(key, keys.InEnvelope):
        return _OF_ENVELOPE[key.field]
    return Fact.SENT_DAY if isinstance(key, keys.Days) and key.moment is Moment.SENT else None


_ADDRESSES: Final = frozenset({b"FROM", b"TO", b"CC", b"BCC", b"SENDER", b"REPLY-TO"})


def _addresses(value: bytes) -> str:
    """The bare addresses of a field: comments and blanks inside an address do not hide it."""
    found = [b"%b@%b" % (mailbox.local, mailbox.domain) for mailbox in parse_mailbox_list(value)]
    return b" ".join(found).decode("utf-8", "replace").casefold()


class _Message:
    """One message's octets, and what was made of them so far."""

    __slots__ = ("_block", "_header", "_texts", "raw", "record")

    def __init__(self, raw: bytes, record: Record) -> None:
        self.raw = raw
        self.record = record
        self._block: HeaderBlock | None = None
        self._header: str | None = None
        self._texts: list[str] | None = None

    def holds_field(self, name: bytes, text: str) -> bool:
        if self._block is None:
            self._block = split_block(self.raw)
        values = self._block.all(name)
        if not text:
            return bool(values)
        if any(text in encoded_word.decode(value).casefold() for value in values):
            return True
        return name.upper() in _ADDRESSES and any(text in _addresses(value) for value in values)

    def holds_header(self, text: str) -> bool:
        if self._header is None:
            record = self.record
            self._header = decoded_header(self.raw, record.parts, record.prefix_octets).casefold()
        return text in self._header

    def holds_body(self, text: str) -> bool:
        if self._texts is None:
            record = self.record
            self._texts = [one.casefold() for one in decoded_text(self.raw, record.parts, record.prefix_octets)]
        return any(text in one for one in self._texts)


class _Query:
    """One SEARCH over what the client knows of a mailbox."""

    def __init__(self, peer: Peer, known: Numbers) -> None:
        self._peer = peer
        self._known = known
        self._columns: dict[Column, Sequence[int]] = {}
        self._keywords: dict[str, int] = {}
        self._sets: dict[int, set[int]] = {}
        self._facts: dict[Fact, Sequence[Any] | Mapping[int, Any]] = {}

    async def run(self, key: Key, among: Sequence[int] | None) -> list[int]:
        """Indexes (ascending) of the messages that match."""
        await self._prepare(key)
        found: list[int] = list(range(self._known.count)) if among is None else list(among)
        parts = sorted(key.keys if isinstance(key, keys.And) else (key,), key=_cost)
        reading = [part for part in parts if _cost(part) is _Cost.MESSAGES]
        for part in parts[: len(parts) - len(reading)]:
            await self._look_at_envelopes(part, found)
            found = self._filter(part, found)
        for part in reading:
            await self._look_at_envelopes(part, found)
        return await self._read(reading, found) if reading else found

    async def _look_at_envelopes(self, key: Key, found: Sequence[int]) -> None:
        """Have the facts that ``key`` asks about, of those messages at least."""
        if isinstance(key, keys.And):
            for part in key.keys:
                await self._look_at_envelopes(part, found)
        elif isinstance(key, keys.Or):
            await self._look_at_envelopes(key.left, found)
            await self._look_at_envelopes(key.right, found)
        elif isinstance(key, keys.Not):
            await self._look_at_envelopes(key.key, found)
        elif (fact := _fact(key)) is not None and fact not in self._facts:
            self._facts[fact] = await self._peer.facts(self._known).some(fact, found)

    # --- what is looked up beforehand ---------------------------------------------------------------------------
    async def _prepare(self, key: Key) -> None:
        if isinstance(key, keys.And):
            for part in key.keys:
                await self._prepare(part)
        elif isinstance(key, keys.Or):
            await self._prepare(key.left)
            await self._prepare(key.right)
        elif isinstance(key, keys.Not):
            await self._prepare(key.key)
        elif isinstance(key, (keys.Larger, keys.Smaller)):
            await self._column(Column.SIZE)
        elif isinstance(key, keys.Within):
            await self._column(Column.RECEIVED)
        elif isinstance(key, keys.Days) and key.moment is not Moment.SENT:
            await self._column(_MOMENTS[key.moment])
        elif isinstance(key, keys.ObjectId):
            await self._column(Column.THREAD if key.thread else Column.ID)
        elif isinstance(key, keys.HasKeyword):
            account = self._peer.account.id
            self._keywords[key.name] = await self._peer.store.keyword_bits(account, [key.name], create=False)
        elif isinstance(key, (keys.Seqs, keys.Uids)):
            self._sets[id(key)] = set(_named(self._peer, self._known, key))

    async def _column(self, column: Column) -> None:
        if column in self._columns:
            return
        known, store = self._known, self._peer.store
        if not known.behind:
            values = await store.column(known.view, column, 0, known.count)
            if not known.behind:
                self._columns[column] = [int(value) for value in values]
                return
        found = await store.values(known.view, column, known.uids[: known.count])
        self._columns[column] = [0 if value is None else int(value) for value in found]

    # --- all messages at once -------------------------------------------------------------------------------------
    def _filter(self, key: Key, found: list[int]) -> list[int]:
        """Those of ``found`` that match a key which needs no reading."""
        if isinstance(key, keys.And):
            for part in key.keys:
                found = self._filter(part, found)
            return found
        if isinstance(key, keys.Not):
            if isinstance(key.key, keys.HasFlag) and not self._known.behind:
                flags, bits = self._known.flags, key.key.bits
                return [index for index in found if not flags[index] & bits]
            out = set(self._filter(key.key, found))
            return [index for index in found if index not in out]
        if isinstance(key, keys.Or):
            both = {*self._filter(key.left, found), *self._filter(key.right, found)}
            return [index for index in found if index in both]
        if isinstance(key, (keys.All, keys.SaveDateSupported)):
            return found
        if isinstance(key, keys.HasFlag) and not self._known.behind:
            flags, bits = self._known.flags, key.bits
            return [index for index in found if flags[index] & bits]
        if isinstance(key, keys.InEnvelope):
            texts, text = self._facts[_OF_ENVELOPE[key.field]], key.text
            return [index for index in found if text in texts[index]]
        if isinstance(key, keys.Days):
            return self._in_days(key, found)
        return [index for index in found if self._holds(key, index, None)]

    # --- one message --------------------------------------------------------------------------------------------------
    async def _read(self, reading: list[Key], found: list[int]) -> list[int]:
        peer, known, store = self._peer, self._known, self._peer.store
        view, uids = known.view, known.uids
        hits = []
        octets = 0
        progress = Progress(peer, len(found))
        for done, index in enumerate(found):
            record = await store.record(view.account, view.mailbox, uids[index])
            if record is None:
                continue
            raw = await store.read(view.account, MessageId(record.id))
            message = _Message(raw, record)
            if all(self._holds(key, index, message) for key in reading):
                hits.append(index)
            octets += len(raw)
            if octets >= TURN_OCTETS:
                octets = 0
                progress.reached(done + 1)
                await asyncio.sleep(0)
                if peer.connection.closing:
                    return []
        return hits

    def _holds(self, key: Key, index: int, message: _Message | None) -> bool:
        if message is not None:
            if isinstance(key, keys.Header):
                return message.holds_field(key.name, key.text)
            if isinstance(key, keys.InBody):
                return message.holds_body(key.text)
            if isinstance(key, keys.InText):
                return message.holds_header(key.text) or message.holds_body(key.text)
            if isinstance(key, keys.And):
                return all(self._holds(part, index, message) for part in key.keys)
            if isinstance(key, keys.Or):
                return self._holds(key.left, index, message) or self._holds(key.right, index, message)
            if isinstance(key, keys.Not):
                return not self._holds(key.key, index, message)
        return self._holds_facts(key, index)

    def _holds_facts(self, key: Key, index: int) -> bool:
        """Keys that need only numbers and flags."""
        known = self._known
        match key:
            case keys.And() | keys.Or() | keys.Not() | keys.Days() | keys.All() | keys.SaveDateSupported():
                return bool(self._filter(key, [index]))
            case keys.HasFlag():
                return bool(known.flags_at(index) & key.bits)
            case keys.HasKeyword():
                return bool(known.flags_at(index) & self._keywords[key.name])
            case keys.Seqs() | keys.Uids():
                return index in self._sets[id(key)]
            case keys.IsRecent():
                return known.is_recent(known.uids[index])
            case keys.Larger():
                return self._columns[Column.SIZE][index] > key.octets
            case keys.Smaller():
                return self._columns[Column.SIZE][index] < key.octets
            case keys.InEnvelope():
                return key.text in self._facts[_OF_ENVELOPE[key.field]][index]
            case keys.Within():
                age = self._peer.shared.clock.now() - self._columns[Column.RECEIVED][index]
                return (age <= key.seconds) is key.younger
            case keys.ModSeqAtLeast():
                now = known.view.index(known.uids[index])
                return now >= 0 and known.view.modseqs[now] >= key.modseq
            case keys.ObjectId():
                column = Column.THREAD if key.thread else Column.ID
                return self._columns[column][index] == key.number
            case _:
                return False

    def _in_days(self, key: keys.Days, found: list[int]) -> list[int]:
        """The day of INTERNALDATE or SAVEDATE in UTC, the zone they are shown in; that of Date as it stands."""
        first = key.first.toordinal() if key.first else 1
        end = key.end.toordinal() if key.end else date.max.toordinal() + 1
        if key.moment is Moment.SENT:
            days = self._facts[Fact.SENT_DAY]
            return [index for index in found if first <= days[index] < end]
        moments = self._columns[_MOMENTS[key.moment]]
        low, high = (first - EPOCH_DAY) * DAY_S, (end - EPOCH_DAY) * DAY_S
        return [index for index in found if low <= moments[index] < high]
