"""What is promised of a sender's wishes: limits, priorities, and that nobody waits for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.model.refusals import WishNotGranted
from courriel.model.retry import RetrySettings, moments
from courriel.model.wishes import PRIORITIES, PRIORITY_S, Deadline, Granted, Wishes, WishLimits, grant, rank

NOW = 1_800_000_000.0
LIMITS = WishLimits()
MONTH = LIMITS.longest_hold_s

GRANTED = [
    (Wishes(), Granted()),
    (Wishes(hold_s=60), Granted(NOW + 60)),
    (Wishes(hold_s=MONTH), Granted(NOW + MONTH)),
    (Wishes(hold_until=NOW + 5), Granted(NOW + 5)),
    (Wishes(hold_until=NOW - 5), Granted()),
    (Wishes(priority=4), Granted(priority=4)),
    (Wishes(priority=9), Granted(priority=4)),
    (Wishes(priority=-9), Granted(priority=-9)),
    (Wishes(require_tls=True), Granted(require_tls=True)),
    (Wishes(deadline=Deadline(300.0, True)), Granted(deadline=Deadline(NOW + 300, True))),
    (Wishes(deadline=Deadline(-7.0)), Granted(deadline=Deadline(NOW - 7))),
    (Wishes(hold_s=60, deadline=Deadline(10.0)), Granted(NOW + 60, Deadline(NOW + 10))),
]
REFUSED = [
    Wishes(hold_s=MONTH + 1),
    Wishes(hold_until=NOW + MONTH + 1),
    Wishes(deadline=Deadline(299.0, True)),
    Wishes(hold_s=600, deadline=Deadline(600.0, True)),
]


@pytest.mark.parametrize(("wishes", "granted"), GRANTED)
def test_granted(wishes: Wishes, granted: Granted) -> None:
    assert grant(wishes, NOW, LIMITS) == granted


@pytest.mark.parametrize("wishes", REFUSED)
def test_past_the_limits(wishes: Wishes) -> None:
    with pytest.raises(WishNotGranted):
        grant(wishes, NOW, LIMITS)


def test_a_deadline_that_returns_brings_the_end_forward() -> None:
    settings = RetrySettings()
    assert moments(NOW, "a@b", Deadline(NOW + 600, True), settings) == (NOW + 600, NOW + 600)
    end = NOW + settings.expire_s
    assert moments(NOW, "a@b", Deadline(end + 1, True), settings) == (end, NOW + settings.warn_s)


def test_a_deadline_that_does_not_return_sets_when_the_sender_hears_of_it() -> None:
    settings = RetrySettings()
    assert moments(NOW, "a@b", Deadline(NOW + 600), settings) == (NOW + settings.expire_s, NOW + 600)
    assert moments(NOW, "a@b", None, settings) == (NOW + settings.expire_s, NOW + settings.warn_s)


priorities = st.sampled_from(PRIORITIES)


@given(st.floats(0, 1e6), priorities, priorities)
def test_a_higher_priority_comes_first_among_those_due_at_once(due: float, one: int, other: int) -> None:
    assert (rank(due, one) < rank(due, other)) == (one > other)


@given(st.floats(0, 1e6), priorities, priorities)
def test_nobody_is_overtaken_for_longer_than_the_bound(due: float, one: int, other: int) -> None:
    """What became due 18 steps later comes later, whatever its priority."""
    assert rank(due, one) < rank(due + 18 * PRIORITY_S + 1.0, other)
