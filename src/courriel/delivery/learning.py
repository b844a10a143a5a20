"""From what people teach of junk to what the scan knows: lessons become counts of words, behind everything else.

Each account learns from its own reader.  A flood of marks (a program gone wild, somebody in an account) teaches no more
than DAILY in a day; the rest is never learnt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.base.utc import utc_day
from courriel.delivery.acquaintance import author_of
from courriel.model.ids import AccountId
from courriel.model.lesson import Lesson
from courriel.ports.correspondents import Correspondents, Known
from courriel.ports.lessons import Lessons
from courriel.ports.marks import AccountMarks, Mark
from courriel.ports.store import MailStore
from courriel.threats import words
from courriel.threats.marks import Counts
from courriel.threats.read import read

EVERY_S: Final = 30.0
"""``learning.every``: a mark counts after this at the latest."""

BATCH: Final = 100
"""``learning.batch``: lessons that become durable together."""

DAILY: Final = 1_000
"""``learning.daily``: marks of one account within a UTC day."""


class Teacher:
    """Runs as one task of the server."""

    def __init__(
        self, lessons: Lessons, store: MailStore, marks: AccountMarks, correspondents: Correspondents | None = None
    ) -> None:
        self._lessons = lessons
        self._correspondents = correspondents
        self._store = store
        self._marks = marks
        self._taught: Counter[tuple[AccountId, str]] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.catch_up()
            except CourrielError as error:  # it is tried again; the server goes on
                log.event("learning.failed", Level.WARNING, error=str(error))

    async def catch_up(self) -> int:
        """Learn all that was taught and is not known yet; how many marks.  Raises Unavailable, Damaged."""
        upto, learnt = await self._marks.upto(), 0
        while batch := await self._lessons.after(upto, BATCH):
            marks = [mark for _, lesson in batch if (mark := await self._mark(lesson)) is not None]
            upto, newest = batch[-1][0], utc_day(batch[-1][1].at)
            await self._marks.learn(marks, upto)
            learnt += len(marks)
            self._taught = Counter({key: count for key, count in self._taught.items() if key[1] == newest})
        return learnt

    async def _mark(self, lesson: Lesson) -> Mark | None:
        """Nothing of a message that is gone, nor beyond the day's measure."""
        key = (lesson.account, utc_day(lesson.at))
        self._taught[key] += 1
        if self._taught[key] > DAILY:
            log.count("learning.too_many")
            return None
        try:
            raw = await self._store.read(lesson.account, lesson.message)
        except CourrielError:
            return None
        if self._correspondents is not None and (author := author_of(raw)):
            said = Known(marked_junk=1) if lesson.is_junk else Known(marked_good=1)
            self._correspondents.note(lesson.account, author, said)
        features = await asyncio.to_thread(_features, raw)
        return Mark(lesson.account, lesson.content, lesson.is_junk, lesson.at, features)


def _features(raw: bytes) -> frozenset[int]:
    return frozenset(words.features(read(raw)))


class Memory:
    """Fulfils ``threats.marks.Marks`` for one account."""

    def __init__(self, marks: AccountMarks, account: AccountId) -> None:
        self._marks, self._account = marks, account
        learnt = marks.learnt(account)
        self.junk, self.good = learnt.junk, learnt.good

    def counts(self, features: Iterable[int]) -> Mapping[int, Counts]:
        found = self._marks.counts(self._account, features)
        return {feature: Counts(one.junk, one.good) for feature, one in found.items()}
