"""The breaker of a lane: how often a dead destination is asked, and how it comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery.relay.lane import LONGEST_PAUSE_S, Lane
from courriel.model.attempt import Attempt, Result, Stage

FIRST_PAUSE_S = 60.0
DEAD = Attempt(Result.DEFERRED, "4.4.1", "connection refused", Stage.CONNECT)


def test_pauses_grow_to_a_limit_and_end_with_a_success() -> None:
    lane, now, pauses = Lane("x.org", 20, FIRST_PAUSE_S), 0.0, []
    for _ in range(8):
        lane.unreached(DEAD, now, 0.5)
        assert lane.is_paused(now) and not lane.has_room(now) and lane.failure is DEAD
        pauses.append(lane.paused_until - now)
        now = lane.paused_until
        assert lane.has_room(now)
    assert pauses == [FIRST_PAUSE_S * 2**n for n in range(5)] + [LONGEST_PAUSE_S] * 3
    lane.reached()
    assert lane.failure is None and not lane.is_probing and not lane.is_paused(now)


def test_what_many_workers_find_at_once_counts_once() -> None:
    lane = Lane("x.org", 20, FIRST_PAUSE_S)
    for _ in range(20):
        lane.unreached(DEAD, 5.0, 0.5)
    assert lane.failures == 1 and lane.paused_until == 5.0 + FIRST_PAUSE_S


def test_one_worker_probes() -> None:
    lane = Lane("x.org", 3, FIRST_PAUSE_S)
    lane.workers = 2
    assert lane.has_room(0.0)
    lane.workers = 3
    assert not lane.has_room(0.0)
    lane.workers = 0
    lane.unreached(DEAD, 0.0, 0.5)
    assert lane.is_probing and lane.has_room(FIRST_PAUSE_S)
    lane.workers = 1
    assert not lane.has_room(FIRST_PAUSE_S)


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_the_random_part_stays_small(chances: list[float]) -> None:
    lane, now = Lane("x.org", 20, FIRST_PAUSE_S), 0.0
    for chance in chances:
        lane.unreached(DEAD, now, chance)
        assert 0.899 * FIRST_PAUSE_S <= lane.paused_until - now <= 1.101 * LONGEST_PAUSE_S
        now = lane.paused_until


def test_work_goes_to_a_worker_that_lingers() -> None:
    lane, woken = Lane("x.org", 20, FIRST_PAUSE_S), []

    def wake() -> None:
        woken.append(1)

    assert not lane.add("x.org")
    lane.linger(wake)
    assert lane.add("x.org") and woken == [1] and not lane.add("x.org")
    lane.linger(wake)
    lane.leave(wake)
    lane.leave(wake)
    assert not lane.add("x.org") and list(lane.domains) == ["x.org"]
    assert not lane.is_idle
