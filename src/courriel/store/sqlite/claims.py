"""Which recipients of the queue on disk are lent, and which are lent next.  Part of ``queue.py``.

One process has the file, so claims are kept in its memory: they end with it, which is what a claim asks for, and
cost no write (docs/adr/0009).  So does the map of destinations, which is as large as there are domains with waiting
mail.

Where more is due than one claim takes, sharers have their turn one after the other: first an equal part for each of
up to ``most`` of them, beginning after the one that had the last turn; what is left of the claim goes to those who
have waited longest, a higher priority counting as a longer wait (``model/wishes.py``).  So whoever has one message
waits for one round of the others, not for all that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final, TypeAlias

from msgspec import json

from courriel.model.queued import Claim, Progress, Queued
from courriel.model.wishes import rank
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.queue_schema import unpack_message, unpack_progress

Rows: TypeAlias = list[Row]
Select: TypeAlias = Callable[[str, Row], Rows]

SHORT_OCTETS: Final = 16_384
AT_HAND_OCTETS: Final = 32 * 1024 * 1024
"""Contents of lent messages that are kept at hand: how long one may be, and all of them, as they are stored."""

FIRST_SHARER: Final = -1
"""Before all of them."""


class _Lent:
    """What is lent of one domain: by message and place for its holder, by row for the queries."""

    def __init__(self) -> None:
        self.until: dict[tuple[str, int], float] = {}
        self.rows: set[tuple[int, int]] = set()
        self.of_sharer: dict[int, int] = {}
        self._row: dict[tuple[str, int], tuple[int, int]] = {}

    def add(self, id: str, n: int, place: int, sharer: int, until: float) -> None:
        self.until[id, place] = until
        self.rows.add((n, place))
        self._row[id, place] = (n, sharer)
        self.of_sharer[sharer] = self.of_sharer.get(sharer, 0) + 1

    def end(self, id: str, place: int) -> None:
        if self.until.pop((id, place), None) is None:
            return
        n, sharer = self._row.pop((id, place))
        self.rows.discard((n, place))
        self.of_sharer[sharer] -= 1
        if not self.of_sharer[sharer]:
            del self.of_sharer[sharer]

    def end_old(self, now: float) -> None:
        for id, place in [key for key, until in self.until.items() if until <= now]:
            self.end(id, place)


class Claims:
    """Lends rows that ``select`` finds; ``due`` is the map that ``ports/queue.py: destinations`` promises."""

    def __init__(self, select: Select) -> None:
        self._select = select
        self.due: dict[str, float] = dict(select(FIRST_DUE, ()))
        self.priorities: set[int] = {0, *(priority for (priority,) in select(PRIORITIES, ()))}
        """Those that messages have or had: one, unless somebody asked for more; then 19 at most (RFC 6710)."""
        self.tell: Callable[[str], None] = _tell_nobody
        self._lent: dict[str, _Lent] = {}
        self._lent_until: dict[str, tuple[float, float | None]] = {}
        self._last_turn: dict[str, int] = {}
        self._at_hand: dict[str, Row] = {}
        self._at_hand_octets = 0

    def claim(self, domain: str, now: float, until: float, most: int) -> list[Claim]:
        lent = self._lent_now(domain, now)
        free = self._first(LONGEST_DUE, (domain,), most + 1, len(lent.rows), lent)
        due = [row for row in free if row[0] <= now]
        chosen = due[:most] if len(due) <= most else self._by_turns(domain, now, most, lent, due[:most])
        taken = {row[1:] for row in chosen}
        claims = self._lend(domain, chosen, until)
        next_free = min([row[0] for row in free if row[1:] not in taken], default=None)
        self._note_due(domain, next_free, self._first_end(domain))
        return claims

    def claim_message(self, id: str, now: float, until: float) -> list[Claim]:
        claims: list[Claim] = []
        for (domain,) in self._select("SELECT DISTINCT domain FROM recipient JOIN queue USING (n) WHERE id=?", (id,)):
            lent = self._lent_now(domain, now)
            rows = self._select(WAITING_OF, (domain, id))
            claims += self._lend(domain, [row for row in rows if row[1:] not in lent.rows], until)
        return claims

    def _first(self, sql: str, bindings: Row, wanted: int, among: int, lent: _Lent) -> Rows:
        """By rank, up to ``wanted`` rows of each priority that are not lent; ``among`` may be lent before them."""
        found: list[tuple[float, Row]] = []
        for priority in self.priorities:
            rows = self._select(sql, (*bindings, priority, wanted + among))
            free = [row for row in rows if row[1:] not in lent.rows][:wanted]
            found += [(rank(row[0], priority), row) for row in free]
        found.sort(key=itemgetter(0))
        return [row for _, row in found]

    # --- turns ------------------------------------------------------------------------------------------------
    def _by_turns(self, domain: str, now: float, most: int, lent: _Lent, first: Rows) -> Rows:
        """``most`` rows that are due: an equal part for each sharer, the rest from ``first``."""
        sharers = self._next_sharers(domain, most)
        if len(sharers) < 2:
            return first
        part = most // len(sharers)
        shares = []
        for sharer in sharers:
            mine = lent.of_sharer.get(sharer, 0)
            shares.append(self._first(DUE_OF_SHARER, (domain, sharer, now), part, mine, lent)[:part])
        chosen = [share[turn] for turn in range(part) for share in shares if turn < len(share)]
        taken = {row[1:] for row in chosen}
        return (chosen + [row for row in first if row[1:] not in taken])[:most]

    def _next_sharers(self, domain: str, most: int) -> list[int]:
        """Up to ``most`` sharers with something that waits, from the one whose turn it is."""
        last = self._last_turn.get(domain, FIRST_SHARER)
        sharers = [sharer for (sharer,) in self._select(SHARERS, (domain, last, most))]
        if len(sharers) < most and last != FIRST_SHARER:
            again = self._select(SHARERS, (domain, FIRST_SHARER, most - len(sharers)))
            sharers += [sharer for (sharer,) in again if sharer <= last]
        if sharers:
            self._last_turn[domain] = sharers[-1]
        return sharers

    # --- what is lent -----------------------------------------------------------------------------------------
    def _lent_now(self, domain: str, now: float) -> _Lent:
        lent = self._lent.get(domain)
        if lent is None:
            return _Lent()
        lent.end_old(now)
        return lent

    def _first_end(self, domain: str) -> float | None:
        lent = self._lent.get(domain)
        return None if lent is None else min(lent.until.values(), default=None)

    def _lend(self, domain: str, rows: Rows, until: float) -> list[Claim]:
        """Claims of ``rows`` (next_at, n, place), one for each message; lent from now on.

        One query for all of them, their short contents with it, since these are read next: 17 µs a message less than
        queries for each.
        """
        if not rows:
            return []
        lent = self._lent.setdefault(domain, _Lent())
        parts: dict[int, tuple[Queued, list[int], list[Progress]]] = {}
        wanted = json.encode([row[1:] for row in rows]).decode()
        for n, place, progress, sharer, packed, *content in self._select(LENT, (SHORT_OCTETS, wanted)):
            if n not in parts:
                parts[n] = unpack_message(packed), [], []
                self._keep_at_hand(parts[n][0].id, tuple(content))
            message, places, states = parts[n]
            places.append(place)
            states.append(unpack_progress(progress))
            lent.add(message.id, n, place, sharer, until)
        return [Claim(message, domain, tuple(places), tuple(states)) for message, places, states in parts.values()]

    def _keep_at_hand(self, id: str, content: Row) -> None:
        if content[-1] is not None and id not in self._at_hand and self._at_hand_octets < AT_HAND_OCTETS:
            self._at_hand[id] = content
            self._at_hand_octets += len(content[-1])

    def take_content(self, id: str) -> Row | None:
        """(hash, size, codec, data) of a short message that was lent, once."""
        content = self._at_hand.pop(id, None)
        if content is not None:
            self._at_hand_octets -= len(content[-1])
        return content

    def _note_due(self, domain: str, next_free: float | None, lent_until: float | None) -> None:
        """A claim that never ends is due again after its time; the note of that goes with the last claim."""
        known = [at for at in (next_free, lent_until) if at is not None]
        if known:
            self.due[domain] = min(known)
        else:
            self.due.pop(domain, None)
            self._last_turn.pop(domain, None)
        if lent_until is not None and (next_free is None or lent_until < next_free):
            self._lent_until[domain] = (lent_until, next_free)
        else:
            self._lent_until.pop(domain, None)

    def end(self, domain: str, id: str, place: int) -> None:
        """A claim is over."""
        self.take_content(id)
        lent = self._lent.get(domain)
        if lent is not None:
            lent.end(id, place)
            if not lent.until:
                del self._lent[domain]
                until, next_free = self._lent_until.pop(domain, (None, None))
                if until is not None and self.due.get(domain) == until:
                    self._note_due(domain, next_free, None)

    def becomes_due(self, domain: str, next_at: float) -> None:
        """Something waits until ``next_at`` that can be claimed then."""
        known = self.due.get(domain)
        if domain in self._lent_until:  # what is noted now is the end of a claim, and that may end before its time
            until, next_free = self._lent_until[domain]
            self._lent_until[domain] = (until, next_at if next_free is None else min(next_free, next_at))
        if known is None or next_at < known:
            self.due[domain] = next_at
            self.tell(domain)


def _tell_nobody(_domain: str) -> None: ...


FIRST_DUE: Final = "SELECT domain, min(next_at) FROM recipient WHERE state=0 GROUP BY domain"

PRIORITIES: Final = "SELECT DISTINCT priority FROM recipient"

LONGEST_DUE: Final = """
SELECT next_at, n, place FROM recipient WHERE state=0 AND domain=? AND priority=? ORDER BY next_at LIMIT ?
"""

DUE_OF_SHARER: Final = """
SELECT next_at, n, place FROM recipient
    WHERE state=0 AND domain=? AND sharer=? AND next_at<=? AND priority=? ORDER BY next_at LIMIT ?
"""

SHARERS: Final = """
WITH RECURSIVE turn (sharer) AS (
    SELECT min(sharer) FROM recipient WHERE state=0 AND domain=?1 AND sharer>?2
    UNION ALL
    SELECT (SELECT min(sharer) FROM recipient WHERE state=0 AND domain=?1 AND sharer>turn.sharer)
        FROM turn WHERE turn.sharer IS NOT NULL LIMIT ?3)
SELECT sharer FROM turn WHERE sharer IS NOT NULL
"""
"""One step into the index for each sharer, however much it has."""

LENT: Final = """
SELECT r.n, r.place, r.progress, r.sharer, q.message, q.hash, q.size, q.codec,
    CASE WHEN length(q.data)<=? AND r.place=0 THEN q.data END
    FROM json_each(?) j CROSS JOIN recipient r ON r.n=j.value->>0 AND r.place=j.value->>1
    CROSS JOIN queue q ON q.n=r.n ORDER BY j.key
"""

WAITING_OF: Final = """
SELECT r.next_at, r.n, r.place FROM queue q JOIN recipient r USING (n)
    WHERE r.state=0 AND r.domain=? AND q.id=? ORDER BY r.place
"""
