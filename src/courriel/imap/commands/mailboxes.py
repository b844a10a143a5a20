"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS, NAMESPACE.  RFC 9051 §6.3; CREATE … (USE …) RFC 6154 §3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire.plain import Create, Nothing, Path, Rename
from courriel.imap.wire.response import mailbox_name, object_id, quoted
from courriel.imap.wire.status import Item, Status
from courriel.mailboxes.access import Place
from courriel.model.flags import DELETED
from courriel.model.mailbox import SEPARATOR, Mailbox, Role
from courriel.model.namespace import OTHERS, PUBLIC
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import Operation
from courriel.ports.store import Column

_USES = {
    b"\\drafts": Role.DRAFTS,
    b"\\sent": Role.SENT,
    b"\\junk": Role.JUNK,
    b"\\trash": Role.TRASH,
    b"\\archive": Role.ARCHIVE,
}


async def create(peer: Peer, asked: Create) -> bytes:
    store, account = peer.store, peer.account.id
    role = None
    if asked.use:
        role = _USES.get(asked.use[0])
        if role is None or len(asked.use) > 1:
            raise No(b"[USEATTR] This use is not possible here")
        if any(mailbox.role is role for mailbox in await store.mailboxes(account)):
            raise No(b"[USEATTR] There is a mailbox for this use already")
    place = await peer.shared.access.create(peer.account, asked.path, role)
    peer.own(asked.path)
    return b"OK [MAILBOXID (%b)] CREATE completed" % object_id(b"F", place.mailbox.id, peer.owner_of(place))


async def delete(peer: Peer, asked: Path) -> bytes:
    place = await peer.find(asked.path, Operation.DELETE)
    account, mailbox = place.account, place.mailbox.id
    if any(other.path.startswith(place.path + SEPARATOR) for other in await peer.store.mailboxes(account)):
        raise No(codes.HASCHILDREN + b"There are mailboxes below it")
    await peer.store.delete_mailbox(account, place.path)
    # Only now: INBOX stays, and stays open.
    if peer.numbers is not None and (peer.numbers.view.account, peer.numbers.view.mailbox) == (account, mailbox):
        peer.deselect()
    peer.own(asked.path)
    return b"OK DELETE completed"


async def rename(peer: Peer, asked: Rename) -> bytes:
    place = await peer.find(asked.path, Operation.RENAME)
    await peer.shared.access.rename(peer.account, place, asked.new_path)
    peer.own(asked.path, asked.new_path)
    return b"OK RENAME completed"


async def subscribe(peer: Peer, asked: Path) -> bytes:
    """A name that does not exist cannot be subscribed, but a subscription outlives its mailbox (RFC 9051 §6.3.7)."""
    place = await peer.find(asked.path, Operation.SUBSCRIBE)
    await peer.store.subscribe(peer.account.id, place.mailbox.path, True)
    peer.own(asked.path)
    return b"OK SUBSCRIBE completed"


async def unsubscribe(peer: Peer, asked: Path) -> bytes:
    if asked.path not in await peer.store.subscriptions(peer.account.id):
        raise NoSuchMailbox(asked.path)
    await peer.store.subscribe(peer.account.id, asked.path, False)
    peer.own(asked.path)
    return b"OK UNSUBSCRIBE completed"


async def namespace(peer: Peer, asked: Nothing) -> bytes:
    """RFC 2342: one namespace of each sort."""
    others, public = (quoted(f"{name}{SEPARATOR}".encode()) for name in (OTHERS, PUBLIC))
    peer.write(b'* NAMESPACE (("" "/")) ((%b "/")) ((%b "/"))\r\n' % (others, public))
    return b"OK NAMESPACE completed"


async def status(peer: Peer, asked: Status) -> bytes:
    place = await peer.find(asked.path, Operation.STATUS)
    peer.write(await status_line(peer, place, asked.items))
    return b"OK STATUS completed"


async def status_line(peer: Peer, place: Place, items: Sequence[Item]) -> bytes:
    """One untagged STATUS."""
    mailbox = place.mailbox
    pairs = []
    for item in items:
        if item is Item.RECENT:
            value = b"%d" % await _recent(peer, place)
        elif item is Item.DELETED_STORAGE:
            value = b"%d" % await _deleted_octets(peer, place)
        elif item is Item.HIGHESTMODSEQ:
            peer.enable_condstore()  # RFC 7162 §3.1.2.1
            value = b"%d" % mailbox.modseq
        elif item is Item.MAILBOXID:
            value = b"(%b)" % object_id(b"F", mailbox.id, peer.owner_of(place))
        else:
            value = b"%d" % _number(peer, mailbox, item)
        pairs.append(b"%b %b" % (item.value, value))
    return b"* STATUS %b (%b)\r\n" % (mailbox_name(mailbox.path, peer.session.utf8), b" ".join(pairs))


def _number(peer: Peer, mailbox: Mailbox, item: Item) -> int:
    match item:
        case Item.MESSAGES:
            return mailbox.total
        case Item.UIDNEXT:
            return mailbox.uidnext
        case Item.UIDVALIDITY:
            return mailbox.uidvalidity
        case Item.UNSEEN:
            return mailbox.unseen
        case Item.DELETED:
            return mailbox.deleted
        case Item.SIZE:
            return mailbox.size_octets
        case _:
            return peer.shared.settings.append_octets


async def _recent(peer: Peer, place: Place) -> int:
    """Messages no session was told of (RFC 3501 §6.3.10)."""
    view = await peer.store.view(place.account, place.mailbox.id)
    first = view.first_recent()
    return sum(1 for uid in reversed(view.uids) if uid >= first) if first < view.uidnext else 0


async def _deleted_octets(peer: Peer, place: Place) -> int:
    """What an EXPUNGE would give back.  RFC 9208 §4.1.4."""
    if not place.mailbox.deleted:
        return 0
    view = await peer.store.view(place.account, place.mailbox.id)
    sizes = cast(Sequence[int], await peer.store.column(view, Column.SIZE, 0, len(view.uids)))
    return sum(size for size, flags in zip(sizes, view.flags, strict=True) if flags & DELETED)
