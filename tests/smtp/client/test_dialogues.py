"""The client against servers that follow a script."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.smtp.client.scripted import play

DIALOGUES = Path(__file__).parents[2] / "dialogues" / "smtp-client"


@pytest.mark.parametrize("path", sorted(DIALOGUES.glob("*.txt")), ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    asyncio.run(play(path.read_text()))
