"""The tests ``mailboxexists`` (RFC 5490 §3.1) and ``specialuse_exists`` (RFC 8579 §3)."""

from __future__ import annotations

from typing import Final

from courriel.base.errors import FormatError
from courriel.model.mailbox import canonical_path
from courriel.sieve.run import Run, TestFunction
from courriel.sieve.usage import Given, Takes, Usage
from courriel.sieve.values import Texts


def _is_there(run: Run, name: str) -> bool:
    try:
        return canonical_path(name) in run.environment.mailboxes
    except FormatError:
        return False


def _mailboxexists(given: Given) -> TestFunction:
    names = given.texts(0)
    return lambda run: all(_is_there(run, name) for name in names(run))


def _specialuse_exists(given: Given) -> TestFunction:
    mailbox, uses = given.positional[0], given.texts(1)
    place = mailbox if isinstance(mailbox, Texts) else None

    def test(run: Run) -> bool:
        found = [run.environment.special_uses.get(use.lower()) for use in uses(run)]
        if place is None:
            return all(one is not None for one in found)
        [path] = place(run)[:1] or ("",)
        return _is_there(run, path) and all(one == canonical_path(path) for one in found)

    return test


COMMANDS: Final[dict[str, Usage]] = {}
TESTS: Final = {
    "mailboxexists": Usage(_mailboxexists, (Takes.STRINGS,), needs=("mailbox",)),
    "specialuse_exists": Usage(
        _specialuse_exists, (Takes.STRINGS, Takes.STRINGS), needs=("special-use",), optional="first"
    ),
}
