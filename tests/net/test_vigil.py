"""The vigil after a reply: how long it lasts, when it gives itself up, and that the loop then sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from courriel.net.vigil import LONGEST_S, MOST_CREDIT, REST_REPLIES, Vigil

CLIENT, OTHER = 1, 2


class Turns:
    """The part of a loop a vigil uses; its turns are taken by hand."""

    def __init__(self) -> None:
        self.due: list[Callable[[], Any]] = []

    def call_soon(self, callback: Callable[[], Any]) -> None:
        self.due.append(callback)

    def turn(self) -> bool:
        """Whether there was anything to do."""
        due, self.due = self.due, []
        for callback in due:
            callback()
        return bool(due)


class Scene:
    def __init__(self) -> None:
        self.now = 0.0
        self.loop = Turns()
        self.vigil = Vigil(cast(asyncio.AbstractEventLoop, self.loop), lambda: self.now)
        self.vigil.replied(CLIENT)  # it has begun to talk

    def wait(self) -> int:
        """Nobody says anything: turns until the loop sleeps, a tenth of a vigil each."""
        turns = 0
        while self.loop.turn():
            self.now += LONGEST_S / 10
            turns += 1
        return turns


def test_a_vigil_lasts_its_time_and_ends() -> None:
    scene = Scene()
    scene.vigil.replied(CLIENT)
    assert 10 <= scene.wait() <= 12
    assert not scene.loop.turn()


def test_each_reply_begins_it_anew_and_never_twice() -> None:
    scene = Scene()
    for _ in range(50):
        scene.vigil.replied(CLIENT)
        assert len(scene.loop.due) == 1
        scene.loop.turn()
        scene.now += LONGEST_S / 2
        scene.vigil.heard()
    assert scene.wait() <= 12


def test_clients_that_take_turns_keep_nobody_awake() -> None:
    scene = Scene()
    for _ in range(50):
        scene.vigil.replied(OTHER)
        assert not scene.wait()
        scene.vigil.replied(CLIENT)
        assert not scene.wait()


def test_a_second_client_ends_it() -> None:
    scene = Scene()
    scene.vigil.replied(CLIENT)
    scene.vigil.replied(OTHER)
    assert scene.wait() == 1


def test_it_rests_where_clients_think_between_commands() -> None:
    scene = Scene()
    for _ in range(MOST_CREDIT):
        scene.vigil.replied(CLIENT)
        assert scene.wait()
    watched = 0
    for _ in range(10 * (REST_REPLIES + 1)):
        scene.vigil.replied(CLIENT)
        watched += scene.wait() > 0
    assert watched == 10  # one probe after each rest


def test_it_goes_on_where_every_second_vigil_pays() -> None:
    scene = Scene()
    for _ in range(10 * MOST_CREDIT):
        scene.vigil.replied(CLIENT)
        scene.vigil.heard()
        scene.vigil.replied(CLIENT)
        assert scene.wait()


def test_after_a_rest_one_quick_client_brings_it_back() -> None:
    scene = Scene()
    for _ in range(MOST_CREDIT + REST_REPLIES):
        scene.vigil.replied(CLIENT)
        scene.wait()
    for _ in range(MOST_CREDIT):
        scene.vigil.replied(CLIENT)
        scene.vigil.heard()
    for _ in range(MOST_CREDIT - 1):
        scene.vigil.replied(CLIENT)
        assert scene.wait()
