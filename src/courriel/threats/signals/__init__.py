"""The signals, gathered: an explicit list of modules, each with its SIGNALS (what they mean) and LOOKS (who looks)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Protocol

from courriel.threats.signal import Look, Signal
from courriel.threats.signals import (
    account,
    attachments,
    authentication,
    bulk,
    call,
    callback,
    credentials,
    hidden,
    history,
    html,
    identity,
    intent,
    language,
    links,
    lookalike,
    money,
    personal,
    route,
    scams,
    sms,
    thread,
    urgency,
)


class Module(Protocol):
    """What a module of signals offers.  Every finding of its LOOKS names one of its SIGNALS."""

    @property
    def SIGNALS(self) -> tuple[Signal, ...]: ...

    @property
    def LOOKS(self) -> tuple[Look, ...]: ...


MODULES: Final[tuple[Module, ...]] = (
    *(authentication, history, identity, links, lookalike, route),
    *(hidden, html, urgency, credentials, money, intent, scams, callback, call, sms, personal, thread, bulk, language),
    *(attachments, account),
)


@cache
def catalogue() -> Mapping[str, Signal]:
    """All signals by name."""
    return {signal.name: signal for module in MODULES for signal in module.SIGNALS}


@cache
def looks() -> tuple[Look, ...]:
    """All that look at a message, cheap ones first as the list has them."""
    return tuple(look for module in MODULES for look in module.LOOKS)
