"""What the command line needs from the floor above it, which knows settings, adapters and signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from courriel.model.envelope import Client
from courriel.model.judgement import Judgement
from courriel.ports.administration import Administration


class ServeOptions(msgspec.Struct, frozen=True):
    """``courriel serve``: where the settings and the data are."""

    data: Path
    config: Path | None = None
    overrides: tuple[str, ...] = ()


class TrialOptions(msgspec.Struct, frozen=True):
    """``courriel try``: people as (name, password), None for a made-up password."""

    people: tuple[tuple[str, str | None], ...]
    base_port: int
    data: Path | None = None
    overrides: tuple[str, ...] = ()


class Person(msgspec.Struct, frozen=True):
    """Somebody who can log in to the trial server."""

    address: str
    password: str


class TrialReport(msgspec.Struct, frozen=True):
    """What a trial server offers, once it is ready.  ``ports`` by service name; 0 would be off."""

    domain: str
    host: str
    ports: Mapping[str, int]
    people: tuple[Person, ...]
    ca: str
    data: str
    metrics: str


class Doors(Protocol):
    """Ways into an installation."""

    def administration(self, data: Path) -> AbstractAsyncContextManager[Administration]:
        """The running server of ``data``, or the installation itself when no server runs."""
        ...

    def roll_back(self, data: Path) -> Mapping[int, int]:
        """Put the store back to what it was before its last migration: schema version by shard.

        Raises Unavailable when a server runs, or there is no way back.
        """
        ...

    def serve(self, options: ServeOptions) -> None:
        """Run the server until it is told to stop."""
        ...

    def trial(self, options: TrialOptions, announce: Callable[[TrialReport], None]) -> None:
        """Run a trial server until it is told to stop; ``announce`` is called when it is ready."""
        ...

    def judge_message(self, content: bytes, client: Client, mail_from: str) -> Judgement | None:
        """Check the sender of a message in a file by asking the DNS; None when it takes too long."""
        ...
