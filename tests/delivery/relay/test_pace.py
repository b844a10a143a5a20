"""So many messages in a time, no more."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.delivery.relay.pace import Pace, Rate, parse_rate
from tests.delivery.relay.test_relay import scene


@pytest.mark.parametrize(
    ("text", "rate"), [("20/min", Rate(20, 60.0)), ("1 / s", Rate(1, 1.0)), ("500/h", Rate(500, 3_600.0))]
)
def test_rates_are_read(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "20", "0/min", "-1/s", "20/week", "1.5/s", "20/min/min"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(FormatError):
        parse_rate(text)


@given(st.integers(1, 5), st.lists(st.integers(0, 40).map(lambda quarters: quarters / 4), max_size=60))
def test_never_more_than_the_rate_and_no_longer_than_needed(count: int, steps: list[float]) -> None:
    pace, now, sent = Pace(Rate(count, 10.0)), 0.0, list[float]()
    for step in steps:
        now += step
        within = [at for at in sent if at > now - 10.0]
        free_at = pace.free_at(now)
        assert (free_at == now) is (len(within) < count)
        if free_at == now:
            pace.count(now)
            sent.append(now)
        else:
            assert free_at == within[len(within) - count] + 10.0


def test_two_at_once_need_room_for_two() -> None:
    pace = Pace(Rate(2, 10.0))
    assert pace.free_at(0.0, 2) == 0.0
    pace.count(0.0)
    assert pace.free_at(1.0, 2) == 10.0 and pace.free_at(1.0) == 1.0
    assert Pace(Rate(1, 10.0)).free_at(0.0, 2) == math.inf


async def test_a_destination_gets_no_more_than_it_takes(runner: asyncio.Runner) -> None:
    async with scene(lane_connections=1, rates={"x.org": Rate(2, 60.0)}) as s:
        for n in range(5):
            await s.put(f"m{n}")
        await s.settle()
        assert len(s.first.got) == 2
        await s.after(61.0)
        assert len(s.first.got) == 4
        await s.after(61.0)
        assert sorted(id for id, _ in s.first.got) == [f"m{n}" for n in range(5)]
