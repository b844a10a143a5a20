"""Totals of published suites: how many of each passed, and the ids of those that did not.

A test's parameter is ``suite:case``.  The folder is that of the environment's AUTH (``make suites AUTH=DIR``).
"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

_ID = re.compile(r"tests/suites/.*\[([^:\]]+):(.*)\]\Z", re.DOTALL)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed: dict[str, int] = defaultdict(int)
    failed: dict[str, list[str]] = defaultdict(list)
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            match = _ID.search(getattr(report, "nodeid", ""))
            if match is None or getattr(report, "when", "") != "call":
                continue
            if outcome in ("passed", "xfailed"):
                passed[match[1]] += outcome == "passed"
            if outcome != "passed":
                failed[match[1]].append(match[2] + ("" if outcome == "failed" else f" ({outcome})"))
    if not passed and not failed:
        return
    terminalreporter.section("suites")
    for suite in sorted({*passed, *failed}):
        total = passed[suite] + len(failed[suite])
        terminalreporter.line(f"{suite}: {passed[suite]}/{total} {' '.join(failed[suite])}".rstrip())
