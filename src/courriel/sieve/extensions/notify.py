"""``notify`` by mail and its tests.  RFC 5435, RFC 5436 (mailto), RFC 6068 (the address)."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote

from courriel.base.errors import FormatError
from courriel.base.i18n import N_
from courriel.formats.path import parse_address
from courriel.sieve.actions import Notify
from courriel.sieve.core import FLAGS_TAG, check_address
from courriel.sieve.extensions.vacation import FCC_TAGS, fcc_of
from courriel.sieve.matching import MATCH_TAGS, matcher
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Run, StepFunction, TestFunction
from courriel.sieve.usage import Given, TagUsage, Takes, Usage

MESSAGE_CHARACTERS: Final = 4_096


def _mailto(method: str) -> tuple[str, dict[str, str]]:
    """The address of a mailto URI, and its fields.  Raises FormatError for any other method, and several addresses."""
    scheme, colon, rest = method.partition(":")
    if not colon or scheme.lower() != "mailto":
        raise FormatError("notification method", 0, "mailto: is the only one here")
    address, _, query = rest.partition("?")
    fields = {name.lower(): value for name, value in parse_qsl(query.replace("+", "%2B"), max_num_fields=20)}
    return parse_address(unquote(address)).address, fields


def _notify(given: Given) -> StepFunction:
    method, line = given.text(0), given.line
    sender, message, importance = given.tag_text("from"), given.tag_text("message"), given.tag_text("importance")
    fcc = fcc_of(given)
    if method.constant is not None and not _is_valid(method.constant):
        given.compiler.wrong(
            line, N_("“{method}” is no way to notify: mailto:somebody@example.org"), method=method.constant
        )
    if importance is not None and importance.constant not in ("1", "2", "3", None):
        given.compiler.wrong(line, N_("importance is “1”, “2” or “3”"))
    if sender is not None:
        check_address(given, sender)

    def step(run: Run) -> None:
        try:
            address, fields = _mailto(method(run))
        except (FormatError, ValueError):
            values = {"method": method(run)[:80]}
            raise RunError(
                Problem(line, N_("“{method}” is no way to notify: mailto:somebody@example.org"), values)
            ) from None
        text = (message(run) if message is not None else "") or fields.get("body", "")
        level = importance(run) if importance is not None else "2"
        run.act(
            Notify(
                address,
                text[:MESSAGE_CHARACTERS],
                sender(run) if sender is not None else "",
                fields.get("subject", "")[:200],
                int(level) if level in ("1", "2", "3") else 2,
                fcc(run),
            ),
            line,
        )

    return step


def _is_valid(method: str) -> bool:
    try:
        _mailto(method)
    except (FormatError, ValueError):
        return False
    return True


def _valid_method(given: Given) -> TestFunction:
    methods = given.texts(0)
    return lambda run: all(map(_is_valid, methods(run)))


def _capability(given: Given) -> TestFunction:
    method, name, match = given.text(0), given.text(1), matcher(given, given.texts(2))

    def test(run: Run) -> bool:
        """RFC 5436 §2.2: with mail nobody can say whether somebody is there."""
        return _is_valid(method(run)) and name(run).lower() == "online" and match(run, ("maybe",))

    return test


COMMANDS: Final = {
    "notify": Usage(
        _notify,
        (Takes.STRING,),
        {
            **FCC_TAGS,
            "flags": FLAGS_TAG,
            "from": TagUsage(Takes.STRING),
            "importance": TagUsage(Takes.STRING),
            "options": TagUsage(Takes.STRINGS),
            "message": TagUsage(Takes.STRING),
        },
        ("enotify",),
    )
}
TESTS: Final = {
    "valid_notify_method": Usage(_valid_method, (Takes.STRINGS,), needs=("enotify",)),
    "notify_method_capability": Usage(
        _capability, (Takes.STRING, Takes.STRING, Takes.STRINGS), MATCH_TAGS, ("enotify",)
    ),
}
