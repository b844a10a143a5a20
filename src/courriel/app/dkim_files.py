"""Keys of domains in files: ``dkim/DOMAIN/keys.json`` and ``dkim/DOMAIN/SELECTOR.pem``, their owner's alone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from courriel.app.private_file import write_private
from courriel.base.errors import Damaged
from courriel.model.dkim_key import DomainKey

__all__ = ["FOLDER", "DkimFiles"]

FOLDER: Final = "dkim"
"""In the data directory."""
_KEYS: Final = "keys.json"
_PLAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?")
"""Canonical domains and our selectors: no name of them leads out of the folder."""


class DkimFiles:
    """Fulfils ``ports.dkim_keys.DkimKeys`` in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def domains(self) -> list[str]:
        return sorted(file.parent.name for file in self._folder.glob(f"*/{_KEYS}"))

    def load(self, domain: str) -> tuple[DomainKey, ...]:
        file = self._of(domain) / _KEYS
        try:
            return msgspec.json.decode(file.read_bytes(), type=tuple[DomainKey, ...])
        except FileNotFoundError:
            return ()
        except msgspec.MsgspecError as error:
            raise Damaged(f"{file}: {error}") from None

    def private(self, domain: str, selector: str) -> bytes:
        file = self._pem(domain, selector)
        try:
            return file.read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{file} is not there") from None

    def save(self, domain: str, keys: Sequence[DomainKey], fresh: Sequence[tuple[str, bytes]] = ()) -> None:
        """Private parts first: a key that is listed can sign."""
        folder = self._of(domain)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for selector, pem in fresh:
            write_private(self._pem(domain, selector), pem)
        write_private(folder / _KEYS, msgspec.json.encode(tuple(keys)))
        kept = {f"{key.selector}.pem" for key in keys}
        for file in folder.glob("*.pem"):
            if file.name not in kept:
                file.unlink()

    def forget(self, domain: str) -> None:
        shutil.rmtree(self._of(domain), ignore_errors=True)

    def _of(self, domain: str) -> Path:
        return self._folder / _plain(domain)

    def _pem(self, domain: str, selector: str) -> Path:
        return self._of(domain) / f"{_plain(selector)}.pem"


def _plain(name: str) -> str:
    if _PLAIN.fullmatch(name) is None or ".." in name:
        raise Damaged(f"{name!r} is no name of a domain or key")
    return name
