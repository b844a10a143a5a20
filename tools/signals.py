"""How often each signal is found, per kind of message of an evaluation kit, as a table in docs/threat-signals.md.

python -m tools.signals KIT [--every N]     N: one message of N, for a quick look

What matters most is the right half: good mail.  Lists' own fields are taken away from the kit's messages, as its README
asks, so signals that spare lists fire more often here than in life.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from courriel.threats.signals import catalogue, looks
from tools.kit import Row, rows

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "threat-signals.md"
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "trap phishing": ("phishing_pot", "phishing"),
    "trap spoofing": ("phishing_pot", "spoofing"),
    "trap call-back": ("phishing_pot", "vishing"),
    "old spam": ("spamassassin", "spam"),
    "own spear": ("synthetic-own", "spear_phishing"),
    "own whaling": ("synthetic-own", "whaling"),
    "smishing": ("smishtank", "smishing"),
    "list good": ("list", "ham"),
    "old good": ("spamassassin", "ham"),
    "CSDMC good": ("csdmc2010", "ham"),
    "own good": ("synthetic-own", "ham"),
    "SMS good": ("uci-sms", "sms_ham"),
}
"""Heading → source ("list": all mailing lists) and label."""
INTRODUCTION: Final = """# How often each signal is found

Percent of the messages of a kind in which the signal is found, measured with `python -m tools.signals KIT` on the
training half of the evaluation kit. Trap: mail that reached a trap of 2022–2026. List good: five mailing lists of
2019–2026, old good: 2002–2003, CSDMC good: 2010; own: templates of ours. A signal at 0 everywhere needs what the kit
does not hold (an account's memory, names of colleagues, the name of the sending machine).
"""


def column(row: Row) -> str | None:
    """The heading that a message counts under."""
    source = "list" if row.source.startswith("list-") else row.source
    return next((heading for heading, told in COLUMNS.items() if told == (source, row.label)), None)


def page(totals: Counter[str], found: Counter[tuple[str, str]], milliseconds: float) -> Iterator[str]:
    """The lines of the document."""
    yield from INTRODUCTION.splitlines()
    yield ""
    yield f"All signals together take {milliseconds:.2f} ms of processor time a message, its reading not included."
    yield ""
    yield "| signal | " + " | ".join(COLUMNS) + " |"
    yield "| --- |" + " ---: |" * len(COLUMNS)
    yield "| *messages* | " + " | ".join(f"{totals[heading]:,}" for heading in COLUMNS) + " |"
    for name in sorted(catalogue()):
        shares = (100 * found[heading, name] / max(1, totals[heading]) for heading in COLUMNS)
        mark = " (good)" if catalogue()[name].good < 0 else ""
        yield f"| {name}{mark} | " + " | ".join(f"{share:.1f}" for share in shares) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kit", type=Path)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    totals: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    spent = 0.0
    for row in rows(asked.kit):
        heading = column(row)
        if heading is None or int(row.cluster[:6], 16) % asked.every:
            continue
        view = row.view()
        totals[heading] += 1
        began = time.process_time()
        names = {finding.signal for look in looks() for finding in look(view)}
        spent += time.process_time() - began
        found.update((heading, name) for name in names)
    PAGE.write_text("\n".join(page(totals, found, 1000 * spent / max(1, totals.total()))) + "\n", "utf-8")


if __name__ == "__main__":
    main()
