"""When an account seems to be in other hands: stories of thieves, and of people who are taken for them elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.model.hijack import HijackSettings, Lately, Sign, is_hijacked, signs

SETTINGS = HijackSettings()

THIEVES = [
    # a quiet account, then a flood of single messages
    (Lately(recipients=150, busiest_day=12, known_days=20, spread=150), {Sign.RATE, Sign.SPREAD}),
    # a bought list
    (Lately(recipients=300, busiest_day=40, known_days=20, failed=100, tried=250), {Sign.RATE, Sign.FAILURES}),
    # a network of machines that share the password, slowly
    (
        Lately(recipients=60, busiest_day=40, known_days=20, failed=31, tried=60, networks=9),
        {Sign.FAILURES, Sign.NETWORKS},
    ),
    (Lately(recipients=120, busiest_day=900, known_days=20, spread=101, networks=6), {Sign.SPREAD, Sign.NETWORKS}),
]
HONEST = [
    (Lately(), set()),
    # a club's first newsletter, one message to all, a few addresses have gone
    (Lately(recipients=900, busiest_day=30, known_days=20, failed=40, tried=900), {Sign.RATE}),
    # every week the same newsletter
    (Lately(recipients=900, busiest_day=900, known_days=4, failed=20, tried=900), set()),
    # the first day: invitations to everybody, one by one
    (Lately(recipients=180, spread=180), {Sign.SPREAD}),
    # the first day of somebody who brings a whole list along
    (Lately(recipients=600), {Sign.RATE}),
    # a day on trains, with a few messages
    (Lately(recipients=8, busiest_day=12, known_days=20, networks=7), {Sign.NETWORKS}),
    # an old address book
    (Lately(recipients=60, busiest_day=40, known_days=20, failed=35, tried=60), {Sign.FAILURES}),
]


@pytest.mark.parametrize(("lately", "seen"), THIEVES)
def test_thieves(lately: Lately, seen: set[Sign]) -> None:
    found = signs(lately, SETTINGS)
    assert set(found) == seen and is_hijacked(found)


@pytest.mark.parametrize(("lately", "seen"), HONEST)
def test_honest_people(lately: Lately, seen: set[Sign]) -> None:
    found = signs(lately, SETTINGS)
    assert set(found) == seen and not is_hijacked(found)


numbers = st.integers(0, 2_000)


@given(numbers, numbers, st.integers(0, 28), numbers, numbers, numbers, st.integers(0, 30))
def test_a_longer_past_never_makes_anybody_more_suspect(
    recipients: int, busiest: int, days: int, spread: int, failed: int, tried: int, networks: int
) -> None:
    """More recipients on the busiest day, and more successes, only ever take signs away."""
    lately = Lately(recipients, busiest, days, spread, failed, failed + tried, networks)
    calmer = Lately(recipients, busiest + 1, days, spread, failed, failed + tried + 1, networks)
    assert set(signs(calmer, SETTINGS)) <= set(signs(lately, SETTINGS))
