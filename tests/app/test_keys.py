"""The keys of addresses: made once, replaced in time, forgotten late."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.app.keys import FORGET_DAYS, KEY_DAYS, KEY_OCTETS, address_keys
from courriel.base.errors import Damaged

DAY_S = 86_400.0
NOW = 1_800_000_000.0


def test_they_are_made_once_and_replaced_in_time(tmp_path: Path) -> None:
    file = tmp_path / "address-keys.json"
    [first] = address_keys(file, NOW)
    assert len(first) == KEY_OCTETS and file.stat().st_mode & 0o777 == 0o600
    assert address_keys(file, NOW + (KEY_DAYS - 1) * DAY_S) == (first,)
    second, old = address_keys(file, NOW + KEY_DAYS * DAY_S)
    assert old == first != second
    assert address_keys(file, NOW + KEY_DAYS * DAY_S) == (second, first)
    [third, *rest] = address_keys(file, NOW + FORGET_DAYS * DAY_S)
    assert rest == [second] and third not in (first, second)


def test_a_broken_file_is_not_replaced(tmp_path: Path) -> None:
    """New keys would make every address out there nobody's."""
    file = tmp_path / "address-keys.json"
    file.write_text("[{")
    with pytest.raises(Damaged):
        address_keys(file, NOW)
    assert file.read_text() == "[{"
