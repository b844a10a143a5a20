"""What accounts sent lately, kept in one file."""

from __future__ import annotations

from pathlib import Path

from courriel.app.services import SentFile
from courriel.delivery.allowance import Sent

NOW = 1_800_000_000.0


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    sent = Sent()
    sent.add(NOW, 1, 3)
    sent.add(NOW + 86_400, 2, 40)
    SentFile(tmp_path / "sent.json").save({7: sent})
    found = SentFile(tmp_path / "sent.json").load()
    assert found == {7: sent}
    assert found[7].past_days(NOW + 86_400) == [3] and found[7].last_hour(NOW + 86_400) == 40
    assert [path.name for path in tmp_path.iterdir()] == ["sent.json"]


def test_a_file_that_is_not_there_or_damaged_counts_as_nothing(tmp_path: Path) -> None:
    """Limits are no reason not to start."""
    file = SentFile(tmp_path / "sent.json")
    assert file.load() == {}
    (tmp_path / "sent.json").write_bytes(b'{"7": {"mess')
    assert file.load() == {}


def test_a_disk_that_is_full_stops_nothing(tmp_path: Path) -> None:
    SentFile(tmp_path / "gone" / "sent.json").save({7: Sent()})
