"""Random lives of two to ten mail programs on one account; after each step it is compared what one knows.

``make stress`` does it for ``STRESS_S`` seconds a store (CI: minutes; by hand: hours).  A failure names its seed;
``STRESS_SEED=n`` plays it again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from pathlib import Path
from random import Random

import pytest

from courriel.model.ids import AccountId
from courriel.model.mailbox import SPECIAL_MAILBOXES
from courriel.model.rights import ALL, RightsChange
from tests.imap.test_dialogues import build
from tests.stress.acts import Stress, act
from tests.stress.session import Session
from tests.stress.world import World

SECONDS = float(os.environ.get("STRESS_S", "4"))
FIRST_SEED = int(os.environ.get("STRESS_SEED", "1"))
STEPS = 300
"""In one life."""

KINDS = (
    (b"alice", None),
    (b"alice", b"QRESYNC"),
    (b"alice", b"IMAP4rev2"),
    (b"bob", b"QRESYNC"),
    (b"alice", b"CONDSTORE"),
)


async def live(kind: str, path: Path, seed: int) -> int:
    """One life; how many steps it had."""
    random = Random(seed)
    house = await build(kind, path)
    inbox = await house.store.mailbox(AccountId(1), "INBOX")
    await house.store.change_rights(AccountId(1), inbox.id, "bob@courriel.test", RightsChange(0, ALL))
    world = World(name for name, _ in SPECIAL_MAILBOXES)
    sessions = [Session(house, world, *KINDS[n % len(KINDS)]) for n in range(random.randint(2, 10))]
    stress, said = Stress(world, sessions, random), deque[str](maxlen=25)
    try:
        for session in sessions:
            await session.connect()
            await session.choose("INBOX")
        for _ in range(STEPS):
            await act(stress, said)  # type: ignore[arg-type]
        for session in sessions:
            await session.sync()
    except Exception as error:
        raise AssertionError(f"seed {seed}, {len(sessions)} sessions, the last steps {list(said)}: {error}") from error
    finally:
        await house.store.close()
    return STEPS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_whatever_they_do_all_know_the_truth(kind: str, tmp_path: Path) -> None:
    seed, end = FIRST_SEED, time.monotonic() + SECONDS
    steps = 0
    while steps == 0 or ("STRESS_SEED" not in os.environ and time.monotonic() < end):
        (path := tmp_path / str(seed)).mkdir()
        steps += asyncio.run(live(kind, path, seed))
        seed += 1
    assert steps >= STEPS
