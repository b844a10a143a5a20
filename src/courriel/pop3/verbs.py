"""Every POP3 command: what runs it, when it is allowed, how many arguments it takes.  RFC 1939 §9, RFC 2449 §6."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from courriel.pop3 import commands
from courriel.pop3.session import AUTHORIZATION, EVERY, TRANSACTION, State
from courriel.pop3.talk import Talk


class Takes(Enum):
    """Whether a command has an argument."""

    NOTHING = "nothing"
    MAYBE = "maybe"
    SOMETHING = "something"


@dataclass(frozen=True, slots=True)
class Verb:
    """One command."""

    run: Callable[[Talk, bytes], Awaitable[None]]
    states: frozenset[State]
    takes: Takes = Takes.NOTHING


VERBS: Final[dict[bytes, Verb]] = {
    b"CAPA": Verb(commands.capa, EVERY),
    b"QUIT": Verb(commands.quit, EVERY),
    b"USER": Verb(commands.user, AUTHORIZATION, Takes.SOMETHING),
    b"PASS": Verb(commands.pass_, AUTHORIZATION, Takes.MAYBE),
    b"AUTH": Verb(commands.auth, AUTHORIZATION, Takes.MAYBE),
    b"STLS": Verb(commands.stls, AUTHORIZATION),
    b"UTF8": Verb(commands.utf8, AUTHORIZATION),
    b"LANG": Verb(commands.lang, AUTHORIZATION | TRANSACTION, Takes.MAYBE),
    b"STAT": Verb(commands.stat, TRANSACTION),
    b"LIST": Verb(commands.list_, TRANSACTION, Takes.MAYBE),
    b"UIDL": Verb(commands.uidl, TRANSACTION, Takes.MAYBE),
    b"RETR": Verb(commands.retr, TRANSACTION, Takes.SOMETHING),
    b"TOP": Verb(commands.top, TRANSACTION, Takes.SOMETHING),
    b"DELE": Verb(commands.dele, TRANSACTION, Takes.SOMETHING),
    b"RSET": Verb(commands.rset, TRANSACTION),
    b"NOOP": Verb(commands.noop, TRANSACTION),
}
