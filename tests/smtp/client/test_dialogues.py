"""The client against servers that follow a script, on both loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from courriel.net.tls import CertificateFiles, server_context
from courriel.net.tls_policy import OPPORTUNISTIC, REQUIRED, dane_policy
from tests.net.certificates import make
from tests.smtp.client.scripted import play

uvloop = pytest.importorskip("uvloop")

DIALOGUES = Path(__file__).parents[2] / "dialogues" / "smtp-client"

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("path", sorted(DIALOGUES.glob("*.txt")), ids=lambda path: path.stem)
def test_dialogue(path: Path, run: Run) -> None:
    run(play(path.read_text()))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("path", sorted((DIALOGUES / "tls").glob("*.txt")), ids=lambda path: path.stem)
def test_dialogue_with_tls(path: Path, run: Run, tmp_path: Path) -> None:
    """The policy is in the file's name: the word before its first hyphen."""
    mine = make("mx", names=("mx.there.example",))
    policy = {
        "opportunistic": OPPORTUNISTIC,
        "required": REQUIRED,
        "dane": dane_policy([mine.tlsa(3)], ("mx.there.example",)),
        "wrongdane": dane_policy([make("other").tlsa(3)], ("mx.there.example",)),
    }[path.stem.partition("-")[0]]
    run(play(path.read_text(), policy=policy, tls=server_context(CertificateFiles(*mine.write(tmp_path)))))
