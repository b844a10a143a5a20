"""The table of verbs: grammar, action, states, and what it means for sequence numbers.  Read this first.

``keeps_seqs``: no EXPUNGE may be told while it runs or at its end (RFC 9051 §7.5.1).  ``by_uid``: flags that are
told at its end come with UIDs.  ``by_seq``: it names messages by sequence numbers, or is answered by them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from courriel.imap.commands import (
    acl,
    append,
    compress,
    copy,
    fetch,
    idle,
    login,
    mailboxes,
    metadata,
    multisearch,
    notify,
    quota,
    search,
    select,
    session,
    sort,
    store,
    thread,
    uidbatches,
    update,
)
from courriel.imap.commands import list as listing
from courriel.imap.peer import Peer
from courriel.imap.session import ANY, LOGGED_IN, NOT_AUTHENTICATED, SELECTED, State
from courriel.imap.wire import acl as acl_wire
from courriel.imap.wire import append as append_wire
from courriel.imap.wire import fetch as fetch_wire
from courriel.imap.wire import list as list_wire
from courriel.imap.wire import metadata as metadata_wire
from courriel.imap.wire import multisearch as multisearch_wire
from courriel.imap.wire import notify as notify_wire
from courriel.imap.wire import plain, status
from courriel.imap.wire import quota as quota_wire
from courriel.imap.wire import search as search_wire
from courriel.imap.wire import select as select_wire
from courriel.imap.wire import sort as sort_wire
from courriel.imap.wire import store as store_wire
from courriel.imap.wire import thread as thread_wire
from courriel.imap.wire import uidbatches as uidbatches_wire
from courriel.imap.wire.fragments import Command


@dataclass(frozen=True, slots=True)
class Verb:
    """``parse`` gets the command, the octet behind the verb, and whether names are UTF-8."""

    parse: Callable[[Command, int, bool], Any]
    run: Callable[[Peer, Any], Awaitable[bytes]]
    states: frozenset[State]
    keeps_seqs: bool = False
    by_uid: bool = False
    by_seq: bool = False


VERBS: dict[bytes, Verb] = {
    # any state
    b"CAPABILITY": Verb(plain.parse_nothing, session.capability, ANY),
    b"NOOP": Verb(plain.parse_nothing, session.noop, ANY),
    b"LOGOUT": Verb(plain.parse_nothing, session.logout, ANY),
    b"ID": Verb(plain.parse_id, session.identify, ANY),
    # not authenticated
    b"STARTTLS": Verb(plain.parse_nothing, login.starttls, NOT_AUTHENTICATED),
    b"LOGIN": Verb(plain.parse_login, login.login, NOT_AUTHENTICATED),
    b"AUTHENTICATE": Verb(plain.parse_authenticate, login.authenticate, NOT_AUTHENTICATED),
    # authenticated
    b"ENABLE": Verb(plain.parse_enable, session.enable, LOGGED_IN),
    b"UNAUTHENTICATE": Verb(plain.parse_nothing, session.unauthenticate, LOGGED_IN),
    b"GETJMAPACCESS": Verb(plain.parse_nothing, session.jmap_access, LOGGED_IN),
    b"COMPRESS": Verb(plain.parse_compress, compress.run, LOGGED_IN),
    b"SELECT": Verb(select_wire.parse, select.select, LOGGED_IN),
    b"EXAMINE": Verb(select_wire.parse, select.examine, LOGGED_IN),
    b"CREATE": Verb(plain.parse_create, mailboxes.create, LOGGED_IN),
    b"DELETE": Verb(plain.parse_path, mailboxes.delete, LOGGED_IN),
    b"RENAME": Verb(plain.parse_rename, mailboxes.rename, LOGGED_IN),
    b"SUBSCRIBE": Verb(plain.parse_path, mailboxes.subscribe, LOGGED_IN),
    b"UNSUBSCRIBE": Verb(plain.parse_path, mailboxes.unsubscribe, LOGGED_IN),
    b"LIST": Verb(list_wire.parse, listing.run, LOGGED_IN),
    b"LSUB": Verb(list_wire.parse_lsub, listing.lsub, LOGGED_IN),
    b"XLIST": Verb(list_wire.parse_lsub, listing.xlist, LOGGED_IN),
    b"NAMESPACE": Verb(plain.parse_nothing, mailboxes.namespace, LOGGED_IN),
    b"STATUS": Verb(status.parse, mailboxes.status, LOGGED_IN),
    b"GETQUOTA": Verb(quota_wire.parse_get, quota.get, LOGGED_IN),
    b"GETQUOTAROOT": Verb(quota_wire.parse_get_root, quota.get_root, LOGGED_IN),
    b"SETQUOTA": Verb(quota_wire.parse_set, quota.set_limits, LOGGED_IN),
    b"GETMETADATA": Verb(metadata_wire.parse_get, metadata.get, LOGGED_IN),
    b"SETMETADATA": Verb(metadata_wire.parse_set, metadata.set_values, LOGGED_IN),
    b"NOTIFY": Verb(notify_wire.parse, notify.run, LOGGED_IN),
    b"APPEND": Verb(append_wire.parse, append.run, LOGGED_IN),
    b"SETACL": Verb(acl_wire.parse_set, acl.set_acl, LOGGED_IN),
    b"DELETEACL": Verb(acl_wire.parse_named, acl.delete_acl, LOGGED_IN),
    b"GETACL": Verb(acl_wire.parse_mailbox, acl.get_acl, LOGGED_IN),
    b"LISTRIGHTS": Verb(acl_wire.parse_named, acl.list_rights, LOGGED_IN),
    b"MYRIGHTS": Verb(acl_wire.parse_mailbox, acl.run_my_rights, LOGGED_IN),
    b"ESEARCH": Verb(multisearch_wire.parse, multisearch.run, LOGGED_IN, by_uid=True),
    b"IDLE": Verb(plain.parse_nothing, idle.run, LOGGED_IN),
    # selected
    b"CHECK": Verb(plain.parse_nothing, session.check, SELECTED),
    b"CLOSE": Verb(plain.parse_nothing, select.close, SELECTED),
    b"UNSELECT": Verb(plain.parse_nothing, select.unselect, SELECTED),
    b"EXPUNGE": Verb(plain.parse_expunge, copy.expunge, SELECTED),
    b"SEARCH": Verb(search_wire.parse, search.run, SELECTED, keeps_seqs=True, by_seq=True),
    b"SORT": Verb(sort_wire.parse, sort.run, SELECTED, keeps_seqs=True, by_seq=True),
    b"THREAD": Verb(thread_wire.parse, thread.run, SELECTED, keeps_seqs=True, by_seq=True),
    b"CANCELUPDATE": Verb(plain.parse_tags, update.cancel, SELECTED),
    b"FETCH": Verb(fetch_wire.parse, fetch.run, SELECTED, keeps_seqs=True, by_seq=True),
    b"STORE": Verb(store_wire.parse, store.run, SELECTED, keeps_seqs=True, by_seq=True),
    b"COPY": Verb(plain.parse_copy, copy.copy, SELECTED, by_seq=True),
    b"MOVE": Verb(plain.parse_copy, copy.move, SELECTED, by_seq=True),
    b"REPLACE": Verb(append_wire.parse_replace, append.replace, SELECTED, by_seq=True),
    b"UID REPLACE": Verb(append_wire.parse_replace, append.replace_uid, SELECTED, by_uid=True),
    b"UID EXPUNGE": Verb(plain.parse_uid_expunge, copy.expunge, SELECTED, by_uid=True),
    b"UID SEARCH": Verb(search_wire.parse, search.run_uid, SELECTED, by_uid=True),
    b"UID SORT": Verb(sort_wire.parse, sort.run_uid, SELECTED, by_uid=True),
    b"UID THREAD": Verb(thread_wire.parse, thread.run_uid, SELECTED, by_uid=True),
    b"UID FETCH": Verb(fetch_wire.parse, fetch.run_uid, SELECTED, by_uid=True),
    b"UID STORE": Verb(store_wire.parse, store.run_uid, SELECTED, by_uid=True),
    b"UIDBATCHES": Verb(uidbatches_wire.parse, uidbatches.run, SELECTED, by_uid=True),
    b"UID COPY": Verb(plain.parse_copy, copy.copy_uid, SELECTED, by_uid=True),
    b"UID MOVE": Verb(plain.parse_copy, copy.move_uid, SELECTED, by_uid=True),
}
