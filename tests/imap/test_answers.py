"""What is looked up or found in whole arrays, against the plain way."""

from __future__ import annotations

import random
from array import array

import pytest

from courriel.imap import answers
from courriel.model.flags import FLAGGED, SEEN


def test_changed_since_is_what_a_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "BLOCK", 8)
    dice = random.Random(1)
    for count in (0, 1, 7, 8, 9, 100):
        modseqs = array("Q", dice.choices(range(1, 1 << 40), k=count))
        for since in (0, 1 << 39, 1 << 40, *modseqs[:3]):
            assert answers.changed_since(modseqs, since) == [at for at in range(count) if modseqs[at] > since]


@pytest.mark.parametrize("place", [0, 255, 256, 256 + answers.UNSEEN_BLOCK - 1, 256 + answers.UNSEEN_BLOCK, -1])
def test_the_first_unseen_of_a_large_mailbox(place: int) -> None:
    flags = array("Q", [SEEN | FLAGGED]) * (300 + answers.UNSEEN_BLOCK)
    assert answers.first_unseen(flags) == 0
    flags[place] = FLAGGED
    assert answers.first_unseen(flags) == (place if place >= 0 else len(flags) - 1) + 1


def test_a_few_late_rows_do_not_make_all_before_them() -> None:
    kept = answers._starts[b"FLAGS "]
    kept.clear()
    late = answers.row_starts(b"FLAGS ", 150_000, 2)
    assert late == [b"* 150001 FETCH (FLAGS ", b"* 150002 FETCH (FLAGS "]
    assert not kept
    assert answers.row_starts(b"FLAGS ", 0, 3)[2] == b"* 3 FETCH (FLAGS "
    assert len(kept) == 3
