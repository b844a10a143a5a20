"""Any bytes at all, analysed: a report in the terminal and as a page, in which nothing acts and nothing hides."""

from __future__ import annotations

import contextlib
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from courriel.base.errors import FormatError
from courriel.cli import analyze_page, analyze_terminal
from courriel.cli.lessons import EXERCISES, raw
from courriel.formats.message.outlook import message_of
from courriel.model.threat import Channel
from courriel.threats.dossier import Source, dossier
from courriel.threats.read import read
from courriel.threats.scan import judge
from courriel.threats.signals import catalogue
from courriel.threats.stated import arrival
from courriel.threats.view import Context
from tests.cli.compound import compound
from tests.formats.test_outlook import saved

SEED_FILE = compound(saved())
SPLICES = [
    b"\r\n",
    b"<",
    b'"',
    b"=?utf-8?q?=00?=",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"&#0;",
    b"\xff",
    b"http://",
    b"--",
    b"",
]


def fuzz_analyze(data: bytes) -> None:
    view = read(data, arrival(data, "mx.brightwell.example"), Context())
    found = dossier(Source("x", len(data), ""), view, judge(view), catalogue(), "en")
    page = analyze_page.page(found).replace("http://www.w3.org/2000/svg", "")
    page.encode("utf-8")
    assert "<script" not in page and "http://" not in page.lower() and "\u202e" not in page
    console = Console(file=io.StringIO(), width=100, color_system=None)
    analyze_terminal.show(found, console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "\x1b" not in shown and "\u202e" not in shown and "http://" not in shown.lower()


def fuzz_outlook(data: bytes) -> None:
    at = len(data) * 7 % len(SEED_FILE)
    for file in (SEED_FILE[:8] + data, SEED_FILE[:at] + data + SEED_FILE[at + len(data) :]):
        with contextlib.suppress(FormatError):
            message_of(file)


@settings(max_examples=60)
@given(st.binary(max_size=2_000))
def test_any_bytes_become_a_harmless_report(data: bytes) -> None:
    fuzz_analyze(data)


@settings(max_examples=60)
@given(st.binary(max_size=2_000))
def test_any_file_of_outlook_is_read_or_refused(data: bytes) -> None:
    fuzz_outlook(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    "exercise", [one for one in EXERCISES if one.channel is Channel.MAIL], ids=lambda one: one.name
)
def test_a_mutated_message_becomes_a_harmless_report(exercise: object) -> None:
    whole = raw(exercise, "fr")  # type: ignore[arg-type]
    chance = random.Random(len(whole))
    for _ in range(25):
        mutated = bytearray(whole)
        for _ in range(chance.randrange(1, 25)):
            at = chance.randrange(len(mutated))
            mutated[at : at + chance.randrange(0, 12)] = chance.choice(SPLICES)
        fuzz_analyze(bytes(mutated))
