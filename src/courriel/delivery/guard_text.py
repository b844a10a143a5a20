"""The words in which the owner and the postmaster hear that an account's mail is held; in each language."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from courriel.base.i18n import N_, translator
from courriel.model.hijack import Lately, Sign

WIDTH: Final = 72
"""Columns of the text."""

SUBJECT: Final = N_("Mail sent by {login} is held: is the password stolen?")
_OPENING: Final = N_("The server has noticed that {login} sends mail as if somebody else had the password:")
_SIGNS: Final = {
    Sign.RATE: N_("{recipients} recipients within an hour; the busiest day of the last weeks had {busiest_day}."),
    Sign.SPREAD: N_("Single messages to {spread} different people within an hour."),
    Sign.FAILURES: N_("{failed} of {tried} recipients do not exist or refuse the mail."),
    Sign.NETWORKS: N_("Logins from {networks} different networks within an hour."),
}
_HELD: Final = N_("From now on its mail is taken and kept, and does not leave until somebody lets it.")
_OWNER: Final = N_("If it was not you: change the password now, and tell your administrator.")
_LOOK: Final = N_("Administrator, to see what waits:")
_LET_GO: Final = N_("If all is well, let it go:")
_THROW: Final = N_("If it was a thief, set a new password and throw the mail away:")
_BETWEEN: Final = "\n" + "-" * WIDTH + "\n\n"


def subject(login: str, language: str) -> str:
    return translator(language)(SUBJECT).format(login=login)


def text(login: str, found: tuple[Sign, ...], lately: Lately, languages: tuple[str, ...]) -> str:
    """The same in each language, one after the other."""
    return _BETWEEN.join("\n".join(_lines(login, found, lately, language)) + "\n" for language in languages)


def _lines(login: str, found: tuple[Sign, ...], lately: Lately, language: str) -> Iterator[str]:
    say = translator(language)
    facts = {name: getattr(lately, name) for name in lately.__struct_fields__}
    yield from textwrap.wrap(say(_OPENING).format(login=login), WIDTH)
    yield ""
    for sign in found:
        yield from textwrap.wrap(
            say(_SIGNS[sign]).format(**facts), WIDTH, initial_indent="  - ", subsequent_indent="    "
        )
    yield ""
    yield from textwrap.wrap(say(_HELD), WIDTH)
    yield from textwrap.wrap(say(_OWNER), WIDTH)
    for words, command in (
        (_LOOK, f"courriel queue list --from {login}"),
        (_LET_GO, f"courriel user release {login}"),
        (_THROW, f"courriel user password {login} && courriel user release {login} --delete"),
    ):
        yield from ("", *textwrap.wrap(say(words), WIDTH), "", f"    {command}")
