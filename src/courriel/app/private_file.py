"""Secrets in a file: its owner's alone, replaced whole, durable when the call returns."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_private"]


def write_private(file: Path, octets: bytes) -> None:
    """Raises OSError; then the old file is as it was."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(octets)
        out.flush()
        os.fsync(descriptor)
    fresh.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
