"""The page on reports says what the code says."""

from __future__ import annotations

import pytest

from courriel.delivery.explanations import EXPLANATIONS, Kind
from tools.bouncetable import BEGIN, END, PAGE, render


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text("utf-8")
    assert page == render(page), "run: make docs"
    assert EXPLANATIONS[Kind.FULL].in_language("fr")[0] in page


def test_a_page_without_marks_is_refused() -> None:
    assert render(f"a\n{BEGIN}old\n{END}z\n").endswith(f"\n{END}z\n")
    with pytest.raises(ValueError, match="marks"):
        render("a\n")
