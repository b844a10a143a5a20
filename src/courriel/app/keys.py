"""The keys that seal what is put into addresses (``formats/seal.py``): kept in one file, replaced in time.

A new key is made when the newest is KEY_DAYS old, at a start; old ones open what they sealed until FORGET_DAYS, since
people leave a list by a link in a mail of last year.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from courriel.app.private_file import write_private
from courriel.base.errors import Damaged

FILE_NAME: Final = "address-keys.json"
KEY_OCTETS: Final = 32
KEY_DAYS: Final = 90
"""``keys.key_days``: age at which the newest key is followed by another one."""
FORGET_DAYS: Final = 800
"""``keys.forget_days``: what an older key sealed is nobody's any more."""

_DAY_S: Final = 86_400


class Key(msgspec.Struct, frozen=True):
    """``made_at`` in POSIX seconds."""

    made_at: float
    secret: bytes


def address_keys(file: Path, now: float) -> tuple[bytes, ...]:
    """The keys, newest first; made or replaced where it is time.  Raises Damaged, OSError."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=list[Key]) if file.exists() else []
    except msgspec.MsgspecError as error:
        raise Damaged(f"{file}: {error}") from error
    alive = [key for key in kept if now - key.made_at < FORGET_DAYS * _DAY_S]
    if not alive or now - alive[0].made_at >= KEY_DAYS * _DAY_S:
        alive.insert(0, Key(now, os.urandom(KEY_OCTETS)))
    if alive != kept:
        write_private(file, msgspec.json.encode(alive))
    return tuple(key.secret for key in alive)
