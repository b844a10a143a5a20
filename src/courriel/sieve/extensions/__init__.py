"""Extensions of Sieve, a module for each: their commands and tests, and the capabilities all of Sieve has here."""

from __future__ import annotations

from typing import Final

from courriel.sieve import core
from courriel.sieve.extensions import (
    body,
    date,
    duplicate,
    editheader,
    environment,
    flags,
    ihave,
    include,
    mailbox,
    mime,
    notify,
    reject,
    spam,
    vacation,
    variables,
)
from courriel.sieve.matching import COMPARATORS
from courriel.sieve.usage import Usage

_MODULES: Final = (
    core,
    *(body, date, duplicate, editheader, environment, flags, ihave, include, mailbox, mime, notify, reject, spam),
    *(vacation, variables),
)

COMMANDS: Final[dict[str, Usage]] = {name: usage for module in _MODULES for name, usage in module.COMMANDS.items()}
TESTS: Final[dict[str, Usage]] = {name: usage for module in _MODULES for name, usage in module.TESTS.items()}

CAPABILITIES: Final[frozenset[str]] = (
    frozenset(need for usage in (*COMMANDS.values(), *TESTS.values()) for need in usage.needs)
    | frozenset(
        tag.needs for usage in (*COMMANDS.values(), *TESTS.values()) for tag in usage.tags.values() if tag.needs
    )
    | frozenset(f"comparator-{name}" for name in COMPARATORS)
    | {"encoded-character"}
)
"""Everything a script may require."""
