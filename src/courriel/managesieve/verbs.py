"""Every ManageSieve command: what runs it, when it is allowed, how many arguments it takes.  RFC 5804 §2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from courriel.managesieve import commands
from courriel.managesieve.commands import Arguments
from courriel.managesieve.session import EVERY, OWNER, STRANGER, State
from courriel.managesieve.talk import Talk


@dataclass(frozen=True, slots=True)
class Verb:
    """One command; it takes ``least`` to ``most`` arguments."""

    run: Callable[[Talk, Arguments], Awaitable[None]]
    states: frozenset[State]
    least: int = 0
    most: int = 0


VERBS: Final[dict[bytes, Verb]] = {
    b"AUTHENTICATE": Verb(commands.authenticate, STRANGER, 1, 2),
    b"STARTTLS": Verb(commands.starttls, STRANGER),
    b"LOGOUT": Verb(commands.logout, EVERY),
    b"CAPABILITY": Verb(commands.capability, EVERY),
    b"NOOP": Verb(commands.noop, EVERY, 0, 1),
    b"HAVESPACE": Verb(commands.have_space, OWNER, 2, 2),
    b"PUTSCRIPT": Verb(commands.put_script, OWNER, 2, 2),
    b"LISTSCRIPTS": Verb(commands.list_scripts, OWNER),
    b"SETACTIVE": Verb(commands.set_active, OWNER, 1, 1),
    b"GETSCRIPT": Verb(commands.get_script, OWNER, 1, 1),
    b"DELETESCRIPT": Verb(commands.delete_script, OWNER, 1, 1),
    b"RENAMESCRIPT": Verb(commands.rename_script, OWNER, 2, 2),
    b"CHECKSCRIPT": Verb(commands.check_script, OWNER, 1, 1),
    b"UNAUTHENTICATE": Verb(commands.unauthenticate, OWNER),
}
