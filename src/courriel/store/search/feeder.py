"""Starts the process that feeds the index when there is mail it has not seen, and starts it again when it died."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from courriel.base.log import Level, log

LOOK_S: Final = 1.0
"""How often it is looked whether there is anything new."""
PATIENCE_S: Final = (1.0, 5.0, 30.0, 300.0)
"""Waits after the first, second … time it died without getting anywhere; the last one repeats."""


class Feeder:
    """``is_behind`` says whether there is work; ``store`` is the directory of the shards."""

    def __init__(self, store: Path, is_behind: Callable[[], bool]) -> None:
        self._store = store
        self._is_behind = is_behind
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """For ever; cancelled, it takes the process with it."""
        deaths = 0
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if not self._is_behind():
                    continue
                code = await self._feed()
                deaths = deaths + 1 if code else 0
                if code:
                    log.event("search.feed.ended", Level.WARNING, code=code)
                    await asyncio.sleep(PATIENCE_S[min(deaths, len(PATIENCE_S)) - 1])
        finally:
            await self._end()

    async def _feed(self) -> int:
        arguments = (sys.executable, "-m", "courriel.store.search.feed", str(self._store))
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe)
        return await self._process.wait()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(LOOK_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
