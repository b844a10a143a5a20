"""SEARCH and UID SEARCH.  RFC 9051 §6.4.4, §7.3.4; ESEARCH RFC 4731; SEARCHRES RFC 5182; MODSEQ RFC 7162 §3.1.5.

What the columns can tell is judged for all messages at once and first, then what their envelopes say (``facts.py``);
of what is left the index of words says what it can (``text_keys.py``), and only the rest is read, message by message,
letting others have their turn in between (AUTH attack row 28).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import partial
from typing import Any, Final, cast

from courriel.imap import folded
from courriel.imap.commands import limits, numbers, results, text_keys, update
from courriel.imap.commands.progress import Progress
from courriel.imap.commands.text_keys import Message, Told
from courriel.imap.contexts import Judge
from courriel.imap.facts import Fact
from courriel.imap.folded import Folded
from courriel.imap.peer import Peer
from courriel.imap.view import Numbers
from courriel.imap.wire import search as keys
from courriel.imap.wire import sets
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.returns import ALL, Return
from courriel.imap.wire.search import Key, Moment, Search
from courriel.imap.wire.sets import NumberSet, UidRequired
from courriel.model.ids import MessageId
from courriel.ports.store import Column

WHOLE_SCORE: Final = 100
WORDS_SCORE: Final = 50
"""Relevancy of a message that holds every text as written, and of one that only has its words."""

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
        begin_updates = update.prepared(peer, by_uid, returns.fetch, judge(peer, asked.key))
    among: Sequence[int] | None = None
    limited = b""
    if peer.shared.settings.message_limit:
        among, limited = limits.cut(peer, searched(peer, asked.key))
    query = _Query(peer, peer.selected)
    found = await query.run(asked.key, among)
    if returns is None:
        if not peer.session.rev2:
            peer.write(_plain(peer, asked, found, by_uid))
            return b"OK %bSEARCH completed" % limited
        returns = ALL
    if Return.SAVE in returns.options:
        results.save(peer, found, returns)
    scores = query.scores(found) if Return.RELEVANCY in returns.options else ()
    if returns.partial or returns.options != {Return.SAVE}:
        peer.write(results.extended(peer, found, returns, by_uid, asked.modseq, scores=scores))
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


def _parts(key: keys.And | keys.Or | keys.Not) -> tuple[Key, ...]:
    """The keys it is made of."""
    if isinstance(key, keys.And):
        return key.keys
    return (key.left, key.right) if isinstance(key, keys.Or) else (key.key,)


def _cost(key: Key) -> _Cost:
    if isinstance(key, (keys.And, keys.Or, keys.Not)):
        return max(map(_cost, _parts(key)))
    if isinstance(key, _READING):
        return _Cost.MESSAGES
    return _Cost.NUMBERS if _fact(key) is None else _Cost.ENVELOPES


def _fact(key: Key) -> Fact | None:
    """What of the envelope the key asks about."""
    if isinstance(key, keys.InEnvelope):
        return _OF_ENVELOPE[key.field]
    return Fact.SENT_DAY if isinstance(key, keys.Days) and key.moment is Moment.SENT else None


def _reading_keys(key: Key) -> Iterator[keys.Header | keys.InBody | keys.InText]:
    """Those in ``key`` that ask about text."""
    if isinstance(key, _READING):
        yield key
    elif isinstance(key, (keys.And, keys.Or, keys.Not)):
        for part in _parts(key):
            yield from _reading_keys(part)


class _Texts:
    """Where the text of messages comes from: what was kept of an earlier search, else the store."""

    def __init__(self, peer: Peer, known: Numbers, is_kept: bool, with_header: bool) -> None:
        self._peer = peer
        self._uids, self._view = known.uids, known.view
        self._is_kept = is_kept
        self._with_header = with_header
        self._ids: dict[int, int] = {}
        self._known = peer.shared.folded.of(known.view.account, known.view.mailbox) if is_kept else {}

    @classmethod
    async def begin(
        cls, peer: Peer, known: Numbers, asked: Sequence[keys.Header | keys.InBody | keys.InText], found: Sequence[int]
    ) -> _Texts:
        """For these keys and messages."""
        is_kept = all(map(folded.answers, asked))
        texts = cls(peer, known, is_kept, any(isinstance(key, keys.InText) for key in asked))
        if is_kept:
            await texts._load_ids(known, found)
        return texts

    async def _load_ids(self, known: Numbers, found: Sequence[int]) -> None:
        store = self._peer.store
        if len(found) * 8 > known.count:
            every = await store.column(known.view, Column.ID, 0, known.count)
            if not known.behind:
                self._ids = dict(zip(range(known.count), cast("Sequence[int]", every), strict=True))
                return
        some = await store.values(known.view, Column.ID, [known.uids[index] for index in found])
        self._ids = {index: int(id) for index, id in zip(found, some, strict=True) if id is not None}

    def kept(self, index: int) -> Folded | None:
        text = self._known.get(self._ids.get(index, 0))
        return None if text is None or (self._with_header and text.header is None) else text

    async def read(self, index: int) -> Message | None:
        """None: it is gone."""
        view, store = self._view, self._peer.store
        record = await store.record(view.account, view.mailbox, self._uids[index])
        if record is None:
            return None
        message = Message(await store.read(view.account, MessageId(record.id)), record)
        if self._is_kept:
            text = message.folded(self._with_header)
            self._peer.shared.folded.keep(view.account, view.mailbox, record.id, text)
        return message


class _Query:
    """One SEARCH over what the client knows of a mailbox."""

    def __init__(self, peer: Peer, known: Numbers) -> None:
        self._peer = peer
        self._known = known
        self._owner = None if known.view.account == peer.account.id else known.view.account
        self._columns: dict[Column, Sequence[int]] = {}
        self._keywords: dict[str, int] = {}
        self._sets: dict[int, set[int]] = {}
        self._told: dict[int, Told] = {}
        self._facts: dict[Fact, Sequence[Any] | Mapping[int, Any]] = {}

    async def run(self, key: Key, among: Sequence[int] | None) -> list[int]:
        """Indexes (ascending) of the messages that match."""
        await self._prepare(key)
        found: Sequence[int] = range(self._known.count) if among is None else among
        parts = sorted(key.keys if isinstance(key, keys.And) else (key,), key=_cost)
        reading = [part for part in parts if _cost(part) is _Cost.MESSAGES]
        for part in parts[: len(parts) - len(reading)]:
            await self._look_at_envelopes(part, found)
            found = self._filter(part, found)
        if not reading or not found:
            return list(found)
        for part in reading:
            await self._look_at_envelopes(part, found)
            await self._ask_index(part)
        return await self._settle(reading, self._not_ruled_out(reading, found))

    async def _ask_index(self, key: Key) -> None:
        """Have what the index of words says of the text that ``key`` asks about."""
        if isinstance(key, (keys.And, keys.Or, keys.Not)):
            for part in _parts(key):
                await self._ask_index(part)
        elif isinstance(key, _READING) and (index := self._peer.shared.index) is not None:
            told = await text_keys.ask(index, self._known, key)
            if told is not None:
                self._told[id(key)] = told

    def _not_ruled_out(self, reading: list[Key], found: Sequence[int]) -> Sequence[int]:
        """Those of ``found`` that the index leaves; all, where it was not asked."""
        left: set[int] | None = None
        for part in reading:
            told = self._told.get(id(part))
            if told is not None:
                may = told.hits | told.doubts
                left = may if left is None else left & may
        if left is None:
            return found
        if len(found) == self._known.count:
            return sorted(left)
        return [index for index in found if index in left]

    async def _settle(self, reading: list[Key], found: Sequence[int]) -> list[int]:
        """Those that match: by what is known, else by reading."""
        hits, doubts = [], []
        told = self._told.get(id(reading[0])) if len(reading) == 1 else None
        if told is not None and not told.doubts:
            return list(found)
        for index in found:
            known = self._known_of_all(reading, index)
            if known is None:
                doubts.append(index)
            elif known:
                hits.append(index)
        return sorted(hits + await self._read(reading, doubts)) if doubts else hits

    def _known_of_all(self, reading: Iterable[Key], index: int) -> bool | None:
        answers = [self._known_of(key, index) for key in reading]
        return False if False in answers else None if None in answers else True

    def _known_of(self, key: Key, index: int) -> bool | None:
        """Whether a message matches, without reading it; None: that cannot be said."""
        if isinstance(key, _READING):
            told = self._told.get(id(key))
            return None if told is None else told.of(index)
        if _cost(key) is not _Cost.MESSAGES:
            return self._holds_facts(key, index)
        if isinstance(key, keys.And):
            return self._known_of_all(key.keys, index)
        if isinstance(key, keys.Not):
            known = self._known_of(key.key, index)
            return None if known is None else not known
        if isinstance(key, keys.Or):
            either = (self._known_of(key.left, index), self._known_of(key.right, index))
            return True if True in either else None if None in either else False
        return None

    def scores(self, found: Sequence[int]) -> list[int]:
        """RFC 6203 §4, in the order of ``found``.  A key counts wholly where its text may stand as it was written, and
        half where only its words were found."""
        loose = [told for told in self._told.values() if told.exact]
        if not loose:
            return [WORDS_SCORE] * len(found)
        spread = (WHOLE_SCORE - WORDS_SCORE) / len(loose)
        return [WORDS_SCORE + round(spread * sum(index in told.exact for told in loose)) for index in found]

    async def _look_at_envelopes(self, key: Key, found: Sequence[int]) -> None:
        """Have the facts that ``key`` asks about, of those messages at least."""
        if isinstance(key, (keys.And, keys.Or, keys.Not)):
            for part in _parts(key):
                await self._look_at_envelopes(part, found)
        elif (fact := _fact(key)) is not None and fact not in self._facts:
            self._facts[fact] = await self._peer.facts(self._known).some(fact, found)

    # --- what is looked up beforehand ---------------------------------------------------------------------------
    async def _prepare(self, key: Key) -> None:
        if isinstance(key, (keys.And, keys.Or, keys.Not)):
            for part in _parts(key):
                await self._prepare(part)
        elif isinstance(key, (keys.Larger, keys.Smaller)):
            await self._column(Column.SIZE)
        elif isinstance(key, keys.Within):
            await self._column(Column.RECEIVED)
        elif isinstance(key, keys.Days) and key.moment is not Moment.SENT:
            await self._column(_MOMENTS[key.moment])
        elif isinstance(key, keys.ObjectId):
            await self._column(Column.THREAD if key.thread else Column.ORIGIN)
        elif isinstance(key, keys.HasKeyword):
            account = self._known.view.account
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
    def _filter(self, key: Key, found: Sequence[int]) -> Sequence[int]:
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
        peer, known = self._peer, self._known
        asked = [key for part in reading for key in _reading_keys(part)]
        source = await _Texts.begin(peer, known, asked, found)
        only = reading[0] if len(reading) == 1 and isinstance(reading[0], _READING) else None
        hits = []
        octets = 0
        progress = Progress(peer, len(found))
        for done, index in enumerate(found):
            text = source.kept(index) or await source.read(index)
            if text is None:
                continue
            if text.holds(only) if only is not None else all(self._holds(key, index, text) for key in reading):
                hits.append(index)
            octets += text.octets
            if octets >= TURN_OCTETS:
                octets = 0
                progress.reached(done + 1)
                await asyncio.sleep(0)
                if peer.connection.closing:
                    return []
        return hits

    def _holds(self, key: Key, index: int, message: Message | Folded | None) -> bool:
        if message is not None:
            if isinstance(key, _READING):
                return message.holds(key)
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
                column = Column.THREAD if key.thread else Column.ORIGIN
                return key.owner == self._owner and self._columns[column][index] == key.number
            case _:
                return False

    def _in_days(self, key: keys.Days, found: Sequence[int]) -> list[int]:
        """The day of INTERNALDATE or SAVEDATE in UTC, the zone they are shown in; that of Date as it stands."""
        first = key.first.toordinal() if key.first else 1
        end = key.end.toordinal() if key.end else date.max.toordinal() + 1
        if key.moment is Moment.SENT:
            days = self._facts[Fact.SENT_DAY]
            return [index for index in found if first <= days[index] < end]
        moments = self._columns[_MOMENTS[key.moment]]
        low, high = (first - EPOCH_DAY) * DAY_S, (end - EPOCH_DAY) * DAY_S
        return [index for index in found if low <= moments[index] < high]
