"""STORE: grammar of the command.  RFC 9051 §6.4.6; UNCHANGEDSINCE RFC 7162 §3.1.3."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.imap.wire import flags, sets
from courriel.imap.wire.flags import FlagNames
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.sets import NumberSet
from courriel.model.flags import FlagAction


class Store(msgspec.Struct, frozen=True):
    """[UID] STORE."""

    numbers: NumberSet
    action: FlagAction
    flags: FlagNames
    silent: bool
    unchanged_since: int | None = None


_ACTIONS: Final = {
    b"FLAGS": (FlagAction.REPLACE, False),
    b"FLAGS.SILENT": (FlagAction.REPLACE, True),
    b"+FLAGS": (FlagAction.ADD, False),
    b"+FLAGS.SILENT": (FlagAction.ADD, True),
    b"-FLAGS": (FlagAction.REMOVE, False),
    b"-FLAGS.SILENT": (FlagAction.REMOVE, True),
}
_CACHE: Final[dict[bytes, tuple[FlagAction, bool, FlagNames]]] = {}
CACHED: Final = 512
"""Flag changes kept parsed; clients repeat the same few."""


def parse(command: Command, pos: int, utf8: bool = False) -> Store:
    """store = "STORE" SP sequence-set [SP "(" store-modifier ")"] SP store-att-flags."""
    first, _, rest = command.text[pos + 1 :].partition(b" ")
    cached = _CACHE.get(rest)
    if cached is not None and command.text.startswith(b" ", pos) and (one := sets.single(first)) is not None:
        action, silent, names = cached
        return Store(one, action, names, silent)
    reader = Reader(command, pos)
    reader.space()
    numbers = sets.read(reader)
    reader.space()
    unchanged_since = None
    if reader.take(b"("):
        if reader.word() != b"UNCHANGEDSINCE":
            reader.fail("unknown STORE modifier")
        reader.space()
        unchanged_since = reader.number63()
        reader.need(b")")
        reader.space()
    key = command.text[reader.pos :]
    cached = _CACHE.get(key)
    if cached is None:
        cached = _change(reader)
        if len(key) < 256:
            if len(_CACHE) >= CACHED:
                _CACHE.clear()
            _CACHE[key] = cached
    action, silent, names = cached
    return Store(numbers, action, names, silent, unchanged_since)


def _change(reader: Reader) -> tuple[FlagAction, bool, FlagNames]:
    """store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))."""
    word = reader.word()
    if word not in _ACTIONS:
        reader.fail("expected FLAGS, +FLAGS or -FLAGS")
    reader.space()
    if reader.peek(b"("):
        names = reader.flags()
    else:
        names = [reader.flag()]
        while not reader.at_end:
            reader.space()
            names.append(reader.flag())
    reader.end()
    return (*_ACTIONS[word], flags.resolve(names))
