"""The checker of RFC references finds what is wrong, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.rfcrefs import all_references, known_sections, problems, references, sections_of

HERE = Path("somewhere.py")

CASES = [
    (
        "RFC 9051 §6.4.5, §7.5.2, §9; MODSEQ RFC 7162 §3.1.4.",
        [(9051, "6.4.5"), (9051, "7.5.2"), (9051, "9"), (7162, "3.1.4")],
    ),
    ("RFC 3461 §4.1–4.2", [(3461, "4.1"), (3461, "4.2")]),
    ("RFC 5321 §2.4 leaves local parts to the host; §4.5.1 asks", [(5321, "2.4"), (5321, "4.5.1")]),
    ("an RFC 5530 code", [(5530, "")]),
    ("RFC 5321, and STORAGE §3", [(5321, "")]),
    ("STORAGE §3", []),
    ("RFC822.SIZE", []),
    ("RFC 5321 §A.1", [(5321, "A.1")]),
    ("RFC 1939 §3" + " " * 100 + "§99", [(1939, "3")]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:40] for text, _ in CASES])
def test_references(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(found.rfc, found.section) for found in references(HERE, text)] == expected


def test_sections_are_headings_in_the_first_column() -> None:
    text = "1.  Introduction\n   2.  In a table of contents\n6.4.5.  FETCH Command\nAppendix A.  Old\nA.1.  Old\n3 No\n"
    assert sections_of(text) == {"1", "6.4.5", "A", "A.1", "3"}


def test_a_section_that_does_not_exist_is_found() -> None:
    found = list(references(HERE, "RFC 9051 §6.4.5 and RFC 9051 §99.1 and RFC 9999 §1"))
    assert [wrong.section for wrong in problems(found, known_sections())] == ["99.1"]


def test_our_sources_name_only_sections_that_exist() -> None:
    assert problems(all_references(), known_sections()) == []
