"""Authentication-Results: values that can be read, and values that must not be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from courriel.base.errors import FormatError
from courriel.formats.reports import authres
from tests.suites.folder import cases, files


def read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in json.loads(path.read_text("utf-8"))["cases"]:
        yield case["id"], case


@pytest.mark.parametrize(
    "case", [one for path in files("authres/ar-cases.json") for one in cases("authres", read(path))]
)
def test_value(case: dict[str, Any]) -> None:
    value = case["value"].encode("utf-8")
    if not case["valid"]:
        with pytest.raises(FormatError):
            authres.parse(value)
        return
    parsed = authres.parse(value)
    assert parsed.authserv_id
    assert bool(parsed.results) is not case["value"].rstrip().endswith("none")
    # What is written again says the same.
    assert authres.parse(authres.render_value(parsed)) == parsed
