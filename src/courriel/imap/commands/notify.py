"""NOTIFY: told of what happens in the selected mailbox, in others, and to their names, between commands.  RFC 5465.

``Watch`` is what one client asked for, and what it was told last.  The account's journal says which mailboxes changed;
what is told is found by comparing with what was known, so that many changes are one line, and a client that reads
slowly is told once, of the end.  Clients that never use NOTIFY have none of it.

Changes of messages that the client made itself in other mailboxes are told like those of others: the numbers are
true whoever caused them (§5 asks only "should omit").
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from courriel.base.errors import CourrielError
from courriel.imap.commands import fetch
from courriel.imap.commands.list import ATTRIBUTES
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire.metadata import names_line
from courriel.imap.wire.notify import MESSAGES, Event, Group, Notify, Where
from courriel.imap.wire.response import mailbox_name
from courriel.model.ids import MailboxId, ModSeq
from courriel.model.mailbox import SEPARATOR, Mailbox, parent_path
from courriel.model.refusals import NoSuchMailbox

WATCHED_MAILBOXES: Final = 2_000
"""Most mailboxes of an account whose changes are followed; some 0.3 KB a client each."""

OVERFLOW: Final = b"[NOTIFICATIONOVERFLOW] "
_CURRENT: Final = (Where.SELECTED, Where.DELAYED)


class Facts(NamedTuple):
    """What was told last of a mailbox, or what an empty one has."""

    uidnext: int = 1
    total: int = 0
    unseen: int = 0
    modseq: int = 0

    @classmethod
    def of(cls, box: Mailbox) -> Facts:
        return cls(box.uidnext, box.total, box.unseen, box.modseq)


async def run(peer: Peer, asked: Notify) -> bytes:
    """A successful NOTIFY is a NOOP too.  RFC 5465 §3.1."""
    await peer.report(expunges=True, asked=True)
    watch = Watch(peer, asked.groups)
    await watch.begin(asked.status)
    if peer.notice is not None:
        peer.notice.stop()
    peer.notice = watch
    return b"OK NOTIFY completed"


class Watch:
    """See above.  Fulfils ``peer.py: Notice``."""

    def __init__(self, peer: Peer, groups: Sequence[Group]) -> None:
        self._peer = peer
        self._current = next((group for group in groups if group.where in _CURRENT), None)
        self._others = [group for group in groups if group.where not in _CURRENT and group.events]
        told = self._current.events if self._current is not None else frozenset[Event]()
        self.wants_messages = bool(told)
        self.wants_flags = Event.FLAG_CHANGE in told
        self.pending = False
        self._fresh_uid: int | None = None
        self._own_uids: set[int] = set()
        self._own_names: set[str] = set()
        self._modseq = ModSeq(0)
        self._known: dict[MailboxId, tuple[str, Facts | None]] = {}
        self._subscribed: frozenset[str] = frozenset()
        self._stop: Callable[[], None] | None = None

    # --- beginning and ending -----------------------------------------------------------------------------------
    async def begin(self, status: bool) -> None:
        """Learn what is, and watch from here on.  Raises No when that is too much."""
        store, account = self._peer.store, self._peer.account.id
        if not self._others and not self.wants_messages:
            return
        self._stop = store.watch_account(account, self._wake)
        try:
            self._modseq = await store.modseq(account)
            if self._others:
                await self._learn(status)
        except BaseException:
            self.stop()
            raise

    async def _learn(self, status: bool) -> None:
        store, account = self._peer.store, self._peer.account.id
        boxes = await store.mailboxes(account)
        if len(boxes) > WATCHED_MAILBOXES:
            raise No(OVERFLOW + b"There are more than %d mailboxes" % WATCHED_MAILBOXES)
        self._subscribed = frozenset(await store.subscriptions(account))
        for box in boxes:
            wanted = self._wanted(box.path)
            self._known[box.id] = (box.path, Facts.of(box) if wanted & MESSAGES else None)
            if status and wanted & MESSAGES and box.id != self._selected():
                items = [b"MESSAGES %d" % box.total, b"UIDNEXT %d" % box.uidnext, b"UIDVALIDITY %d" % box.uidvalidity]
                if Event.FLAG_CHANGE in wanted:
                    items.append(b"HIGHESTMODSEQ %d" % box.modseq)
                self._write_status(box.path, items)

    def stop(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None

    def _overflow(self) -> None:
        """Too much to follow: from here on as after NOTIFY NONE.  RFC 5465 §5.8."""
        self.stop()
        self._others.clear()
        self._known.clear()
        self._current = None
        self.wants_messages = self.wants_flags = False
        self._peer.write(b"* OK " + OVERFLOW + b"Nothing is told from here on\r\n")

    # --- what the server tells of -------------------------------------------------------------------------------
    def _wake(self) -> None:
        """The account has changed.  While a command runs that is looked at behind it."""
        self.pending = True
        self._peer.connection.prompt(self._peer.catch_up)

    def arrived(self, first_uid: int) -> None:
        """Messages from this UID on were told as EXISTS."""
        if self._fresh_uid is None:
            self._fresh_uid = first_uid

    def own(self, names: Iterable[str] = (), uids: Iterable[int] = ()) -> None:
        """The client did this itself: mailboxes named anew, messages put into the selected one."""
        self._own_names.update(names)
        self._own_uids.update(uids)

    async def follow(self) -> None:
        """Tell all that happened since the last time."""
        peer = self._peer
        while self.pending and not peer.connection.closing:
            self.pending = False
            if self._current is not None and self.wants_messages:
                await peer.report(self._current.where is Where.SELECTED or peer.idle_tag is not None)
            if self._others:
                await self._tell_others()

    async def fetch_fresh(self) -> None:
        """FETCH of what was told as new, less what the client put there.  RFC 5465 §5.2."""
        first, self._fresh_uid = self._fresh_uid, None
        own, self._own_uids = self._own_uids, set()
        numbers = self._peer.numbers
        items = None if self._current is None else self._current.fetch
        if first is None or items is None or numbers is None:
            return
        start = bisect_left(numbers.uids, first, 0, numbers.count)
        found = [index for index in range(start, numbers.count) if numbers.uids[index] not in own]
        if found:
            await fetch.write(self._peer, items.attrs, items, found)

    # --- other mailboxes ----------------------------------------------------------------------------------------
    async def _tell_others(self) -> None:
        store, account = self._peer.store, self._peer.account.id
        try:
            entries = await store.journal(account, self._modseq)
            if entries is None:
                self._overflow()
                return
            if not entries:
                return
            since, self._modseq = self._modseq, entries[-1].modseq
            own, self._own_names = self._own_names, set()
            if any("mailbox" in entry.kinds for entry in entries):
                await self._tell_tree(own)
            changed = dict.fromkeys(box for entry in entries if "mail" in entry.kinds for box in entry.mailboxes)
            for mailbox in changed:
                await self._tell_messages(mailbox)
            noted = [entry.mailboxes for entry in entries if "metadata" in entry.kinds]
            for annotated in dict.fromkeys(boxes[0] if boxes else None for boxes in noted):
                await self._tell_metadata(annotated, since, own)
        except CourrielError:
            self._overflow()

    async def _tell_messages(self, mailbox: MailboxId) -> None:
        path, old = self._known.get(mailbox, ("", None))
        wanted = self._wanted(path) if path else frozenset[Event]()
        if not wanted & MESSAGES:
            return
        try:
            box = await self._peer.store.mailbox(self._peer.account.id, path)
        except NoSuchMailbox:
            return  # it goes in the same change, or the next
        new = Facts.of(box)
        self._known[mailbox] = (path, new)
        if new == old or mailbox == self._selected():
            return
        condstore = self._peer.session.condstore
        old = old or Facts()
        items = []
        if (new.uidnext, new.total) != (old.uidnext, old.total):
            items = [b"MESSAGES %d" % box.total, b"UIDNEXT %d" % box.uidnext]
        if Event.FLAG_CHANGE in wanted and (new.unseen != old.unseen or (condstore and new.modseq != old.modseq)):
            items.append(b"UIDVALIDITY %d" % box.uidvalidity)
            if new.unseen != old.unseen:
                items.append(b"UNSEEN %d" % box.unseen)
        if items and condstore:
            items.append(b"HIGHESTMODSEQ %d" % box.modseq)
        if items:
            self._write_status(path, items)

    async def _tell_metadata(self, mailbox: MailboxId | None, since: ModSeq, own: set[str]) -> None:
        store, account = self._peer.store, self._peer.account.id
        if mailbox is None:
            path, wanted = "", any(Event.SERVER_METADATA in group.events for group in self._others)
        else:
            path = self._known.get(mailbox, ("", None))[0]
            wanted = bool(path) and Event.METADATA in self._wanted(path)
        if not wanted or path in own:
            return
        try:
            entries = await store.metadata_changes(account, mailbox, account, since)
        except NoSuchMailbox:
            return
        if entries:
            self._peer.write(names_line(path or None, entries, self._peer.session.utf8))

    # --- names --------------------------------------------------------------------------------------------------
    async def _tell_tree(self, own: set[str]) -> None:
        """Mailboxes made, renamed, deleted; subscriptions."""
        store, account = self._peer.store, self._peer.account.id
        boxes = {box.id: box for box in await store.mailboxes(account)}
        if len(boxes) > WATCHED_MAILBOXES:
            self._overflow()
            return
        before, self._known = self._known, {}
        subscribed_before, self._subscribed = self._subscribed, frozenset(await store.subscriptions(account))
        for id, box in boxes.items():
            old = before.get(id, ("", None))[1]
            watched = bool(self._wanted(box.path) & MESSAGES)
            self._known[id] = (box.path, (old or Facts()) if watched else None)
        by_path = {box.path: box for box in boxes.values()}
        old_names = {before[id][0]: box.path for id, box in boxes.items() if id in before and before[id][0] != box.path}
        renamed = {new: old for old, new in old_names.items() if parent_path(old) not in old_names}
        affected = dict.fromkeys(renamed)
        for path in self._made_or_gone(before, boxes):
            affected |= dict.fromkeys(one for one in (path, parent_path(path)) if one is not None)
        named = [path for path in affected if self._wants(Event.MAILBOX_NAME, path, renamed.get(path))]
        subscribed = [
            path
            for path in sorted(subscribed_before ^ self._subscribed)
            if path not in named and self._wants(Event.SUBSCRIPTION, path)
        ]
        for path in [*named, *subscribed]:
            if not any(_touches(path, name) for name in own):
                self._write_list(path, by_path, renamed.get(path))

    @staticmethod
    def _made_or_gone(before: dict[MailboxId, tuple[str, Facts | None]], boxes: dict[MailboxId, Mailbox]) -> list[str]:
        made = [box.path for id, box in boxes.items() if id not in before]
        return [*made, *(path for id, (path, _) in before.items() if id not in boxes)]

    def _wants(self, event: Event, path: str, old_path: str | None = None) -> bool:
        return event in self._wanted(path) or (old_path is not None and event in self._wanted(old_path))

    def _write_list(self, path: str, by_path: dict[str, Mailbox], old_path: str | None) -> None:
        box, utf8 = by_path.get(path), self._peer.session.utf8
        attributes = []
        if box is None:
            attributes.append(b"\\NonExistent")
        else:
            below = any(other.startswith(path + SEPARATOR) for other in by_path)
            attributes.append(b"\\HasChildren" if below else b"\\HasNoChildren")
            if box.role in ATTRIBUTES:
                attributes.append(ATTRIBUTES[box.role])
        if path in self._subscribed:
            attributes.append(b"\\Subscribed")
        once = b"" if old_path is None else b' ("OLDNAME" (%b))' % mailbox_name(old_path, utf8)
        self._peer.write(b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), mailbox_name(path, utf8), once))

    # --- which mailboxes ----------------------------------------------------------------------------------------
    def _wanted(self, path: str) -> frozenset[Event]:
        """All that is to be told of a mailbox: groups add up.  RFC 5465 §6."""
        return frozenset[Event]().union(*(group.events for group in self._others if self._is_in(group, path)))

    def _is_in(self, group: Group, path: str) -> bool:
        match group.where:
            case Where.SUBSCRIBED:
                return path in self._subscribed
            case Where.SUBTREE:
                here: str | None = path
                while here is not None and here not in group.names:
                    here = parent_path(here)
                return here is not None
            case Where.MAILBOXES:
                return path in group.names
            case _:
                return True  # filters may deliver to any of them, so INBOXES is PERSONAL (RFC 5465 §6.3)

    def _selected(self) -> MailboxId | None:
        """Its messages are told by SELECTED alone, whatever other groups say.  RFC 5465 §3.1."""
        numbers, account = self._peer.numbers, self._peer.account.id
        if numbers is None or numbers.view.account != account:
            return None  # ids are their account's
        return numbers.view.mailbox

    def _write_status(self, path: str, items: Sequence[bytes]) -> None:
        self._peer.write(b"* STATUS %b (%b)\r\n" % (mailbox_name(path, self._peer.session.utf8), b" ".join(items)))


def _touches(path: str, name: str) -> bool:
    """Whether a change of ``name`` shows in ``path``: above it, itself, below it."""
    return path == name or name.startswith(path + SEPARATOR) or path.startswith(name + SEPARATOR)
