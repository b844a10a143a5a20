"""STORE and keywords."""

from __future__ import annotations

import asyncio

import pytest

from courriel.model.flags import (
    ANSWERED,
    DELETED,
    FIRST_KEYWORD_BIT,
    FLAGGED,
    KEYWORDS_PER_ACCOUNT,
    LAST_KEYWORD_BIT,
    SEEN,
    FlagAction,
    FlagChange,
)
from courriel.model.ids import ModSeq
from courriel.model.refusals import TooManyKeywords
from courriel.ports.store import MailStore
from tests.contracts.place import ALICE, BOB, fill, inbox, letter, picture

ADD, REMOVE, REPLACE = FlagAction.ADD, FlagAction.REMOVE, FlagAction.REPLACE


@pytest.mark.parametrize(
    ("action", "flags", "after"),
    [
        (ADD, SEEN | DELETED, [SEEN | DELETED, SEEN | FLAGGED | DELETED, SEEN | DELETED]),
        (REMOVE, SEEN | DELETED, [0, FLAGGED, 0]),
        (REPLACE, ANSWERED, [ANSWERED, ANSWERED, ANSWERED]),
        (REPLACE, 0, [0, 0, 0]),
        (REPLACE, (1 << 62) - 1, [(1 << 62) - 1] * 3),
    ],
)
async def test_actions(store: MailStore, action: FlagAction, flags: int, after: list[int]) -> None:
    mailbox = await inbox(store)
    await store.append(
        [letter(mailbox, flags=SEEN), letter(mailbox, flags=SEEN | FLAGGED), letter(mailbox), letter(mailbox)]
    )
    result = await store.change_flags(ALICE, mailbox, [1, 2, 3], FlagChange(action, flags))
    view = await store.view(ALICE, mailbox)
    assert list(view.flags) == [*after, 0]
    assert list(result.changed) == [1, 2, 3] and list(result.conflicts) == []


async def test_each_changed_message_takes_its_own_number_unchanged_keep_theirs(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 4)
    view = await store.view(ALICE, mailbox)
    before, highest = list(view.modseqs), view.modseq
    await store.change_flags(ALICE, mailbox, [2], FlagChange(ADD, SEEN))
    assert [a == b for a, b in zip(view.modseqs, before, strict=True)] == [True, False, True, True]
    result = await store.change_flags(ALICE, mailbox, [4, 1, 2, 2, 99, 0], FlagChange(ADD, SEEN))
    assert list(result.changed) == [1, 2, 4], "as asked now, whether or not something had to be done"
    assert len(set(view.modseqs)) == 4 and view.modseqs[2] == before[2]
    assert highest < view.modseqs[1] < view.modseqs[0] < view.modseqs[3] == view.modseq == result.modseq
    assert await store.modseq(ALICE) >= result.modseq
    again = await store.change_flags(ALICE, mailbox, [1, 2, 4], FlagChange(ADD, SEEN))
    assert list(again.changed) == [1, 2, 4] and again.modseq == view.modseq == result.modseq


async def test_unchanged_since(store: MailStore) -> None:
    """RFC 7162 §3.1.3."""
    mailbox = await inbox(store)
    await fill(store, mailbox, 4)
    view = await store.view(ALICE, mailbox)
    since = view.modseq
    await store.change_flags(ALICE, mailbox, [2, 3], FlagChange(ADD, FLAGGED))
    change = FlagChange(ADD, SEEN)
    result = await store.change_flags(ALICE, mailbox, [1, 2, 3, 4, 99], change, unchanged_since=since)
    assert (list(result.changed), list(result.conflicts)) == ([1, 4], [2, 3])
    assert list(view.flags) == [SEEN, FLAGGED, FLAGGED, SEEN]
    none = await store.change_flags(ALICE, mailbox, [1, 2], change, unchanged_since=ModSeq(0))
    assert (list(none.changed), list(none.conflicts), none.modseq) == ([], [1, 2], view.modseq)
    equal = await store.change_flags(ALICE, mailbox, [4], FlagChange(REMOVE, SEEN), ModSeq(view.modseqs[3]))
    assert (list(equal.changed), list(equal.conflicts)) == ([4], [])


async def test_many_at_once_are_applied_one_after_the_other(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 1)
    bits = [1 << n for n in range(30)]
    results = await asyncio.gather(
        *(store.change_flags(ALICE, mailbox, [1], FlagChange(ADD, bit)) for bit in bits),
        store.append([letter(mailbox)]),
    )
    view = await store.view(ALICE, mailbox)
    assert view.flags[0] == (1 << 30) - 1
    numbers = [result.modseq for result in results if not isinstance(result, list | tuple)]
    assert len(set(numbers)) == len(bits)


async def test_only_one_of_two_conditional_changes_wins(store: MailStore) -> None:
    mailbox = await inbox(store)
    await fill(store, mailbox, 1)
    since = (await store.view(ALICE, mailbox)).modseq
    results = await asyncio.gather(
        *(store.change_flags(ALICE, mailbox, [1], FlagChange(ADD, 1 << n), since) for n in range(8))
    )
    assert sorted(len(result.changed) for result in results) == [0] * 7 + [1]


async def test_keywords_are_case_insensitive_and_keep_their_first_spelling(store: MailStore) -> None:
    await inbox(store)
    await inbox(store, BOB)
    assert await store.keyword_bits(ALICE, ["$Junk"], create=False) == 0
    assert store.keyword_names(ALICE) == {}
    both = await store.keyword_bits(ALICE, ["$Junk", "Work", "$JUNK"], create=True)
    assert both.bit_count() == 2
    one = await store.keyword_bits(ALICE, ["$jUNK"], create=True)
    assert one.bit_count() == 1 and one & both == one
    assert await store.keyword_bits(ALICE, ["work", "unknown"], create=False) == both ^ one
    names = store.keyword_names(ALICE)
    assert sorted(names.values()) == ["$Junk", "Work"] and names[one.bit_length() - 1] == "$Junk"
    assert all(FIRST_KEYWORD_BIT <= bit <= LAST_KEYWORD_BIT for bit in names)
    await store.mailboxes(BOB)
    assert store.keyword_names(BOB) == {}
    assert await store.keyword_bits(ALICE, [], create=True) == 0


async def test_as_many_keywords_as_there_are_bits(store: MailStore) -> None:
    mailbox = await inbox(store)
    names = [f"k{n}" for n in range(KEYWORDS_PER_ACCOUNT)]
    bits = await store.keyword_bits(ALICE, names, create=True)
    assert bits.bit_count() == 57 and bits < 1 << 62
    before = await picture(store, ALICE)
    with pytest.raises(TooManyKeywords):
        await store.keyword_bits(ALICE, ["K0", "one more"], create=True)
    with pytest.raises(TooManyKeywords):
        await store.append([letter(mailbox, keywords=("one more",))])
    assert await picture(store, ALICE) == before
    assert await store.keyword_bits(ALICE, ["one more"], create=False) == 0
    await store.append([letter(mailbox, keywords=tuple(names))])
    assert list((await store.view(ALICE, mailbox)).flags) == [bits]


async def test_too_many_at_once_makes_none(store: MailStore) -> None:
    await inbox(store)
    with pytest.raises(TooManyKeywords):
        await store.keyword_bits(ALICE, [f"k{n}" for n in range(KEYWORDS_PER_ACCOUNT + 1)], create=True)
    assert store.keyword_names(ALICE) == {}
