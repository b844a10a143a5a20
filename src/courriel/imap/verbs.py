"""Every IMAP command: how it is read, what runs it, when it is allowed.  RFC 9051 §6; the index to read first."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from courriel.imap.commands import (
    append,
    copying,
    fetch,
    listing,
    login,
    mailboxes,
    search,
    select,
    session,
    store,
)
from courriel.imap.session import ANY, LOGGED_IN, NOT_AUTHENTICATED, SELECTED, State
from courriel.imap.wire import append as wire_append
from courriel.imap.wire import fetch as wire_fetch
from courriel.imap.wire import list as wire_list
from courriel.imap.wire import plain
from courriel.imap.wire import search as wire_search
from courriel.imap.wire import select as wire_select
from courriel.imap.wire import status as wire_status
from courriel.imap.wire import store as wire_store


@dataclass(frozen=True, slots=True)
class Verb:
    """One command.

    ``parse``: the command's text behind its name, into a value.  ``run``: returns the tagged reply without its tag,
    None when that comes later or not at all.  ``keeps_numbers``: no EXPUNGE may be told with its reply, because the
    client may have sent numbers meanwhile (RFC 9051 §7.5.1).
    """

    parse: Callable[..., Any]
    run: Callable[..., Coroutine[Any, Any, bytes | None]]
    states: frozenset[State]
    keeps_numbers: bool = False


VERBS: Final[dict[bytes, Verb]] = {
    b"CAPABILITY": Verb(plain.parse_nothing, session.capability, ANY),
    b"NOOP": Verb(plain.parse_nothing, session.noop, ANY),
    b"LOGOUT": Verb(plain.parse_nothing, session.logout, ANY),
    b"ID": Verb(plain.parse_id, session.id_, ANY),
    b"STARTTLS": Verb(plain.parse_nothing, login.starttls, NOT_AUTHENTICATED),
    b"LOGIN": Verb(plain.parse_login, login.login, NOT_AUTHENTICATED),
    b"AUTHENTICATE": Verb(plain.parse_authenticate, login.authenticate, NOT_AUTHENTICATED),
    b"ENABLE": Verb(plain.parse_enable, session.enable, LOGGED_IN),
    b"IDLE": Verb(plain.parse_nothing, session.idle, LOGGED_IN),
    b"NAMESPACE": Verb(plain.parse_nothing, session.namespace, LOGGED_IN),
    b"SELECT": Verb(wire_select.parse, select.select, LOGGED_IN),
    b"EXAMINE": Verb(wire_select.parse, select.examine, LOGGED_IN),
    b"CREATE": Verb(plain.parse_create, mailboxes.create, LOGGED_IN),
    b"DELETE": Verb(plain.parse_name, mailboxes.delete, LOGGED_IN),
    b"RENAME": Verb(plain.parse_rename, mailboxes.rename, LOGGED_IN),
    b"SUBSCRIBE": Verb(plain.parse_name, mailboxes.subscribe, LOGGED_IN),
    b"UNSUBSCRIBE": Verb(plain.parse_name, mailboxes.unsubscribe, LOGGED_IN),
    b"STATUS": Verb(wire_status.parse, mailboxes.status, LOGGED_IN),
    b"LIST": Verb(wire_list.parse, listing.list_, LOGGED_IN),
    b"LSUB": Verb(wire_list.parse_lsub, listing.lsub, LOGGED_IN),
    b"APPEND": Verb(wire_append.parse, append.append, LOGGED_IN),
    b"CHECK": Verb(plain.parse_nothing, session.noop, SELECTED),
    b"CLOSE": Verb(plain.parse_nothing, select.close, SELECTED),
    b"UNSELECT": Verb(plain.parse_nothing, select.unselect, SELECTED),
    b"EXPUNGE": Verb(plain.parse_expunge, copying.expunge, SELECTED),
    b"COPY": Verb(plain.parse_copy, copying.copy, SELECTED),
    b"MOVE": Verb(plain.parse_copy, copying.move, SELECTED),
    b"FETCH": Verb(wire_fetch.parse, fetch.fetch, SELECTED, keeps_numbers=True),
    b"STORE": Verb(wire_store.parse, store.store, SELECTED, keeps_numbers=True),
    b"SEARCH": Verb(wire_search.parse, search.search, SELECTED, keeps_numbers=True),
    b"UID EXPUNGE": Verb(plain.parse_uid_expunge, copying.expunge, SELECTED),
    b"UID COPY": Verb(plain.parse_copy, copying.uid_copy, SELECTED),
    b"UID MOVE": Verb(plain.parse_copy, copying.uid_move, SELECTED),
    b"UID FETCH": Verb(wire_fetch.parse, fetch.uid_fetch, SELECTED),
    b"UID STORE": Verb(wire_store.parse, store.uid_store, SELECTED),
    b"UID SEARCH": Verb(wire_search.parse, search.uid_search, SELECTED),
}
