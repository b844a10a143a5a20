"""Retrying: the schedule, its end, and that no order of attempts loses a recipient.  RFC 5321 §4.5.4.1."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.queued import Progress, State
from courriel.model.retry import RetrySettings, after, delay_s, expiry

SETTINGS = RetrySettings()
START = 1_800_000_000.0


def attempt(result: Result) -> Attempt:
    return Attempt(result, "4.4.1", "450 4.4.1 later", Stage.RCPT)


def test_the_schedule_is_soon_first_and_then_seldom() -> None:
    waits = [delay_s(tries, 0.5, SETTINGS) for tries in range(1, 10)]
    assert waits == [60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 14_400.0, 14_400.0]


@given(st.integers(1, 500), st.floats(0, 1, exclude_max=True))
def test_the_random_part_stays_small(tries: int, chance: float) -> None:
    base = delay_s(tries, 0.5, SETTINGS)
    assert base * (1 - SETTINGS.spread) <= delay_s(tries, chance, SETTINGS) < base * (1 + SETTINGS.spread) + 1e-6


def test_reports_expire_sooner() -> None:
    assert expiry(START, "a@x.org", SETTINGS) == START + 5 * 86_400
    assert expiry(START, "", SETTINGS) == START + 86_400


@given(
    st.lists(st.tuples(st.sampled_from(Result), st.floats(0, 1, exclude_max=True), st.floats(0, 90_000)), max_size=60)
)
def test_every_order_of_attempts_ends_well(steps: list[tuple[Result, float, float]]) -> None:
    """Attempts when they are due or late: a final state comes by the first that decides, and never after expiry."""
    progress, now = Progress(State.WAITING, START), START
    expire_at = expiry(START, "a@x.org", SETTINGS)
    for count, (result, chance, late) in enumerate(steps, 1):
        now = max(now, progress.next_at) + late
        was_late = now >= expire_at
        progress = after(progress, attempt(result), now, expire_at, chance, SETTINGS)
        assert progress.tries == count and progress.last == attempt(result)
        if result is Result.DELIVERED:
            assert progress.state is State.DELIVERED
        elif result is Result.FAILED:
            assert progress.state is State.FAILED
        elif was_late:
            assert progress.state is State.EXPIRED
        else:
            assert progress.state is State.WAITING and now < progress.next_at <= expire_at
        if progress.state.is_final:
            break


def test_the_last_attempt_is_made_right_before_giving_up() -> None:
    expire_at = START + 100.0
    progress = after(Progress(next_at=START), attempt(Result.DEFERRED), START + 90.0, expire_at, 0.5, SETTINGS)
    assert progress.next_at == expire_at
    assert after(progress, attempt(Result.DEFERRED), expire_at, expire_at, 0.5, SETTINGS).state is State.EXPIRED
