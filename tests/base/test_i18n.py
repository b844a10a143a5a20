"""Every text that people see exists in French, and the compiled catalogue is the one that is read."""

from __future__ import annotations

from tools.locale import problems


def test_the_french_catalogue_is_complete_and_compiled() -> None:
    assert list(problems()) == []
