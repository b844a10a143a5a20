"""Noticing what people teach of junk: ``model/lesson.py`` says what is a lesson, this finds out of which messages.

Costs a comparison where nothing is taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from courriel.mailboxes.access import Place
from courriel.model.ids import AccountId, MessageId
from courriel.model.lesson import Act, of_keywords, of_move
from courriel.ports.lessons import Lessons
from courriel.ports.store import Column, MailStore, View

LESSONS_AT_ONCE: Final = 1_000
"""Most messages that one command teaches, the newest: whoever moves a whole mailbox does not look at each."""

Taught = tuple[AccountId, list[tuple[MessageId, MessageId]], bool]
"""Account, (content, message) each, whether they are junk: to be noted when the change is done."""


async def of_transfer(store: MailStore, source: View, uids: Sequence[int], target: Place) -> Taught | None:
    """What it would teach to move or copy these messages.  Between accounts it says nothing: whose junk would it be?"""
    if source.account != target.account:
        return None
    role = target.mailbox.role
    if target.path != target.mailbox.path:  # another's, whose roles are not told
        role = (await store.mailbox(target.account, target.path)).role
    is_junk = of_move(source.role, role)
    if is_junk is None:
        return None
    return source.account, await _named(store, source, uids), is_junk


async def note_keywords(
    store: MailStore, lessons: Lessons, view: View, uids: Sequence[int], names: Sequence[str]
) -> None:
    """These messages have been given keywords."""
    is_junk = of_keywords(names)
    if is_junk is not None:
        lessons.note(view.account, await _named(store, view, uids), is_junk, Act.FLAGGED)


async def _named(store: MailStore, view: View, uids: Sequence[int]) -> list[tuple[MessageId, MessageId]]:
    last = uids[-LESSONS_AT_ONCE:]
    ids, origins = await store.values(view, Column.ID, last), await store.values(view, Column.ORIGIN, last)
    return [
        (MessageId(int(origin)), MessageId(int(id)))
        for id, origin in zip(ids, origins, strict=True)
        if id is not None and origin is not None
    ]
