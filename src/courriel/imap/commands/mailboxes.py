"""Commands on mailboxes as names: CREATE, DELETE, RENAME, SUBSCRIBE, STATUS.  RFC 9051 §6.3.4–6.3.8, §6.3.11."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire.plain import Create, Path, Rename
from courriel.imap.wire.response import mailbox_name
from courriel.imap.wire.status import Item, Status
from courriel.model.mailbox import SEPARATOR, Mailbox, Role

USES: Final = {
    Role.DRAFTS: b"\\Drafts",
    Role.SENT: b"\\Sent",
    Role.JUNK: b"\\Junk",
    Role.TRASH: b"\\Trash",
    Role.ARCHIVE: b"\\Archive",
}
"""Special uses.  RFC 6154 §2; INBOX has none."""

_ROLES: Final = {use.lower(): role for role, use in USES.items()}


def use_attribute(role: Role | None) -> bytes:
    return USES.get(role, b"") if role is not None else b""


async def create(peer: Peer, asked: Create) -> bytes:
    """RFC 6154 §3: a use we do not have, or that is taken, is USEATTR."""
    role = None
    if asked.use:
        role = _ROLES.get(asked.use[0]) if len(asked.use) == 1 else None
        taken = any(box.role is role for box in await peer.store.mailboxes(peer.account.id))
        if role is None or taken:
            raise No(b"[USEATTR] This use is not possible")
    mailbox = await peer.store.create_mailbox(peer.account.id, asked.path, role)
    return b"OK [MAILBOXID (F%d)] Created" % mailbox.id


async def delete(peer: Peer, asked: Path) -> bytes:
    below = asked.path + SEPARATOR
    if any(box.path.startswith(below) for box in await peer.store.mailboxes(peer.account.id)):
        raise No(codes.HASCHILDREN + b"There are mailboxes below it")
    await peer.store.delete_mailbox(peer.account.id, asked.path)
    return b"OK Deleted"


async def rename(peer: Peer, asked: Rename) -> bytes:
    await peer.store.rename_mailbox(peer.account.id, asked.path, asked.new_path)
    return b"OK Renamed"


async def subscribe(peer: Peer, asked: Path) -> bytes:
    await peer.store.subscribe(peer.account.id, asked.path, True)
    return b"OK Subscribed"


async def unsubscribe(peer: Peer, asked: Path) -> bytes:
    await peer.store.subscribe(peer.account.id, asked.path, False)
    return b"OK Unsubscribed"


async def status(peer: Peer, asked: Status) -> bytes:
    mailbox = await peer.store.mailbox(peer.account.id, asked.path)
    peer.write(await status_line(peer, mailbox, asked.items))
    return b"OK That is how it stands"


async def status_line(peer: Peer, mailbox: Mailbox, items: Sequence[Item]) -> bytes:
    """``* STATUS name (…)``; HIGHESTMODSEQ turns mod-sequences on (RFC 7162 §3.1.7)."""
    values = []
    for item in items:
        if item is Item.HIGHESTMODSEQ:
            peer.enable_condstore()
        values.append(b"%b %b" % (item.value, await _value(peer, mailbox, item)))
    return b"* STATUS %b (%b)\r\n" % (mailbox_name(mailbox.path, peer.session.utf8), b" ".join(values))


async def _value(peer: Peer, mailbox: Mailbox, item: Item) -> bytes:
    match item:
        case Item.MESSAGES:
            return b"%d" % mailbox.total
        case Item.UIDNEXT:
            return b"%d" % mailbox.uidnext
        case Item.UIDVALIDITY:
            return b"%d" % mailbox.uidvalidity
        case Item.UNSEEN:
            return b"%d" % mailbox.unseen
        case Item.DELETED:
            return b"%d" % mailbox.deleted
        case Item.SIZE:
            return b"%d" % mailbox.size_octets
        case Item.HIGHESTMODSEQ:
            return b"%d" % mailbox.modseq
        case Item.MAILBOXID:
            return b"(F%d)" % mailbox.id
        case Item.APPENDLIMIT:
            return b"%d" % peer.shared.settings.append_octets
        case Item.RECENT:
            view = await peer.store.view(peer.account.id, mailbox.id)
            return b"%d" % (len(view.uids) - bisect_left(view.uids, view.first_recent()))
