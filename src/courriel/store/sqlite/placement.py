"""Accounts and the tree of mailboxes: create, rename, delete, subscribe.  RFC 9051 §6.3.4–6.3.8.

The table knows parent and name, so a rename touches one row however much is below; paths are for the API.
"""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.ids import AccountId, MailboxId
from courriel.model.mailbox import SEPARATOR, Mailbox, Role, canonical_path, parent_path
from courriel.model.refusals import MailboxExists, MailboxNotAllowed
from courriel.model.rights import ACL_ENTRIES, Acl, RightsChange, changed
from courriel.store.sqlite.removal import choose, refile
from courriel.store.sqlite.schema import ACCOUNT_TABLES
from courriel.store.sqlite.state import NO_PARENT, AccountState
from courriel.store.sqlite.transaction import (
    KIND_MAIL,
    KIND_MAILBOX,
    AccountDraft,
    MailboxDropped,
    Transaction,
    check_keywords,
)

INBOX = "INBOX"


def create_account(
    transaction: Transaction,
    account: AccountId,
    mailboxes: Sequence[tuple[str, Role | None]],
    quota_octets: int,
) -> None:
    if transaction.connection.execute("SELECT 1 FROM account WHERE acct=?", (account,)).fetchone():
        return
    state = AccountState(account)
    # From the clock, so that an account made anew does not repeat its predecessor's UIDVALIDITYs.
    first_uidvalidity = max(1, int(transaction.now)) & 0x7FFFFFFF
    transaction.connection.execute(
        "INSERT INTO account VALUES (?,0,?,0,0,?,0,0)", (account, first_uidvalidity, quota_octets)
    )
    draft = transaction.begin(state)
    draft.uidv_next = first_uidvalidity
    draft.limit_octets = quota_octets
    draft.subscriptions = set()
    for path, role in mailboxes:
        transaction.make_mailbox(draft, path, role.value if role else None)
        draft.subscriptions.add(path)
        transaction.connection.execute("INSERT OR IGNORE INTO sub VALUES (?,?)", (account, path))
    transaction.note(draft, draft.counter, KIND_MAILBOX, list(draft.mailboxes))


def delete_account(transaction: Transaction, account: AccountId) -> None:
    draft = transaction.account(account)
    transaction.flush()
    for mailbox in draft.base.mailboxes:
        transaction.effects.append(MailboxDropped(account, mailbox, draft.take()))
    for box in {**draft.base.mailboxes, **draft.mailboxes}.values():
        if box is not None:
            transaction.note_acl(account, box)
    for table in ACCOUNT_TABLES:
        transaction.connection.execute(f"DELETE FROM {table} WHERE acct=?", (account,))
    transaction.deleted.add(account)


def set_quota(transaction: Transaction, account: AccountId, limit_octets: int, limit_messages: int) -> None:
    draft = transaction.account(account)
    draft.limit_octets, draft.limit_messages = limit_octets, limit_messages


def create_mailbox(transaction: Transaction, account: AccountId, path: str, role: Role | None) -> Mailbox:
    draft = transaction.account(account)
    if draft.find(path) is not None:
        raise MailboxExists(path)
    before = draft.counter
    box = transaction.make_mailbox(draft, path, role.value if role else None)
    made = [mailbox for mailbox in draft.path_ids().values() if mailbox > before]
    transaction.note(draft, draft.counter, KIND_MAILBOX, made)
    return box.public(path in _subscriptions(draft))


def rename_mailbox(transaction: Transaction, account: AccountId, path: str, new_path: str) -> None:
    draft = transaction.account(account)
    box = draft.named(path)
    if draft.find(new_path) is not None:
        raise MailboxExists(new_path)
    if path == INBOX:
        _empty_inbox(transaction, draft, new_path)
        return
    if new_path.startswith(path + SEPARATOR):
        raise MailboxNotAllowed("a mailbox cannot move below itself")
    moving = {
        mailbox: new_path + old[len(path) :]
        for old, mailbox in draft.path_ids().items()
        if old == path or old.startswith(path + SEPARATOR)
    }
    for new in moving.values():
        _check_path(new)
    before = draft.counter
    parent_id = _parent(transaction, draft, new_path)
    paths = draft.path_ids()
    made = [mailbox for mailbox in paths.values() if mailbox > before]
    for mailbox, new in moving.items():
        member = draft.mailbox(mailbox)
        del paths[member.path]
        member.path = new
    for mailbox, new in moving.items():
        paths[new] = mailbox
    transaction.connection.execute(
        "UPDATE coll SET parent=?, name=? WHERE acct=? AND coll=?",
        (parent_id, new_path.rpartition(SEPARATOR)[2], account, box.id),
    )
    transaction.note(draft, draft.take(), KIND_MAILBOX, [*moving, *made])


def delete_mailbox(transaction: Transaction, account: AccountId, path: str) -> None:
    draft = transaction.account(account)
    box = draft.named(path)
    if path == INBOX:
        raise MailboxNotAllowed("INBOX cannot be deleted")
    paths = draft.path_ids()
    if any(other.startswith(path + SEPARATOR) for other in paths):
        raise MailboxNotAllowed("there are mailboxes below it")
    transaction.flush()
    execute = transaction.connection.execute
    execute(
        "INSERT INTO expunged SELECT acct, coll, uid, id, modseq, flags, ?, ?, ? FROM member WHERE acct=? AND coll=?",
        (path, transaction.now, transaction.now + transaction.retention_s, account, box.id),
    )
    draft.octets -= box.octets
    draft.messages -= box.total
    execute("DELETE FROM member WHERE acct=? AND coll=?", (account, box.id))
    execute("DELETE FROM gone WHERE acct=? AND coll=?", (account, box.id))
    execute("DELETE FROM snap WHERE acct=? AND coll=?", (account, box.id))
    execute("DELETE FROM annot WHERE acct=? AND coll=?", (account, box.id))
    execute("DELETE FROM coll WHERE acct=? AND coll=?", (account, box.id))
    if box.acl:
        execute("DELETE FROM acl WHERE acct=? AND coll=?", (account, box.id))
        transaction.note_acl(account, box)
    del paths[path]
    draft.mailboxes[box.id] = None
    modseq = draft.take()
    transaction.effects.append(MailboxDropped(account, box.id, modseq))
    transaction.note(draft, modseq, KIND_MAIL | KIND_MAILBOX, [box.id])


def change_rights(
    transaction: Transaction, account: AccountId, mailbox: MailboxId, identifier: str, change: RightsChange
) -> Acl:
    draft = transaction.account(account)
    box = draft.mailbox(mailbox)
    after = changed(box.acl, identifier, change)
    if len(after) > ACL_ENTRIES and len(after) > len(box.acl):
        raise LimitExceeded("access list", -1, "rights.acl_entries")
    if after != box.acl:
        transaction.set_acl(draft, box, after)
        transaction.note(draft, draft.take(), KIND_MAILBOX, [mailbox])
    return after


def subscribe(transaction: Transaction, account: AccountId, path: str, on: bool) -> None:
    draft = transaction.account(account)
    if on == (path in _subscriptions(draft)):
        return
    if draft.subscriptions is None:
        draft.subscriptions = set(draft.base.subscriptions)
    if on:
        draft.subscriptions.add(path)
        transaction.connection.execute("INSERT INTO sub VALUES (?,?)", (account, path))
    else:
        draft.subscriptions.discard(path)
        transaction.connection.execute("DELETE FROM sub WHERE acct=? AND path=?", (account, path))
    found = draft.find(path)
    transaction.note(draft, draft.take(), KIND_MAILBOX, [] if found is None else [found])


def make_keywords(transaction: Transaction, account: AccountId, names: Sequence[str]) -> int:
    draft = transaction.account(account)
    check_keywords(draft, names)
    return transaction.keyword_flags(draft, names)


def _subscriptions(draft: AccountDraft) -> set[str]:
    return draft.base.subscriptions if draft.subscriptions is None else draft.subscriptions


def _parent(transaction: Transaction, draft: AccountDraft, path: str) -> int:
    parent = parent_path(path)
    if parent is None:
        return NO_PARENT
    found = draft.find(parent)
    return transaction.make_mailbox(draft, parent, None).id if found is None else found


def _empty_inbox(transaction: Transaction, draft: AccountDraft, new_path: str) -> None:
    """RENAME INBOX moves its messages; INBOX and what is below it stay.  RFC 9051 §6.3.6."""
    account = draft.base.id
    inbox = draft.named(INBOX)
    before = draft.counter
    target = transaction.make_mailbox(draft, new_path, None)
    view = transaction.view(account, inbox.id)
    chosen = choose(transaction, account, inbox.id, view.uids if view else ())
    if chosen:
        refile(transaction, draft, inbox, chosen, target)
    made: list[MailboxId] = [mailbox for mailbox in draft.path_ids().values() if mailbox > before]
    transaction.note(draft, draft.counter, KIND_MAIL | KIND_MAILBOX, [inbox.id, *made])


def _check_path(path: str) -> None:
    """Refuse what a rename would make too deep or too long."""
    try:
        canonical_path(path)
    except FormatError as error:
        raise MailboxNotAllowed(str(error)) from error
