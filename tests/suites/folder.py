"""Where the suites lie, and how their cases become parameters of tests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("AUTH") or Path(__file__).parents[2] / "../shared/suites/auth").resolve()


def files(pattern: str) -> list[Path]:
    """Files of the folder, in order; none where there is no folder."""
    return sorted(ROOT.glob(pattern))


def cases(suite: str, found: Iterable[tuple[str, Any]]) -> list[Any]:
    """Parameters with their ids, ``suite:case``; a repeated case gets a number."""
    seen: dict[str, int] = {}
    made = []
    for name, case in found:
        seen[name] = seen.get(name, 0) + 1
        made.append(pytest.param(case, id=f"{suite}:{name}" + (f"#{seen[name]}" if seen[name] > 1 else "")))
    return made
