"""What we claim to support has tests, and the page says what its source says."""

from __future__ import annotations

from courriel.imap.capabilities import ALWAYS, LOGGED_IN
from tools.rfctable import PAGE, Rfc, missing_tests, read, render


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text("utf-8") == render(read()), "run: make docs"


def test_every_named_test_exists() -> None:
    assert missing_tests(read()) == []


def test_no_rfc_stands_twice_in_one_area() -> None:
    seen = [(rfc.area, rfc.number) for rfc in read()]
    assert len(seen) == len(set(seen))


def test_what_imap_announces_is_claimed() -> None:
    claimed = {keyword for rfc in read() if rfc.area == "IMAP" for keyword in rfc.keyword.split(", ")}
    assert {name.decode() for name in (*ALWAYS, *LOGGED_IN)} <= claimed


def test_holes_are_found() -> None:
    claims = (
        Rfc(1, "none named", "x", "full", ()),
        Rfc(2, "no such file", "x", "full", ("tests/nowhere.py",)),
        Rfc(3, "no such words", "x", "full", ("tests/conftest.py::no such words anywhere",)),
        Rfc(4, "no such status", "x", "perfect", ("tests/conftest.py",)),
    )
    assert [hole.split(":")[0] for hole in missing_tests(claims)] == ["RFC 1", "RFC 2", "RFC 3", "RFC 4"]
