"""Writes docs/rfc-support.md from docs/rfc.toml, so that what we claim has one source and names its tests.

python -m tools.rfctable            writes the page
python -m tools.rfctable --check    fails when the page is stale or a named test does not exist
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "docs" / "rfc.toml"
PAGE: Final = ROOT / "docs" / "rfc-support.md"
STATUSES: Final = {
    "full": "all that concerns a server of this kind",
    "part": "what the note names",
    "format": "its grammar is read and written",
}


class Rfc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One RFC.  ``keyword`` is what we announce; ``tests`` are files, or ``file::words the file holds``."""

    number: int
    title: str
    area: str
    status: str
    tests: tuple[str, ...]
    keyword: str = ""
    sections: str = ""
    note: str = ""


class Support(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of docs/rfc.toml."""

    rfc: tuple[Rfc, ...]


def read() -> tuple[Rfc, ...]:
    return msgspec.convert(tomllib.loads(SOURCE.read_text("utf-8")), Support).rfc


def missing_tests(rfcs: tuple[Rfc, ...]) -> list[str]:
    """Tests that are named and do not exist, and RFCs that name none or have an unknown status."""
    wrong = []
    for rfc in rfcs:
        if rfc.status not in STATUSES:
            wrong.append(f"RFC {rfc.number}: no status {rfc.status}")
        if not rfc.tests:
            wrong.append(f"RFC {rfc.number}: names no test")
        for test in rfc.tests:
            name, _, words = test.partition("::")
            path = ROOT / name
            if not path.exists():
                wrong.append(f"RFC {rfc.number}: {name} does not exist")
            elif words and words not in path.read_text("utf-8"):
                wrong.append(f"RFC {rfc.number}: {name} does not hold {words}")
    return wrong


def render(rfcs: tuple[Rfc, ...]) -> str:
    """The page: one table an area, RFCs in order."""
    out = [
        "# What Courriel supports",
        "",
        "Generated from `rfc.toml` by `make docs`; a test fails when this page is stale or a named test is missing.",
        "",
    ]
    out += [f"- **{status}**: {meaning}" for status, meaning in STATUSES.items()]
    for area in dict.fromkeys(rfc.area for rfc in rfcs):
        out += ["", f"## {area}", "", "| RFC | title | status | announced as | sections, notes | tests |"]
        out.append("|---|---|---|---|---|---|")
        for rfc in sorted((rfc for rfc in rfcs if rfc.area == area), key=lambda rfc: rfc.number):
            link = f"[{rfc.number}](https://www.rfc-editor.org/rfc/rfc{rfc.number})"
            notes = "; ".join(filter(None, (rfc.sections and f"§{rfc.sections}", rfc.note)))
            keyword = f"`{rfc.keyword}`" if rfc.keyword else ""
            tests = ", ".join(f"`{test.partition('::')[0].removeprefix('tests/')}`" for test in rfc.tests)
            out.append(f"| {link} | {rfc.title} | {rfc.status} | {keyword} | {notes} | {tests} |")
    return "\n".join(out) + "\n"


def main(argv: list[str]) -> int:
    rfcs = read()
    wrong = missing_tests(rfcs)
    if "--check" in argv:
        if PAGE.read_text("utf-8") != render(rfcs):
            wrong.append("docs/rfc-support.md is stale: make docs")
    else:
        PAGE.write_text(render(rfcs), "utf-8")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
