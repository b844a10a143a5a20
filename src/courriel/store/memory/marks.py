"""Counts of marked words in memory.  Fulfils ``ports/marks.py: AccountMarks``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from courriel.model.ids import AccountId, MessageId
from courriel.ports.marks import Counted, Learnt, Mark


class MemoryMarks:
    """Nothing grows old."""

    def __init__(self) -> None:
        self._counts: defaultdict[AccountId, dict[int, Counted]] = defaultdict(dict)
        self._marked: dict[tuple[AccountId, MessageId], bool] = {}
        self._learnt: dict[AccountId, Learnt] = {}
        self._upto = 0

    def learnt(self, account: AccountId) -> Learnt:
        return self._learnt.get(account, Learnt())

    def counts(self, account: AccountId, features: Iterable[int]) -> Mapping[int, Counted]:
        known = self._counts[account]
        return {feature: known[feature] for feature in features if feature in known}

    async def learn(self, marks: Sequence[Mark], upto: int) -> None:
        for mark in marks:
            before = self._marked.get((mark.account, mark.content))
            if before is not mark.is_junk:
                if before is not None:
                    self._change(mark, before, -1)
                self._change(mark, mark.is_junk, 1)
                self._marked[mark.account, mark.content] = mark.is_junk
        self._upto = upto

    async def upto(self) -> int:
        return self._upto

    async def forget(self, account: AccountId) -> None:
        self._counts.pop(account, None)
        self._learnt.pop(account, None)
        self._marked = {key: junk for key, junk in self._marked.items() if key[0] != account}

    def _change(self, mark: Mark, is_junk: bool, by: int) -> None:
        junk, good = (by, 0) if is_junk else (0, by)
        known = self._counts[mark.account]
        for feature in mark.features:
            old = known.get(feature, Counted())
            known[feature] = Counted(max(0, old.junk + junk), max(0, old.good + good))
        total = self.learnt(mark.account)
        self._learnt[mark.account] = Learnt(
            max(0, total.junk + junk), max(0, total.good + good), max(total.last, mark.at)
        )
