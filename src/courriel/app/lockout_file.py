"""The lockout's memory over a restart: whoever guesses passwords does not begin anew because the server did.

Saved every minute and at the end, so a crash forgives the tries of a minute at most.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from courriel.accounts.lockout import Lockout, Remembered
from courriel.app.json_file import JsonFile
from courriel.base.clock import Clock
from courriel.base.log import Level, log

LOCKOUT_FILE: Final = "lockout.json"
"""In the data directory."""


class LockoutFile:
    """Loads the lockout from its file, and saves it there."""

    def __init__(self, path: Path, lockout: Lockout, clock: Clock) -> None:
        self._file = JsonFile(path, dict[str, list[Remembered]], "auth.lockout_not_read")
        self._lockout = lockout
        self._clock = clock

    def load(self) -> None:
        """What the last run knew, less what has leaked away since."""
        self._lockout.recall(self._file.load(), self._clock.now())

    def save(self) -> None:
        """A full disk is no reason to stop: the log says so."""
        try:
            self._file.save(self._lockout.remembered(self._clock.now()))
        except OSError as error:
            log.event("auth.lockout_not_written", Level.WARNING, error=str(error))
