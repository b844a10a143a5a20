"""The model of words: its file, its arithmetic, and what comes with the package."""

from __future__ import annotations

import math
import time
from zlib import crc32

import pytest

from courriel.base.errors import FormatError
from courriel.model.threat import Channel
from courriel.threats import words
from courriel.threats.read import read
from courriel.threats.table import Head, Table, parse, render

HEADS = [Head("malicious", 0.5, 0.1), Head("bec", -1.0, 0.2)]
KNOWN = sorted([crc32(b"money"), crc32(b"send"), crc32(b"money", crc32(b"send"))])


def table() -> Table:
    return parse(render(HEADS, KNOWN, [[100, -50, 20], [-127, 127, 0]]))


def test_the_file_gives_back_what_was_written() -> None:
    found = table()
    assert list(found.heads) == HEADS and sorted(found.entries) == KNOWN


@pytest.mark.parametrize(
    "damage",
    [lambda raw: raw[:-1], lambda raw: raw.replace(b"\n1\n", b"\n9\n", 1), lambda raw: b"x" + raw, lambda raw: b""],
)
def test_a_damaged_file_is_refused(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormatError):
        parse(damage(render(HEADS, KNOWN, [[1, 2, 3], [4, 5, 6]])))


def test_all_heads_come_from_one_addition() -> None:
    found = words.features(read(b"Subject: x\r\n\r\nsend money"))
    opinion = words.opinion(found, table())
    share = 1 / math.sqrt(len(found))
    assert opinion.heads["malicious"] == pytest.approx(0.5 + 0.1 * share * (100 - 50 + 20))
    assert opinion.heads["bec"] == pytest.approx(-1.0)
    assert opinion.known == pytest.approx(3 / len(found))


def test_numbers_are_one_word_and_pictures_are_none() -> None:
    assert words.tokens("pay 1,250.00 € now 🎉🎉!") == [b"pay", b"0", "€".encode(), b"now", b"!"]


def test_a_text_without_words_is_neutral() -> None:
    opinion = words.opinion(words.features(read(b"Subject:\r\n\r\n")), table())
    assert opinion.known == 0.0 and opinion.heads["malicious"] == pytest.approx(0.5)


@pytest.mark.parametrize("channel", Channel)
def test_a_table_comes_with_the_package(channel: Channel) -> None:
    found = words.model(channel)
    assert found.heads[0].name == "malicious" and 10_000 < len(found.entries) <= 40_000


def test_words_that_moved_the_head_stand_in_the_message() -> None:
    view = read(b"Subject: hi\r\n\r\nplease send all your money today")
    told = words.telling(view, table(), "malicious")
    assert told and all(one.words in view.folded for one in told)


def test_a_long_text_is_bounded() -> None:
    view = read(b"Subject: x\r\n\r\n" + b"word%d ab " * 100_000)
    begins = time.process_time()
    assert len(words.features(view)) <= 2 * words.TOKENS
    assert time.process_time() - begins < 0.1
