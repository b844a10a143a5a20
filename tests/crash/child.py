"""A process to be killed: opens the store of a directory, lets the lanes loose on it, and tells each step on stdout.

Run as ``python -m tests.crash.child DIRECTORY RUN``.  Each line is one ``write`` of less than PIPE_BUF octets, so a
kill leaves whole lines in the pipe.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.store import SqliteStore
from tests.crash.lanes import Line, live, set_up

SETTINGS = StoreSettings(
    shards=1,
    flag_sync_ms=50,
    checkpoint_octets=1_000_000,
    pack_octets=2_000_000,
    redo_rows=12,
    settle_octets=40_000,
)


def tell(line: Line) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


async def main(directory: Path, run: str) -> None:
    store = await SqliteStore.open(directory, SETTINGS)
    await set_up(store, tell)
    tell({"n": run, "e": "ready"})
    await live(store, tell, run, lanes=6, rounds=None)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
