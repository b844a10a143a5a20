"""Where the keys of domains are kept, private parts included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from courriel.model.dkim_key import DomainKey


class DkimKeys(Protocol):
    """Calls are short and block; whoever has a loop calls them in a thread.  Every method raises OSError, Damaged."""

    def domains(self) -> list[str]:
        """Those that have keys, in order of their names."""
        ...

    def load(self, domain: str) -> tuple[DomainKey, ...]:
        """In the order in which they were saved; empty for a domain without keys."""
        ...

    def private(self, domain: str, selector: str) -> bytes:
        """The private part of a key: PKCS#8 in PEM."""
        ...

    def save(self, domain: str, keys: Sequence[DomainKey], fresh: Sequence[tuple[str, bytes]] = ()) -> None:
        """Replace what is kept; durable when it returns.  ``fresh`` are (selector, private part) of new keys.

        The private parts of keys that are no longer there are deleted.
        """
        ...

    def forget(self, domain: str) -> None:
        """Delete all of a domain's keys."""
        ...
