"""What the messages of a mailbox say of themselves, ready to be searched, sorted and threaded.  RFC 5256 §2, RFC 5957.

A *fact* is one value of each message, derived from a column of the store (mostly ENVELOPE) at the first question and
kept beside the view: it follows what arrives, message by message, and what goes.  Nothing of it is needed at
delivery and nothing is stored; a mailbox of 100,000 costs about 0.3 s once, then an order is 400 KB ready to read.
Equal values are one object, so subjects and people that come again cost 8 octets.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import accumulate, compress
from typing import Any, Final

from courriel.formats import charsets, dates, encoded_word
from courriel.formats.collation import casemap
from courriel.formats.folding import fold
from courriel.formats.message.base_subject import base_subject
from courriel.formats.message.envelope_fields import (
    EnvelopeAddress,
    EnvelopeField,
    addresses,
    fields,
    first_address,
    text,
)
from courriel.formats.message.relatives import of_header
from courriel.imap.view import Numbers
from courriel.model.ids import AccountId, MailboxId, MessageId
from courriel.model.thread import Links
from courriel.ports.store import Column, MailStore, View

TURN_MESSAGES: Final = 2_000
"""Messages derived, some 6 ms, before others get their turn."""

TURN_LINKS: Final = 5_000
"""Messages linked, some 10 ms, before others get their turn."""

TURN_MESSAGES_READ: Final = 50
"""The same of whole messages."""

TRIES: Final = 4
"""How often a mailbox may lose messages while it is read, before only what is asked for is read, one by one."""

ORDERED_FROM: Final = 4
"""An order of the whole mailbox is made when one in so many of its messages is to be sorted."""

FACTS_OCTETS: Final = 1_000
"""What those of an empty mailbox take."""

LINK_OCTETS: Final = 300
"""About what a message takes in ``Links``, with the dummies it makes."""

NO_DATE: Final = -(1 << 62)


class Fact(Enum):
    """One value of each message.  Text for searching is folded (``formats.folding``), for sorting a collation key."""

    SUBJECT = "subject"
    FROM = "from"
    TO = "to"
    CC = "cc"
    BCC = "bcc"
    MESSAGE_ID = "message-id"
    BASE_SUBJECT = "base subject"
    ANSWER = "answer"
    """Whether the Subject is that of a reply or forward."""
    FIRST_FROM = "first from"
    FIRST_TO = "first to"
    FIRST_CC = "first cc"
    DISPLAY_FROM = "display from"
    DISPLAY_TO = "display to"
    SENT_DAY = "sent day"
    """``date.toordinal`` of the Date field in its own zone, 0 where there is none.  RFC 9051 §6.4.4, SENTON."""
    SENT = "sent"
    """POSIX seconds; INTERNALDATE where there is no Date.  RFC 5256 §2.2."""
    RECEIVED = "received"
    SIZE = "size"
    RELATIVES = "relatives"

    __hash__ = object.__hash__


# --- what an ENVELOPE says -----------------------------------------------------------------------------------------
def _subject(field: bytes) -> str:
    return encoded_word.decode(text(field) or b"")


def _people(field: bytes) -> str:
    """RFC 9051 §6.4.4: FROM and its like search the envelope structure; this is how its addresses are written out."""
    shown = []
    for address in addresses(field):
        name = encoded_word.decode(address.name) if address.name else ""
        spec = _spec(address)
        shown.append(spec if address.host is None else f"{name} <{spec}>")
    return fold(", ".join(shown))


def _spec(address: EnvelopeAddress) -> str:
    """mailbox@host, or the name of a group; not decoded, since no encoded word may stand there (RFC 2047 §5)."""
    mailbox = charsets.decode(address.mailbox or b"")
    return mailbox if address.host is None else f"{mailbox}@{charsets.decode(address.host)}"


def _first(field: bytes) -> str:
    """addr-mailbox of the first address.  RFC 5256 §3."""
    address = first_address(field)
    return casemap(charsets.decode(address.mailbox or b"")) if address else ""


def _display(field: bytes) -> str:
    """The name of the first address, else the address.  RFC 5957 §3."""
    address = first_address(field)
    if address is None:
        return ""
    name = casemap(encoded_word.decode(address.name).strip()) if address.name else ""
    return name or casemap(_spec(address))


def _sent(field: bytes) -> int:
    moment = dates.parse(text(field) or b"")
    return NO_DATE if moment is None else int(moment.timestamp())


def _sent_day(field: bytes) -> int:
    moment = dates.parse(text(field) or b"")
    return 0 if moment is None else moment.toordinal()


Make = Callable[[bytes], Any]
_FROM_ENVELOPE: Final[dict[Fact, tuple[EnvelopeField, Make]]] = {
    Fact.SUBJECT: (EnvelopeField.SUBJECT, lambda field: fold(_subject(field))),
    Fact.FROM: (EnvelopeField.FROM, _people),
    Fact.TO: (EnvelopeField.TO, _people),
    Fact.CC: (EnvelopeField.CC, _people),
    Fact.BCC: (EnvelopeField.BCC, _people),
    Fact.MESSAGE_ID: (EnvelopeField.MESSAGE_ID, lambda field: fold(charsets.decode(text(field) or b""))),
    Fact.BASE_SUBJECT: (EnvelopeField.SUBJECT, lambda field: casemap(base_subject(_subject(field))[0])),
    Fact.ANSWER: (EnvelopeField.SUBJECT, lambda field: base_subject(_subject(field))[1]),
    Fact.FIRST_FROM: (EnvelopeField.FROM, _first),
    Fact.FIRST_TO: (EnvelopeField.TO, _first),
    Fact.FIRST_CC: (EnvelopeField.CC, _first),
    Fact.DISPLAY_FROM: (EnvelopeField.FROM, _display),
    Fact.DISPLAY_TO: (EnvelopeField.TO, _display),
    Fact.SENT_DAY: (EnvelopeField.DATE, _sent_day),
    Fact.SENT: (EnvelopeField.DATE, _sent),
}
_COLUMNS: Final = {Fact.RECEIVED: Column.RECEIVED, Fact.SIZE: Column.SIZE, Fact.RELATIVES: Column.RELATIVES}


class _Made(dict[bytes, Any]):
    """Field → value, each made once."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, field: bytes) -> Any:
        value = self[field] = self._make(field)
        return value


async def _derived(store: MailStore, view: View, fact: Fact, raw: Sequence[Any], uids: Sequence[int]) -> list[Any]:
    """Values of messages from their columns."""
    if fact is Fact.RELATIVES:
        return await _relatives(store, view, raw, uids)
    if fact in _COLUMNS:
        return list(raw)
    place, make = _FROM_ENVELOPE[fact]
    made = _Made(make)
    values: list[Any] = []
    for start in range(0, len(raw), TURN_MESSAGES):
        if start:
            await asyncio.sleep(0)
        values += [made[fields(envelope)[place]] for envelope in raw[start : start + TURN_MESSAGES]]
    if fact is Fact.SENT and NO_DATE in made.values():
        undated = [uid for uid, at in zip(uids, values, strict=True) if at == NO_DATE]
        instead = iter(await store.values(view, Column.RECEIVED, undated))
        values = [(next(instead) or 0) if at == NO_DATE else at for at in values]
    return values


async def _relatives(store: MailStore, view: View, kept: Sequence[bytes], uids: Sequence[int]) -> list[bytes]:
    """As they were kept; where they were not, the messages are read."""
    values = list(kept)
    read = 0
    for place, value in enumerate(kept):
        if not value:
            record = await store.record(view.account, view.mailbox, uids[place])
            values[place] = of_header(await store.read(view.account, MessageId(record.id)) if record else b"")
            read += 1
            if read % TURN_MESSAGES_READ == 0:
                await asyncio.sleep(0)
    return values


class Facts:
    """The facts of one mailbox, by index in the view's present arrays."""

    def __init__(self) -> None:
        self._uids: array[int] = array("I")
        self._values: dict[Fact, list[Any]] = {}
        self._orders: dict[tuple[Fact, bool], array[int]] = {}
        self._ranks: dict[Fact, array[int]] = {}
        self.links = Links()
        """Who answers whom among all messages: as many as ``links.nodes`` has."""
        self.octets = 0
        """About what they take."""

    def covers(self, facts: Sequence[Fact], uids: array[int], count: int) -> bool:
        """Whether these were read for the first ``count`` of just these messages."""
        return self._uids is uids and all(len(self._values.get(fact, ())) >= count for fact in facts)

    async def read(self, store: MailStore, view: View, fact: Fact) -> list[Any] | None:
        """The values of all messages; None while too many go to keep up."""
        for _ in range(TRIES):
            self._align(view.uids)
            values = self._values.setdefault(fact, [])
            start, uids = len(values), view.uids
            count = len(uids) - start
            if not count:
                return values
            raw = await store.column(view, _COLUMNS.get(fact, Column.ENVELOPE), start, count)
            if view.uids is not uids or len(raw) != count:
                continue
            more = await _derived(store, view, fact, raw, uids[start : start + count])
            if view.uids is uids and self._values.get(fact) is values and len(values) == start:
                values += more
                self.octets += _octets(fact, more)
        return None

    def _align(self, uids: array[int]) -> None:
        """Follow the view's arrays: they are replaced when messages go, and when the view was loaded anew."""
        old, self._uids = self._uids, uids
        if uids is old or uids[: len(old)] == old:
            return
        there = set(uids)
        keep = bytes(map(there.__contains__, old))
        places = array("I", accumulate(keep, initial=0))
        self._values = {fact: list(compress(values, keep)) for fact, values in self._values.items()}
        self._orders = {
            key: array("I", [places[index] for index in order if keep[index]]) for key, order in self._orders.items()
        }
        self._ranks.clear()
        self.links = Links()
        self.octets = self.octets * sum(keep) // max(1, len(keep))

    def order(self, fact: Fact, reverse: bool) -> array[int]:
        """All indexes, sorted; equal ones in mailbox order also when ``reverse``.  After ``read``.

        Mail that arrived is sorted into the order that was there, which is a matter of one pass.
        """
        values = self._values[fact]
        key = (fact, reverse)
        order = self._orders.get(key)
        if order is None or len(order) != len(values):
            known = order or array("I")
            indexes = [*known, *range(len(known), len(values))]
            order = self._orders[key] = array("I", sorted(indexes, key=values.__getitem__, reverse=reverse))
        return order

    def ranks(self, fact: Fact) -> array[int]:
        """By index: how many different values sort before its own."""
        values = self._values[fact]
        ranks = self._ranks.get(fact)
        if ranks is None or len(ranks) != len(values):
            ranks = array("I", bytes(4 * len(values)))
            rank, last = 0, object()
            for index in self.order(fact, reverse=False):
                value = values[index]
                if value != last:
                    rank, last = rank + 1, value
                ranks[index] = rank
            self._ranks[fact] = ranks
        return ranks


def _octets(fact: Fact, values: Sequence[Any]) -> int:
    """With their orders; strings that are equal are one, and relatives belong to the store's column."""
    if fact is Fact.RELATIVES:
        return LINK_OCTETS * len(values)
    if not isinstance(values[0], str):
        return 52 * len(values)
    different = set(values)
    return 20 * len(values) + 50 * len(different) + sum(map(len, different))


class FactCache:
    """The facts of the mailboxes that were asked last, up to so many octets; one mailbox is always kept."""

    def __init__(self, limit_octets: int) -> None:
        self._limit = limit_octets
        self._kept: OrderedDict[tuple[AccountId, MailboxId, int], Facts] = OrderedDict()
        self._octets: dict[tuple[AccountId, MailboxId, int], int] = {}
        self._whole = 0

    def of(self, view: View) -> Facts:
        key = (view.account, view.mailbox, view.uidvalidity)
        facts = self._kept.get(key)
        if facts is None:
            facts = self._kept[key] = Facts()
        self._kept.move_to_end(key)
        return facts

    def weigh(self, view: View) -> None:
        """After facts of a mailbox were read: let those go that were asked longest ago."""
        key = (view.account, view.mailbox, view.uidvalidity)
        octets = self.of(view).octets + FACTS_OCTETS
        self._whole += octets - self._octets.get(key, 0)
        self._octets[key] = octets
        while self._whole > self._limit and len(self._kept) > 1:
            oldest, _ = self._kept.popitem(last=False)
            self._whole -= self._octets.pop(oldest, 0)


class KnownFacts:
    """Facts by the indexes of what one client knows."""

    def __init__(self, store: MailStore, cache: FactCache, known: Numbers) -> None:
        self._store = store
        self._cache = cache
        self._known = known

    async def values(self, fact: Fact) -> Sequence[Any]:
        """A value for every message the client knows, also of those that are gone."""
        known, view = self._known, self._known.view
        if not known.behind:
            values = await self._cache.of(view).read(self._store, view, fact)
            self._cache.weigh(view)
            if values is not None and not known.behind:
                return values
        return await self._singly(fact, known.uids[: known.count])

    async def _singly(self, fact: Fact, uids: Sequence[int]) -> list[Any]:
        """Values of these messages, without keeping them; of those that are gone for good, empty ones."""
        view = self._known.view
        raw = await self._store.values(view, _COLUMNS.get(fact, Column.ENVELOPE), uids)
        empty: Any = 0 if fact in (Fact.RECEIVED, Fact.SIZE) else _NOTHING if fact is not Fact.RELATIVES else bytes(8)
        return await _derived(self._store, view, fact, [empty if value is None else value for value in raw], uids)

    async def some(self, fact: Fact, found: Sequence[int]) -> Sequence[Any] | Mapping[int, Any]:
        """Values of these messages, by index; of few in a large mailbox only those are read."""
        known = self._known
        few = len(found) * ORDERED_FROM < known.count
        if not few or self._cache.of(known.view).covers([fact], known.uids, known.count):
            return await self.values(fact)
        return dict(zip(found, await self._singly(fact, [known.uids[index] for index in found]), strict=True))

    async def links(self, found: Sequence[int]) -> Links:
        """Who answers whom among these messages.  Of a whole mailbox that is kept, and goes on with what arrives."""
        known = self._known
        relatives = await self.values(Fact.RELATIVES)
        facts = self._cache.of(known.view)
        whole = len(found) == known.count and facts.covers([Fact.RELATIVES], known.uids, known.count)
        links = facts.links if whole and len(facts.links.nodes) <= known.count else Links()
        while (done := len(links.nodes)) < len(found):
            if done:
                await asyncio.sleep(0)
                done = len(links.nodes)  # another client may have gone on with them
            links.add(found[done : done + TURN_LINKS], relatives)
        return links

    async def sort(self, found: Sequence[int], criteria: Sequence[tuple[Fact, bool]]) -> Sequence[int]:
        """``found`` (ascending) in the order of these facts, each ``(fact, reverse)``.  RFC 5256 §3."""
        known = self._known
        columns = [await self.values(fact) for fact, _ in criteria]
        facts = self._cache.of(known.view)
        few = len(found) * ORDERED_FROM < known.count
        if known.behind or few or not facts.covers([fact for fact, _ in criteria], known.uids, known.count):
            ordered = list(found)
            for values, (_, reverse) in zip(reversed(columns), reversed(criteria), strict=True):
                ordered.sort(key=values.__getitem__, reverse=reverse)
            return ordered
        ordered = _among(facts.order(*criteria[-1]), found)
        for fact, reverse in reversed(criteria[:-1]):
            ordered.sort(key=facts.ranks(fact).__getitem__, reverse=reverse)
        return ordered


_NOTHING: Final = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def _among(order: array[int], found: Sequence[int]) -> list[int]:
    """Those of ``order`` that are in ``found``."""
    if len(order) == len(found):
        return order.tolist()
    wanted = bytearray(len(order))
    for index in found:
        wanted[index] = 1
    return list(compress(order, map(wanted.__getitem__, order)))
