"""A mail store in memory.  Fulfils ``ports/store.py: MailStore``.

It is the oracle that other stores are compared with: each call checks everything first, then changes plain Python
values, and never suspends, so that calls are atomic by nature.  Nothing survives the process, and some calls take
time in proportion to the mailbox or the account; it is not meant for more than some ten thousand messages.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import Damaged, FormatError, LimitExceeded
from courriel.formats.message.index import relatives
from courriel.model.changes import Copied, FlagResult, JournalEntry
from courriel.model.flags import DELETED, FlagChange, Flags
from courriel.model.ids import AccountId, MailboxId, MessageId, ModSeq, Uid
from courriel.model.mailbox import Mailbox, Role, canonical_path, parent_path
from courriel.model.message import Expunged, NewMessage, Record, Stored
from courriel.model.metadata import ANNOTATION_OCTETS, ANNOTATIONS, SHARED
from courriel.model.quota import Quota
from courriel.model.refusals import MailboxExists, MailboxNotAllowed, NoSuchMailbox, TooManyAnnotations
from courriel.model.rights import ACL_ENTRIES, Acl, RightsChange, changed
from courriel.ports.store import Column, View
from courriel.store.memory.account import Box, MemoryAccount, Message
from courriel.store.memory.view import add_watcher, wake_all

RETENTION_S: Final = 30 * 86_400.0
"""How long expunged messages can be restored (ARCHITECTURE §4, "Undelete")."""

INBOX: Final = "INBOX"

VALUES: Final[Mapping[Column, Callable[[Message], bytes | int]]] = {
    Column.ENVELOPE: lambda message: message.summary.envelope,
    Column.BODYSTRUCTURE: lambda message: message.summary.bodystructure,
    Column.SIZE: lambda message: message.size_octets,
    Column.RECEIVED: lambda message: int(message.received_at),
    Column.ID: lambda message: message.id,
    Column.ORIGIN: lambda message: message.origin,
    Column.THREAD: lambda message: message.thread,
    Column.PREVIEW: lambda message: message.summary.preview.encode(),
    Column.SAVED: lambda message: int(message.received_at),  # of what is gone; ``Box.saved`` has the others
    Column.RELATIVES: lambda message: relatives(message.summary.parts),
}


class MemoryStore:
    """The mail of all accounts, in this process only."""

    def __init__(self, clock: Clock | None = None, retention_s: float = RETENTION_S) -> None:
        self._clock = clock or SystemClock()
        self._retention_s = retention_s
        self._accounts: dict[AccountId, MemoryAccount] = {}

    # --- accounts -------------------------------------------------------------------------------------------
    async def create_account(
        self, account: AccountId, mailboxes: Sequence[tuple[str, Role | None]], quota_octets: int = 0
    ) -> None:
        if account in self._accounts:
            return
        here = self._accounts[account] = MemoryAccount(account, int(self._clock.now()), quota_octets)
        for path, role in mailboxes:
            self._make_path(here, path, role)
            here.subscriptions.add(path)
        here.commit(here.modseq, ("mailbox",), here.boxes)

    async def delete_account(self, account: AccountId) -> None:
        here = self._accounts.pop(account, None)
        if here is not None:
            for box in here.boxes.values():
                box.view.drop(here.take_modseq())
            wake_all(here.watchers)

    async def quota(self, account: AccountId) -> Quota:
        return self._account(account).quota()

    async def set_quota(self, account: AccountId, limit_octets: int, limit_messages: int = 0) -> None:
        here = self._account(account)
        here.limit_octets, here.limit_messages = limit_octets, limit_messages

    async def modseq(self, account: AccountId) -> ModSeq:
        return self._account(account).modseq

    async def journal(self, account: AccountId, since: ModSeq) -> Sequence[JournalEntry] | None:
        return [entry for entry in self._account(account).journal if entry.modseq > since]

    def watch_account(self, account: AccountId, wake: Callable[[], None]) -> Callable[[], None]:
        return add_watcher(self._account(account).watchers, wake)

    # --- mailboxes ------------------------------------------------------------------------------------------
    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        here = self._account(account)
        boxes = sorted(here.boxes.values(), key=lambda box: (box.path != INBOX, box.path))
        return [here.mailbox(box) for box in boxes]

    async def mailbox(self, account: AccountId, path: str) -> Mailbox:
        here = self._account(account)
        return here.mailbox(here.named(path))

    async def create_mailbox(self, account: AccountId, path: str, role: Role | None = None) -> Mailbox:
        here = self._account(account)
        if here.find(path):
            raise MailboxExists(path)
        before = here.modseq
        box = self._make_path(here, path, role)
        made = [other.id for other in here.boxes.values() if other.id > before]
        here.commit(here.modseq, ("mailbox",), made)
        return here.mailbox(box)

    async def rename_mailbox(self, account: AccountId, path: str, new_path: str) -> None:
        here = self._account(account)
        box = here.named(path)
        if here.find(new_path):
            raise MailboxExists(new_path)
        if path == INBOX:
            before = here.modseq
            target = self._make_path(here, new_path, None)
            self._refile(here, box, list(box.view.uids), target)
            made = [other.id for other in here.boxes.values() if other.id > before]
            here.commit(here.modseq, ("mailbox", "mail"), [box.id, *made])
            return
        if new_path.startswith(path + "/"):
            raise MailboxNotAllowed("a mailbox cannot move below itself")
        moving = {other.id: new_path + other.path[len(path) :] for other in [box, *here.below(path)]}
        for new in moving.values():
            check_path(new)
        before = here.modseq
        self._make_parents(here, new_path)
        made = [other.id for other in here.boxes.values() if other.id > before]
        for mailbox, new in moving.items():
            here.boxes[mailbox].path = new
        here.commit(here.take_modseq(), ("mailbox",), [*moving, *made])

    async def delete_mailbox(self, account: AccountId, path: str) -> None:
        here = self._account(account)
        box = here.named(path)
        if path == INBOX:
            raise MailboxNotAllowed("INBOX cannot be deleted")
        if here.below(path):
            raise MailboxNotAllowed("there are mailboxes below it")
        here.bury(box, box.view.uids, self._clock.now(), self._retention_s)
        del here.boxes[box.id]
        here.annotations = {key: value for key, value in here.annotations.items() if key[0] != box.id}
        modseq = here.take_modseq()
        box.view.drop(modseq)
        here.commit(modseq, ("mailbox", "mail"), [box.id])

    async def change_rights(self, account: AccountId, mailbox: MailboxId, identifier: str, change: RightsChange) -> Acl:
        here = self._account(account)
        view = here.box(mailbox).view
        after = changed(view.acl, identifier, change)
        if len(after) > ACL_ENTRIES and len(after) > len(view.acl):
            raise LimitExceeded("access list", -1, "rights.acl_entries")
        if after != view.acl:
            view.regrant(after)
            here.commit(here.take_modseq(), ("mailbox",), [mailbox])
        return after

    async def shared(self, identifiers: Iterable[str]) -> Sequence[tuple[AccountId, Mailbox]]:
        names = set(identifiers)
        return [
            (account, here.mailbox(box))
            for account, here in sorted(self._accounts.items())
            for box in sorted(here.boxes.values(), key=lambda box: box.id)
            if not names.isdisjoint(box.view.acl)
        ]

    async def subscribe(self, account: AccountId, path: str, on: bool) -> None:
        here = self._account(account)
        if on == (path in here.subscriptions):
            return
        (here.subscriptions.add if on else here.subscriptions.discard)(path)
        box = here.find(path)
        here.commit(here.take_modseq(), ("mailbox",), [box.id] if box else [])

    async def subscriptions(self, account: AccountId) -> Sequence[str]:
        return sorted(self._account(account).subscriptions)

    # --- reading --------------------------------------------------------------------------------------------
    async def view(self, account: AccountId, mailbox: MailboxId) -> View:
        return self._account(account).box(mailbox).view

    async def column(self, view: View, column: Column, first: int, count: int) -> Sequence[bytes] | Sequence[int]:
        here = self._accounts.get(view.account)
        box = here.boxes.get(view.mailbox) if here else None
        if box and column is Column.SAVED:
            return [box.saved[uid] for uid in view.uids[first : first + count]]
        value = VALUES[column]
        return [value(box.messages[uid]) for uid in view.uids[first : first + count]] if box else []  # type: ignore[return-value]

    async def values(self, view: View, column: Column, uids: Sequence[int]) -> Sequence[bytes | int | None]:
        messages = self._messages(view.account, view.mailbox)
        value = VALUES[column]
        found = [value(messages[uid]) if uid in messages else None for uid in uids]
        if column is Column.SAVED and (here := self._accounts.get(view.account)) and view.mailbox in here.boxes:
            saved = here.boxes[view.mailbox].saved
            return [saved.get(uid, other) for uid, other in zip(uids, found, strict=True)]
        return found

    async def record(self, account: AccountId, mailbox: MailboxId, uid: int) -> Record | None:
        message = self._messages(account, mailbox).get(uid)
        return message.record(uid) if message else None

    async def records(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[Record]:
        messages = self._messages(account, mailbox)
        return [messages[uid].record(uid) for uid in uids if uid in messages]

    async def read(self, account: AccountId, message: MessageId) -> bytes:
        here = self._account(account)
        here.forget(self._clock.now())
        if message in here.tombstones:
            found = here.tombstones[message].message
            return found.prefix + found.body
        for box in here.boxes.values():
            for found in box.messages.values():
                if found.id == message:
                    return found.prefix + found.body
        raise Damaged(f"no message {message} in account {account}")

    async def read_many(self, account: AccountId, messages: Sequence[MessageId], enough_octets: int) -> Sequence[bytes]:
        found: list[bytes] = []
        for message in messages:
            found.append(await self.read(account, message))
            if sum(map(len, found)) >= enough_octets:
                break
        return found

    async def vanished(self, account: AccountId, mailbox: MailboxId, since: ModSeq) -> Sequence[int] | None:
        box = self._account(account).box(mailbox)
        return sorted(uid for modseq, uid in box.vanished if modseq > since)

    # --- writing --------------------------------------------------------------------------------------------
    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        by_account: dict[AccountId, list[NewMessage]] = {}
        for new in messages:
            by_account.setdefault(new.account, []).append(new)
        for account, news in by_account.items():
            here = self._account(account)
            for new in news:
                here.box(new.mailbox)
            here.check_room([len(new.prefix) + len(new.body) for new in news])
            here.check_keywords([name for new in news for name in new.keywords])
        stored = {account: iter(self._append(self._accounts[account], news)) for account, news in by_account.items()}
        return [next(stored[new.account]) for new in messages]

    async def replace(self, account: AccountId, mailbox: MailboxId, uid: int, message: NewMessage) -> Stored | None:
        here = self._account(account)
        box = here.box(mailbox)
        if uid not in box.messages:
            return None
        here.box(message.mailbox)
        here.check_room([len(message.prefix) + len(message.body)], freed=box.messages[uid].size_octets)
        here.check_keywords(message.keywords)
        await self.expunge(account, mailbox, [uid])
        return self._append(here, [message])[0]

    async def change_flags(
        self,
        account: AccountId,
        mailbox: MailboxId,
        uids: Sequence[int],
        change: FlagChange,
        unchanged_since: ModSeq | None = None,
    ) -> FlagResult:
        here = self._account(account)
        view = here.box(mailbox).view
        as_asked, conflicts, changing = [], [], []
        for uid in sorted(set(uids)):
            index = view.index(uid)
            if index < 0:
                continue
            if unchanged_since is not None and view.modseqs[index] > unchanged_since:
                conflicts.append(uid)
                continue
            as_asked.append(uid)
            flags = change.apply(view.flags[index])
            if flags != view.flags[index]:
                changing.append((index, flags))
        if changing:
            view.reflag([(index, flags, here.take_modseq()) for index, flags in changing])
            here.commit(here.modseq, ("mail",), [mailbox])
        return FlagResult(array("I", as_asked), array("I", conflicts), view.modseq, bool(changing))

    async def copy(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        here = self._account(account)
        origin, goal = here.box(source), here.box(target)
        sources = existing(origin, uids)
        here.check_room([origin.messages[uid].size_octets for uid in sources])
        copies = []
        for uid in sources:
            message = origin.messages[uid]
            copy = replace(message, id=MessageId(here.take_number()))
            copies.append((copy, origin.view.flags[origin.view.index(uid)]))
        filed = here.file(goal, copies, self._clock.now())
        if filed:
            here.commit(here.modseq, ("mail",), [target])
        return Copied(goal.view.uidvalidity, array("I", sources), array("I", [uid for uid, _ in filed]))

    async def move(self, account: AccountId, source: MailboxId, uids: Sequence[int], target: MailboxId) -> Copied:
        here = self._account(account)
        origin, goal = here.box(source), here.box(target)
        sources = existing(origin, uids)
        targets = self._refile(here, origin, sources, goal)
        if sources:
            here.commit(here.modseq, ("mail",), [source, target])
        return Copied(goal.view.uidvalidity, array("I", sources), array("I", targets))

    async def expunge(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[int]:
        here = self._account(account)
        box = here.box(mailbox)
        gone = existing(box, uids)
        if gone:
            here.bury(box, gone, self._clock.now(), self._retention_s)
            here.commit(here.take_out(box, gone), ("mail",), [mailbox])
        return array("I", gone)

    async def expunged(self, account: AccountId) -> Sequence[Expunged]:
        here = self._account(account)
        here.forget(self._clock.now())
        newest_first = sorted(here.tombstones.values(), key=lambda t: (t.expunged_at, t.uid), reverse=True)
        return [tombstone.public() for tombstone in newest_first]

    async def restore(self, account: AccountId, messages: Sequence[MessageId]) -> Sequence[Stored]:
        here = self._account(account)
        here.forget(self._clock.now())
        tombstones = [here.tombstones[number] for number in dict.fromkeys(messages) if number in here.tombstones]
        here.check_room([tombstone.message.size_octets for tombstone in tombstones])
        stored = []
        for tombstone in tombstones:
            box = here.boxes.get(tombstone.mailbox) or here.named(INBOX)
            # Without \Deleted: the next EXPUNGE would take it away again.
            [(uid, modseq)] = here.file(box, [(tombstone.message, tombstone.flags & ~DELETED)], self._clock.now())
            del here.tombstones[tombstone.message.id]
            stored.append(Stored(account, box.id, uid, tombstone.message.id, modseq, box.view.uidvalidity))
        if stored:
            here.commit(here.modseq, ("mail",), [one.mailbox for one in stored])
        return stored

    # --- annotations ------------------------------------------------------------------------------------------
    async def metadata(self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId) -> Mapping[str, bytes]:
        seen = self._annotations(account, mailbox, viewer)
        return {entry: value for entry, (_, value) in sorted(seen.items()) if value is not None}

    async def metadata_changes(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, since: ModSeq
    ) -> Sequence[str]:
        seen = self._annotations(account, mailbox, viewer)
        return sorted(entry for entry, (modseq, _) in seen.items() if modseq > since)

    async def set_metadata(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId, values: Mapping[str, bytes | None]
    ) -> bool:
        here, seen = self._account(account), self._annotations(account, mailbox, viewer)
        new = {entry: value for entry, value in values.items() if value != seen.get(entry, (0, None))[1]}
        if not new:
            return False
        known = here.annotations | {
            (mailbox, None if entry.startswith(SHARED) else viewer, entry): (ModSeq(here.modseq + 1), value)
            for entry, value in new.items()
        }
        kept = [value for _, value in known.values() if value is not None]
        grows = sum(len(value or b"") - len(seen.get(entry, (0, None))[1] or b"") for entry, value in new.items()) > 0
        more = len(kept) > sum(1 for _, value in here.annotations.values() if value is not None)
        if (more and len(kept) > ANNOTATIONS) or (grows and sum(map(len, kept)) > ANNOTATION_OCTETS):
            raise TooManyAnnotations(f"account {account}")
        here.annotations = known
        here.commit(here.take_modseq(), ("metadata",), [] if mailbox is None else [mailbox])
        return True

    def _annotations(
        self, account: AccountId, mailbox: MailboxId | None, viewer: AccountId
    ) -> dict[str, tuple[ModSeq, bytes | None]]:
        here = self._account(account)
        if mailbox is not None:
            here.box(mailbox)
        return {
            entry: value
            for (box, who, entry), value in here.annotations.items()
            if box == mailbox and who in (None, viewer)
        }

    # --- keywords -------------------------------------------------------------------------------------------
    async def keyword_bits(self, account: AccountId, names: Iterable[str], create: bool) -> Flags:
        here, names = self._account(account), list(names)
        if not create:
            return here.known_keywords(names)[0]
        here.check_keywords(names)
        return here.keyword_flags(names)

    def keyword_names(self, account: AccountId) -> dict[int, str]:
        return dict(self._account(account).keywords)

    # --- the store itself -----------------------------------------------------------------------------------
    async def close(self) -> None:
        """Nothing to bring anywhere."""

    # --- steps ------------------------------------------------------------------------------------------------
    def _account(self, account: AccountId) -> MemoryAccount:
        here = self._accounts.get(account)
        if here is None:
            raise NoSuchMailbox(f"no account {account}")
        return here

    def _messages(self, account: AccountId, mailbox: MailboxId) -> Mapping[int, Message]:
        """By UID, those that are there and those that can still be restored there."""
        here = self._accounts.get(account)
        if here is None:
            return {}
        here.forget(self._clock.now())
        box = here.boxes.get(mailbox)
        messages: dict[int, Message] = {t.uid: t.message for t in here.tombstones.values() if t.mailbox == mailbox}
        if box:
            messages.update(box.messages)
        return messages

    def _make_parents(self, here: MemoryAccount, path: str) -> None:
        parent = parent_path(path)
        if parent is not None and here.find(parent) is None:
            self._make_path(here, parent, None)

    def _make_path(self, here: MemoryAccount, path: str, role: Role | None) -> Box:
        self._make_parents(here, path)
        box = here.make_box(path, role)
        parent = parent_path(path)
        if parent is not None:
            box.view.acl = here.named(parent).view.acl
        return box

    def _append(self, here: MemoryAccount, news: Sequence[NewMessage]) -> list[Stored]:
        stored, touched = [], []
        for new in news:
            box = here.box(new.mailbox)
            flags = new.flags | here.keyword_flags(new.keywords)
            message = here.make_message(new)
            [(uid, modseq)] = here.file(box, [(message, flags)], self._clock.now())
            stored.append(Stored(here.id, box.id, uid, message.id, modseq, box.view.uidvalidity))
            touched.append(box.id)
        here.commit(here.modseq, ("mail",), touched)
        return stored

    def _refile(self, here: MemoryAccount, origin: Box, sources: list[int], goal: Box) -> list[Uid]:
        if not sources:
            return []
        moving = [(origin.messages[uid], origin.view.flags[origin.view.index(uid)]) for uid in sources]
        here.take_out(origin, sources)
        return [uid for uid, _ in here.file(goal, moving, self._clock.now())]


def existing(box: Box, uids: Sequence[int]) -> list[int]:
    """Those of ``uids`` that exist, ascending, each once."""
    return [uid for uid in sorted(set(uids)) if uid in box.messages]


def check_path(path: str) -> None:
    """Refuse what a rename would make too deep or too long."""
    try:
        canonical_path(path)
    except FormatError as error:
        raise MailboxNotAllowed(str(error)) from error
