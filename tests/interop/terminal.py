"""A mail program that wants a terminal, driven through one: it is typed at, and what it shows is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from contextlib import suppress
from pathlib import Path


class Terminal:
    """A program in a terminal of 120 × 40."""

    def __init__(self, command: list[str], environment: dict[str, str], directory: Path) -> None:
        self.shown = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # the program, from here on
            os.chdir(directory)
            os.execvpe(command[0], command, environment | {"TERM": "xterm", "LANG": "C.UTF-8"})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def wait_for(self, text: bytes, timeout_s: float = 30.0) -> None:
        """Until it has shown this since the last time it was waited for.  Raises AssertionError."""
        end = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < end and self._read(0.2), f"{text!r} was never shown: {self.shown[-2000:]!r}"
        self.shown = self.shown.partition(text)[2]

    def ended(self, timeout_s: float = 30.0) -> bool:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if not self._read(0.2):
                return True
        return False

    def _read(self, timeout_s: float) -> bool:
        """Take what is shown; False when the program is gone."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.shown += data
        return bool(data)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
