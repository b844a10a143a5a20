"""Checks every ``RFC n §s`` in the sources against the section lists of the RFCs.

    python -m tools.rfcrefs                    problems, then what could not be checked
    python -m tools.rfcrefs --coverage 9051    how often each section is named
    python -m tools.rfcrefs --update DIRECTORY reads section numbers out of RFC texts into tools/rfc_sections.json

Only the numbers of sections are kept here.  An RFC whose text we do not have is "not checked", as are the
``[MS-…]`` documents.  A ``§`` belongs to the document named last before it, at most ``REACH`` characters away.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SECTIONS_FILE: Final = Path(__file__).parent / "rfc_sections.json"
PLACES: Final = ("src", "tests", "bench", "tools")
REACH: Final = 80
"""How far a § may stand from the RFC it belongs to; further on it is somebody else's."""

HEADING: Final = re.compile(r"^(?:Appendix )?((?:\d+|[A-Z])(?:\.\d+)*)[.:]?(?: {1,8}| - )\S", re.MULTILINE)
TOKEN: Final = re.compile(
    r"(?:RFCs? (?P<rfc>\d{1,5}))|(?P<other>\[MS-[A-Z0-9]+\]|\b[A-Z]{4,}\b(?=,? §))"
    r"|§(?P<section>(?:\d+|[A-Z])(?:\.\d+)*)(?:–(?P<last>\d+(?:\.\d+)*))?"
)

SectionLists = dict[int, frozenset[str]]


@dataclass(frozen=True)
class Reference:
    """``section`` is "" where only the RFC is named."""

    file: Path
    line: int
    rfc: int
    section: str


def references(file: Path, text: str) -> Iterator[Reference]:
    """All references of one file, in order."""
    rfc, end = 0, 0
    named_alone: Reference | None = None
    for match in TOKEN.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["rfc"] or match["other"]:
            if named_alone is not None:
                yield named_alone
            rfc = int(match["rfc"] or 0)
            named_alone = Reference(file, line, rfc, "") if rfc else None
        elif rfc and match.start() - end <= REACH:
            named_alone = None
            for section in filter(None, (match["section"], match["last"])):
                yield Reference(file, line, rfc, section)
        else:
            rfc = 0
        end = match.end()
    if named_alone is not None:
        yield named_alone


def sections_of(text: str) -> frozenset[str]:
    """Section numbers of one RFC text: its headings stand in the first column."""
    return frozenset(HEADING.findall(text))


def known_sections() -> SectionLists:
    """What is kept here, with the texts beside the project where they are present."""
    lists = {int(rfc): frozenset(found) for rfc, found in json.loads(SECTIONS_FILE.read_text()).items()}
    for path in (ROOT / "../shared/specs/rfc").glob("rfc*.txt"):
        lists[int(path.stem[3:])] = sections_of(path.read_text("utf-8", "replace"))
    return lists


def update(directory: Path) -> None:
    lists = {int(path.stem[3:]): sections_of(path.read_text("utf-8", "replace")) for path in directory.glob("rfc*.txt")}
    rows = [f' "{rfc}": {json.dumps(sorted(lists[rfc]))}' for rfc in sorted(lists)]
    SECTIONS_FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def all_references() -> list[Reference]:
    """Every reference in the sources, this file's own examples excepted."""
    found: list[Reference] = []
    for place in PLACES:
        for file in sorted((ROOT / place).rglob("*.py")):
            if file.stem not in ("rfcrefs", "test_rfcrefs"):  # their examples are wrong on purpose
                found += references(file.relative_to(ROOT), file.read_text("utf-8"))
    return found


def problems(found: list[Reference], lists: SectionLists) -> list[Reference]:
    """References to sections that do not exist."""
    return [
        reference
        for reference in found
        if reference.section and reference.rfc in lists and reference.section not in lists[reference.rfc]
    ]


def print_coverage(rfc: int, found: list[Reference], lists: SectionLists) -> None:
    counts = Counter(reference.section for reference in found if reference.rfc == rfc)
    for section in sorted(lists.get(rfc, frozenset(counts)), key=_order):
        print(f"{counts[section]:4} {section}")


def _order(section: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (1 << 20, part) for part in section.split(".")]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="rfcrefs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--update", type=Path, metavar="DIRECTORY")
    parser.add_argument("--coverage", type=int, metavar="RFC")
    parser.add_argument("--quiet", action="store_true", help="problems and one line of sums")
    asked = parser.parse_args(argv)
    if asked.update:
        update(asked.update)
        return 0
    lists, found = known_sections(), all_references()
    if asked.coverage:
        print_coverage(asked.coverage, found, lists)
        return 0
    wrong = problems(found, lists)
    for reference in wrong:
        print(f"{reference.file}:{reference.line}: RFC {reference.rfc} has no section {reference.section}")
    checked = sum(1 for reference in found if reference.section and reference.rfc in lists)
    print(f"{len(found)} references, {checked} checked by section, {len(wrong)} wrong")
    if not asked.quiet:
        unknown = Counter(reference.rfc for reference in found if reference.rfc not in lists)
        print("not checked: " + ", ".join(f"RFC {rfc} ({count})" for rfc, count in sorted(unknown.items())))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
