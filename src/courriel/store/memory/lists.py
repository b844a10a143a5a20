"""Lists' books in memory.  Fulfils ``ports/lists.py: ListBook``; nothing survives the process."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.model.mailing_list import Asked, Member, NoSuchMember, Question, bounce_key


class MemoryLists:
    """Members, questions and bounces."""

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}
        self._asked: dict[int, Asked] = {}
        self._bounces: dict[str, set[int]] = {}
        self._last = 0

    def _next(self) -> int:
        self._last += 1
        return self._last

    async def members(self, list: str) -> Sequence[Member]:
        return [one for one in self._members.values() if one.list == list]

    async def member(self, list: str, id: int) -> Member | None:
        found = self._members.get(id)
        return found if found is not None and found.list == list else None

    async def find_member(self, list: str, address: str) -> Member | None:
        return next((one for one in await self.members(list) if one.address == address), None)

    async def add_members(self, list: str, addresses: Sequence[str], at: float) -> int:
        added = 0
        for address in dict.fromkeys(addresses):
            known = await self.find_member(list, address)
            if known is not None and not known.suspended:
                continue
            added += 1
            if known is None:
                known = Member(self._next(), list, address, at)
            self._members[known.id] = msgspec.structs.replace(known, suspended=False)
            await self.forget_bounces(bounce_key(known.id))
        return added

    async def remove_member(self, list: str, address: str) -> None:
        known = await self.find_member(list, address)
        if known is None:
            raise NoSuchMember(address)
        del self._members[known.id]
        await self.forget_bounces(bounce_key(known.id))

    async def suspend(self, list: str, id: int) -> None:
        known = await self.member(list, id)
        if known is not None:
            self._members[id] = msgspec.structs.replace(known, suspended=True)

    async def ask(self, asked: Asked) -> Asked:
        kept = msgspec.structs.replace(asked, id=self._next())
        self._asked[kept.id] = kept
        return kept

    async def asked(self, list: str) -> Sequence[Asked]:
        return [msgspec.structs.replace(one, content=b"") for one in self._asked.values() if one.list == list]

    async def asked_about(self, list: str, question: Question, address: str) -> Asked | None:
        about = [one for one in await self.asked(list) if (one.question, one.address) == (question, address)]
        return about[-1] if about else None

    async def question(self, list: str, id: int) -> Asked | None:
        found = self._asked.get(id)
        return found if found is not None and found.list == list else None

    async def settle(self, list: str, id: int) -> None:
        if await self.question(list, id) is not None:
            del self._asked[id]

    async def note_bounce(self, key: str, day: int, days: int) -> int:
        known = self._bounces.setdefault(key, set())
        if day in known:
            return 0
        known.add(day)
        return sum(1 for one in known if day - days < one <= day)

    async def forget_bounces(self, key: str) -> None:
        self._bounces.pop(key, None)

    async def forget_questions(self, before: float) -> int:
        old = [one.id for one in self._asked.values() if one.at < before]
        for id in old:
            del self._asked[id]
        return len(old)

    async def forget_list(self, list: str) -> None:
        self._members = {id: one for id, one in self._members.items() if one.list != list}
        self._asked = {id: one for id, one in self._asked.items() if one.list != list}

    def close(self) -> None:
        """Nothing to let go of."""
