"""How a command or test is written: its tags, what stands behind them, its arguments.  RFC 5228 §2.6.

``Usage`` is one row of the tables in ``core`` and ``extensions``; ``Given`` is what a script wrote, ready to be made
into a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

import msgspec

from courriel.sieve.grammar import Node
from courriel.sieve.run import StepFunction, TestFunction
from courriel.sieve.settings import SieveSettings
from courriel.sieve.values import Text, Texts


class Takes(Enum):
    """What an argument is."""

    NOTHING = "nothing"
    STRING = "a string"
    STRINGS = "a string list"
    NUMBER = "a number"


class TagUsage(msgspec.Struct, frozen=True):
    """One tag: what follows it, which capability it needs, and its ``group``: of a group only one may stand."""

    takes: Takes = Takes.NOTHING
    needs: str = ""
    group: str = ""


Tags = Mapping[str, TagUsage]


class Given(msgspec.Struct):
    """The arguments of one command or test.  ``positional`` has None for one that was left out."""

    node: Node
    tags: dict[str, Text | Texts | int | None]
    positional: list[Text | Texts | int | None]
    tests: list[TestFunction]
    block: StepFunction | None
    compiler: Compiler

    @property
    def line(self) -> int:
        return self.node.line

    def has(self, tag: str) -> bool:
        return tag in self.tags

    def one_of(self, *tags: str) -> str:
        """The tag of these that stands there, "" for none."""
        return next((tag for tag in tags if tag in self.tags), "")

    def tag_text(self, tag: str) -> Text | None:
        found = self.tags.get(tag)
        return found if isinstance(found, Text) else None

    def tag_texts(self, tag: str) -> Texts | None:
        found = self.tags.get(tag)
        return found if isinstance(found, Texts) else None

    def tag_number(self, tag: str) -> int | None:
        found = self.tags.get(tag)
        return found if isinstance(found, int) else None

    def text(self, place: int) -> Text:
        found = self.positional[place]
        assert isinstance(found, Text)
        return found

    def texts(self, place: int) -> Texts:
        found = self.positional[place]
        assert isinstance(found, Texts)
        return found

    def number(self, place: int) -> int:
        found = self.positional[place]
        assert isinstance(found, int)
        return found


class Compiler(Protocol):
    """What makers may ask of the one who calls them."""

    def has(self, capability: str) -> bool:
        """Whether the script requires it."""
        ...

    def wrong(self, line: int, text: str, /, **values: str | int) -> None:
        """Note a mistake; the script will not be used."""
        ...

    @property
    def settings(self) -> SieveSettings: ...

    def supports(self, capability: str) -> bool: ...

    def allow(self, capabilities: tuple[str, ...]) -> None:
        """``ihave`` was asked for these: they may be used from here on."""
        ...

    @property
    def loops(self) -> tuple[str, ...]:
        """Names of the ``foreverypart`` around, innermost last."""
        ...


class Usage(msgspec.Struct, frozen=True):
    """One command or test.  Of ``positional`` the first or the last may be left out (``optional``).

    ``tests``: how many tests it takes, None for a list of them.  ``block``: whether it has one.
    """

    make: Callable[[Given], Any]
    positional: tuple[Takes, ...] = ()
    tags: Tags = {}
    needs: tuple[str, ...] = ()
    """One of these capabilities has to be required; none for the core."""
    optional: str = ""
    tests: int | None = 0
    block: bool = False
