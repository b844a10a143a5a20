"""Counting in slices: never more than the limit in any window, and the right time to come again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from courriel.model.tally import Tally

HOUR = 3_600.0
steps = st.lists(st.tuples(st.floats(0, 2_000), st.integers(1, 5)), max_size=60)


@given(steps, st.integers(5, 20))
def test_no_window_ever_holds_more_than_the_limit(steps: list[tuple[float, int]], limit: int) -> None:
    """Whoever asks for room before each step never does more than ``limit`` within an hour, wherever it begins."""
    tally, now, done = Tally(300, 12), 1_800_000_000.0, list[tuple[float, int]]()
    for wait, count in steps:
        now += wait
        if tally.room_at(count, limit, now) <= now:
            tally.add(now, count)
            done.append((now, count))
    for end, _ in done:
        assert sum(count for at, count in done if end - HOUR < at <= end) <= limit


@given(steps, st.integers(1, 5), st.integers(5, 20))
def test_there_is_room_when_it_was_promised_and_not_before(
    steps: list[tuple[float, int]], wanted: int, limit: int
) -> None:
    tally, now = Tally(300, 12), 1_800_000_000.0
    for wait, count in steps:
        now += wait
        tally.add(now, count)
    at = tally.room_at(wanted, limit, now)
    if at > now:
        assert tally.total(at - 1) + wanted > limit
    assert tally.total(at) + wanted <= limit


def test_what_never_fits_is_told_the_time_when_all_is_free() -> None:
    tally = Tally(300, 12)
    tally.add(0.0, 1)
    assert tally.room_at(9, 5, 10.0) == 3_900.0


def test_what_is_taken_back_counts_no_more() -> None:
    tally = Tally(300, 12)
    tally.add(0.0, 4)
    tally.add(0.0, -3)
    assert tally.total(1.0) == 1
    tally.add(0.0, -9)
    assert tally.total(1.0) == 0
