"""The bench's arithmetic: ratios pair by pair, and the marks they reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.material import MARK, Material, alternative, with_attachment
from bench.measure import count_syncs
from bench.report import judge, line_of, number, ratio_text
from bench.rows import EXPERIMENTS, ROWS, Row

RATE = Row("x", "rate", "a rate", "/s", True, 8, 20)
COST = Row("x", "rate", "a cost", "B", False, 1 / 6, 1 / 20)


@pytest.mark.parametrize(
    ("row", "ratio", "mark"),
    [
        (RATE, 7.9, "below"),
        (RATE, 8, "must"),
        (RATE, 20, "reach"),
        (COST, 0.2, "below"),
        (COST, 1 / 6, "must"),
        (COST, 0.05, "reach"),
        (RATE, None, ""),
    ],
)
def test_marks(row: Row, ratio: float | None, mark: str) -> None:
    assert judge(row, ratio) == mark


def test_ratios_are_taken_pair_by_pair() -> None:
    pairs = [({"rate": 1.0}, {"rate": 10.0}), ({"rate": 10.0}, {"rate": 50.0}), ({"rate": 2.0}, {"rate": 18.0})]
    line = line_of(RATE, [*pairs, (None, {"rate": 1.0}), ({"rate": 1.0}, None)])
    assert line.ratio == 9.0
    assert line.mark == "must"


def test_marks_of_what_has_no_peer_are_for_our_own_figure() -> None:
    row = Row("x", "octets", "memory", "B", False, 200e6, 0, True)
    assert [line_of(row, [(None, {"octets": octets})]).mark for octets in (199e6, 201e6)] == ["must", "below"]


def test_every_row_has_an_experiment() -> None:
    assert {row.experiment for row in ROWS} <= {experiment.name for experiment in EXPERIMENTS}


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (12345.0, "12.3 k/s"), (2.5e6, "2.5 M/s"), (0.27, "0.27 /s")])
def test_numbers(value: float | None, text: str) -> None:
    assert number(value, "/s") == text


def test_costs_read_as_fractions() -> None:
    assert ratio_text(COST, 0.05) == "1/20"
    assert ratio_text(RATE, 0.05) == "0.05 ×"


def test_material_has_its_sizes_and_its_mark(tmp_path: Path) -> None:
    Material(tmp_path)
    for message, octets in ((alternative(1, 3900), 3900), (with_attachment(2, 51_500), 51_500)):
        assert abs(len(message) - octets) < octets / 8
        assert message.count(MARK.encode()) == 1
        assert b"\n." not in message
        assert message.count(b"\n") == message.count(b"\r\n")


def test_resumed_calls_are_not_counted_twice(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "12 fdatasync(5 <unfinished ...>\n13 fsync(7) = 0\n12 <... fdatasync resumed>) = 0\n14 +++ exited with 0 +++\n"
    )
    assert count_syncs(log) == 2
