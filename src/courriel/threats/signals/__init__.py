"""The signals, gathered: an explicit list of modules, each with its SIGNALS (what they mean) and LOOKS (who looks)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Protocol

from courriel.threats.signal import Look, Signal


class Module(Protocol):
    """What a module of signals offers.  Every finding of its LOOKS names one of its SIGNALS."""

    @property
    def SIGNALS(self) -> tuple[Signal, ...]: ...

    @property
    def LOOKS(self) -> tuple[Look, ...]: ...


MODULES: Final[tuple[Module, ...]] = ()


@cache
def catalogue() -> Mapping[str, Signal]:
    """All signals by name."""
    return {signal.name: signal for module in MODULES for signal in module.SIGNALS}


@cache
def looks() -> tuple[Look, ...]:
    """All that look at a message, cheap ones first as the list has them."""
    return tuple(look for module in MODULES for look in module.LOOKS)
