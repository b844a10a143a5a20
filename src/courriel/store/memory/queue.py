"""An outbound queue in memory.  Fulfils ``ports/queue.py: OutboundQueue``; nothing survives the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from courriel.base.errors import Damaged
from courriel.model.queued import Claim, Entry, Mark, Queued, State, domain_of, first_progress
from courriel.model.wishes import rank


class _Held:
    """One message, what became of it so far, and which of its recipients are lent until when."""

    def __init__(self, message: Queued, content: bytes) -> None:
        self.message = message
        self.content = content
        self.progress = [first_progress(message)] * len(message.recipients)
        self.lent: dict[int, float] = {}
        self.look_at = message.look_at

    @property
    def entry(self) -> Entry:
        return Entry(self.message, tuple(self.progress))

    @property
    def is_done(self) -> bool:
        return all(progress.state.is_final and not progress.owes for progress in self.progress)

    @property
    def owes(self) -> bool:
        return any(progress.owes for progress in self.progress)

    def free(self, domain: str) -> list[tuple[float, int]]:
        """(due at, place) of recipients that wait and are not lent."""
        return [
            (progress.next_at, place)
            for place, (recipient, progress) in enumerate(zip(self.message.recipients, self.progress, strict=True))
            if progress.state is State.WAITING and place not in self.lent and domain_of(recipient) == domain
        ]

    def lent_until(self, domain: str) -> list[float]:
        return [until for place, until in self.lent.items() if domain_of(self.message.recipients[place]) == domain]


Due: TypeAlias = tuple[float, int, int]
"""When, the number of the message, the place of the recipient."""


class MemoryQueue:
    """Messages by id, in the order in which they came."""

    def __init__(self) -> None:
        self._messages: dict[str, _Held] = {}
        self._tell: Callable[[str], None] = lambda _domain: None
        self._last_turn: dict[str, str] = {}

    async def put(self, message: Queued, content: bytes) -> None:
        await self.put_all([(message, content)])

    async def put_all(self, messages: Sequence[tuple[Queued, bytes]]) -> None:
        for message, content in messages:
            if message.id not in self._messages:
                held = self._messages[message.id] = _Held(message, content)
                self._tell_of(held)

    def _tell_of(self, held: _Held) -> None:
        for domain in {domain_of(recipient) for recipient in held.message.recipients}:
            if held.free(domain):
                self._tell(domain)

    async def entries(self) -> Sequence[Entry]:
        return [held.entry for held in self._messages.values()]

    async def entry(self, id: str) -> Entry | None:
        held = self._messages.get(id)
        return None if held is None else held.entry

    async def content(self, id: str) -> bytes:
        if id not in self._messages:
            raise Damaged(f"no message {id} in the queue")
        return self._messages[id].content

    async def remove(self, id: str) -> bool:
        return self._messages.pop(id, None) is not None

    def destinations(self) -> Mapping[str, float]:
        due: dict[str, float] = {}
        for held in self._messages.values():
            for domain in {domain_of(recipient) for recipient in held.message.recipients}:
                for next_at in [*(at for at, _ in held.free(domain)), *held.lent_until(domain)]:
                    due[domain] = min(next_at, due.get(domain, next_at))
        return due

    async def claim(self, domain: str, now: float, until: float, most: int) -> Sequence[Claim]:
        for held in self._messages.values():
            held.lent = {place: end for place, end in held.lent.items() if end > now}
        messages = list(self._messages.values())
        due = sorted(
            (rank(next_at, held.message.priority), n, place)
            for n, held in enumerate(messages)
            for next_at, place in held.free(domain)
            if next_at <= now
        )
        chosen: dict[int, list[int]] = {}
        for _, n, place in due if len(due) <= most else self._by_turns(domain, due, most):
            chosen.setdefault(n, []).append(place)
            messages[n].lent[place] = until
        return [
            Claim(messages[n].message, domain, tuple(places), tuple(messages[n].progress[place] for place in places))
            for n, places in chosen.items()
        ]

    def _by_turns(self, domain: str, due: list[Due], most: int) -> list[Due]:
        """An equal part for each sharer, from the one whose turn it is; the rest to the longest due."""
        messages = list(self._messages.values())
        shares: dict[str, list[Due]] = {}
        for one in due:
            shares.setdefault(messages[one[1]].message.sharer, []).append(one)
        last = self._last_turn.get(domain, "")
        sharers = sorted(shares, key=lambda sharer: (sharer <= last, sharer))[:most]
        self._last_turn[domain] = sharers[-1]
        part = most // len(sharers)
        chosen = [shares[sharer][turn] for turn in range(part) for sharer in sharers if turn < len(shares[sharer])]
        return (chosen + [one for one in due if one not in chosen])[:most]

    async def claim_message(self, id: str, now: float, until: float) -> Sequence[Claim]:
        held = self._messages.get(id)
        if held is None:
            return []
        held.lent = {place: end for place, end in held.lent.items() if end > now}
        claims = []
        for domain in dict.fromkeys(domain_of(recipient) for recipient in held.message.recipients):
            places = tuple(place for _, place in held.free(domain))
            held.lent.update(dict.fromkeys(places, until))
            if places:
                claims.append(Claim(held.message, domain, places, tuple(held.progress[place] for place in places)))
        return claims

    async def mark(self, marks: Sequence[Mark]) -> None:
        for mark in marks:
            held = self._messages.get(mark.id)
            if held is None or mark.place >= len(held.progress):
                continue
            held.lent.pop(mark.place, None)
            held.progress[mark.place] = mark.progress
        for id in {mark.id for mark in marks}:
            held = self._messages.get(id)
            if held is not None and held.is_done:
                del self._messages[id]
            elif held is not None:
                self._tell_of(held)

    def give_back(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            held = self._messages.get(claim.message.id)
            if held is not None:
                for place in claim.places:
                    held.lent.pop(place, None)
                self._tell(claim.domain)

    async def owing(self, most: int) -> Sequence[Entry]:
        owing = [held.entry for held in self._messages.values() if held.owes]
        return owing[:most]

    async def overdue(self, now: float, most: int) -> Sequence[Entry]:
        old = [held for held in self._messages.values() if held.look_at and held.look_at <= now]
        longest = sorted(old, key=lambda held: held.look_at)[:most]
        return [held.entry for held in old if held in longest]

    async def look_again(self, id: str, at: float) -> None:
        if id in self._messages:
            self._messages[id].look_at = at

    def on_change(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    async def close(self) -> None:
        """Nothing to bring anywhere."""
