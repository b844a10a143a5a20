"""What an account's own marks come to."""

from __future__ import annotations

from courriel.threats import marks
from courriel.threats.marks import FEWEST, Counts, Memory, opinion
from courriel.threats.signals.account import MOST

JUNK, GOOD, BOTH = range(1_000, 1_030), range(2_000, 2_030), range(3_000, 3_030)


def memory(times: int) -> Memory:
    one = Memory()
    for _ in range(times):
        one.learn([*JUNK, *BOTH], junk=True)
        one.learn([*GOOD, *BOTH], junk=False)
    return one


def test_nothing_is_said_before_the_tenth_mark() -> None:
    assert opinion(memory((FEWEST - 1) // 2), JUNK) is None
    assert opinion(memory(FEWEST // 2), JUNK) is not None


def test_junk_and_good_pull_apart_and_more_marks_pull_harder() -> None:
    few, many = memory(5), memory(50)
    for one in (few, many):
        assert opinion(one, JUNK).weight > 0 > opinion(one, GOOD).weight  # type: ignore[union-attr]
        assert abs(opinion(one, BOTH).weight) < 1e-9  # type: ignore[union-attr]
    assert opinion(many, JUNK).weight > opinion(few, JUNK).weight  # type: ignore[union-attr]


def test_the_pull_is_bounded_and_one_mark_does_little() -> None:
    one = memory(500)
    assert opinion(one, JUNK).weight <= MOST  # type: ignore[union-attr]
    before = opinion(one, GOOD).weight  # type: ignore[union-attr]
    one.learn(GOOD, junk=True)
    assert abs(opinion(one, GOOD).weight - before) < 0.3  # type: ignore[union-attr]


def test_a_mark_can_be_taken_back() -> None:
    one, same = memory(10), memory(10)
    one.learn(JUNK, junk=False)
    one.forget(JUNK, junk=False)
    assert one.counts([*JUNK, *GOOD, *BOTH]) == same.counts([*JUNK, *GOOD, *BOTH]) and one.good == same.good


def test_only_what_was_seen_is_known() -> None:
    assert memory(1).counts([JUNK[0], 5]) == {JUNK[0]: Counts(1, 0)}
    assert opinion(memory(50), [7, 8, 9]) is None


def test_an_account_keeps_so_many_features(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(marks, "FEATURES", 100)
    one = Memory()
    for start in range(0, 2_000, 10):
        one.learn(range(start, start + 10), junk=True)
    assert len(one) <= 100
