"""Adding messages: the plan of a delivery or APPEND.  STORAGE §3, "Delivery transaction".

First everything is judged, for all accounts; then drafts change and rows are collected.  The blob's hash is the
body's SHA-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Final

from courriel.model.flags import DELETED, SEEN
from courriel.model.ids import UID_MAX, AccountId, MailboxId, MessageId, ModSeq, Uid
from courriel.model.message import NewMessage, Stored, Summary
from courriel.model.refusals import OverQuota
from courriel.store.sqlite.transaction import KIND_MAIL, AccountDraft, Appeared, Transaction, check_keywords

REFERENCES: Final = 20
"""Most References of a message that are looked at for its thread: the last ones, RFC 5322 §3.6.4 keeps the parent
last."""


def append(transaction: Transaction, messages: Sequence[NewMessage]) -> list[Stored]:
    """Plan to add ``messages``, all or none.  Raises NoSuchMailbox, OverQuota, TooManyKeywords."""
    judge(transaction, messages)
    now = int(transaction.now)
    stored = []
    touched: dict[AccountId, list[MailboxId]] = {}
    hashes: dict[int, bytes] = {}
    for message in messages:
        draft = transaction.account(message.account)
        box = draft.mailbox(message.mailbox)
        summary = message.summary
        flags = message.flags
        if message.keywords:
            flags |= transaction.keyword_flags(draft, message.keywords)
        body = message.body
        hash = hashes.get(id(body))
        if hash is None:
            hash = hashes[id(body)] = sha256(body).digest()
        size = len(message.prefix) + len(body)
        number = draft.take()
        thread = _thread(transaction, draft, summary)
        modseq = draft.take()
        uid = box.uidnext
        box.uidnext = uid + 1
        box.modseq = modseq
        box.total += 1
        box.octets += size
        if not flags & SEEN:
            box.unseen += 1
        if flags & DELETED:
            box.deleted += 1
        draft.octets += size
        draft.messages += 1
        transaction.add_obj(
            (
                message.account, number, thread, transaction.add_blob(hash, message), size, message.received_at,
                summary.sent_at, summary.envelope, summary.bodystructure, message.prefix,
            )
        )  # fmt: skip
        if message.copy_of is not None:
            transaction.add_origins(draft, [(number, message.copy_of)])
        transaction.add_member((message.account, box.id, uid, number, modseq, flags, size, now))
        transaction.effects.append(
            Appeared(message.account, box.id, (uid,), (flags,), (modseq,), (number,), (size,), (thread,), (message,))
        )
        stored.append(Stored(message.account, box.id, Uid(uid), MessageId(number), ModSeq(modseq), box.uidvalidity))
        touched.setdefault(message.account, []).append(box.id)
    for account, mailboxes in touched.items():
        draft = transaction.drafts[account]
        transaction.note(draft, draft.counter, KIND_MAIL, mailboxes)
    return stored


def judge(transaction: Transaction, messages: Sequence[NewMessage]) -> None:
    """Whether they can be added; changes nothing.  Raises as ``append``."""
    if len(messages) == 1:
        _judge_account(transaction, messages[0].account, messages)
        return
    parts: dict[AccountId, list[NewMessage]] = {}
    for message in messages:
        parts.setdefault(message.account, []).append(message)
    for account, part in parts.items():
        _judge_account(transaction, account, part)


def _judge_account(transaction: Transaction, account: AccountId, messages: Sequence[NewMessage]) -> None:
    draft = transaction.account(account)
    octets = 0
    keywords: list[str] = []
    for message in messages:
        box = draft.mailbox(message.mailbox)
        if box.uidnext + len(messages) > UID_MAX:
            raise OverQuota(f"mailbox {box.id} has used up its UIDs")
        octets += len(message.prefix) + len(message.body)
        if message.keywords:
            keywords.extend(message.keywords)
    draft.check_room(octets, len(messages))
    if keywords:
        check_keywords(draft, keywords)


def message_id_hash(message_id: bytes) -> int:
    """Signed 64-bit hash of a Message-ID, the key of ``msgid``."""
    return int.from_bytes(blake2b(message_id, digest_size=8).digest(), "little", signed=True)


def _thread(transaction: Transaction, draft: AccountDraft, summary: Summary) -> int:
    """The conversation of the nearest relative known (parent first), else a new one."""
    own = (summary.message_id,) if summary.message_id else ()
    relatives = (*reversed(summary.references[-REFERENCES:]), *own)
    if not relatives:
        return draft.take()
    keys = [message_id_hash(relative) for relative in relatives]
    account = draft.base.id
    known = draft.threads
    missing: list[int] = []
    thread = 0
    for key in keys:
        found = known.get(key)
        if found is None:
            row = transaction.connection.execute(
                "SELECT thread FROM msgid WHERE acct=? AND h=?", (account, key)
            ).fetchone()
            if row is None:
                missing.append(key)
                continue
            found = known[key] = row[0]
        thread = thread or found
    if not thread:
        thread = draft.take()
    for key in missing:
        if key not in known:
            known[key] = thread
            transaction.add_thread((account, key, thread))
    return thread
