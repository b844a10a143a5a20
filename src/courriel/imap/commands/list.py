"""LIST and LSUB.  RFC 9051 §6.3.9; RFC 5258; LIST-STATUS RFC 5819; LIST-MYRIGHTS RFC 8440; SPECIAL-USE RFC 6154;
LSUB RFC 3501 §6.3.9; LIST-METADATA RFC 9590."""

from __future__ import annotations

from collections.abc import Iterable

from courriel.imap.commands.acl import my_rights
from courriel.imap.commands.mailboxes import status_line
from courriel.imap.commands.metadata import chosen
from courriel.imap.peer import Peer
from courriel.imap.wire.list import List, Matcher, Return, Select
from courriel.imap.wire.metadata import values_line
from courriel.imap.wire.response import mailbox_name
from courriel.mailboxes.access import Place
from courriel.model.ids import AccountId
from courriel.model.mailbox import Mailbox, Role, parent_path
from courriel.model.rights import ALL, READ, Operation, allows

ATTRIBUTES = {
    Role.DRAFTS: b"\\Drafts",
    Role.SENT: b"\\Sent",
    Role.JUNK: b"\\Junk",
    Role.TRASH: b"\\Trash",
    Role.ARCHIVE: b"\\Archive",
}
_BASE = (Select.SUBSCRIBED, Select.SPECIAL_USE)
"""What RECURSIVEMATCH looks for below, and CHILDINFO names.  RFC 5258 §3.5, RFC 6154 §6."""
_XLIST_ATTRIBUTES = {
    Role.INBOX: b"\\Inbox",
    Role.DRAFTS: b"\\Drafts",
    Role.SENT: b"\\Sent",
    Role.JUNK: b"\\Spam",
    Role.TRASH: b"\\Trash",
}
_ROOT = b'* LIST (\\Noselect) "/" ""\r\n'
_LSUB_ROOT = b'* LSUB (\\Noselect) "/" ""\r\n'


async def run(peer: Peer, asked: List) -> bytes:
    if asked.root:
        peer.write(_ROOT)
        return b"OK LIST completed"
    matcher = Matcher(asked.patterns)
    places = await places_of(peer)
    subscribed = set(await peer.store.subscriptions(peer.account.id))
    parents = _parents(places)
    names = subscribed if Select.SUBSCRIBED in asked.select else places.keys()
    wanted = {path for path in names if _selected(asked, _seen(places, path), path, subscribed)}
    below = _parents(wanted) if Select.RECURSIVEMATCH in asked.select else set()
    hiding = _hiding(wanted, matcher) if below else set()
    account = peer.account.id
    for path in sorted(wanted | below, key=lambda path: (path != "INBOX", not _is_own(places, path, account), path)):
        if not matcher(path):
            continue
        place, mailbox = places.get(path), _seen(places, path)
        childinfo = b""
        if path in hiding:
            childinfo = b' ("CHILDINFO" (%b))' % b" ".join(b'"%b"' % one.value for one in _BASE if one in asked.select)
        elif path not in wanted:
            continue
        attributes = _attributes(asked, mailbox, path in parents, path in subscribed)
        name = mailbox_name(path, peer.session.utf8)
        peer.write(b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), name, childinfo))
        if place is not None and (asked.returns or asked.status or asked.metadata):
            await _more(peer, asked, place, path in wanted)
    levels = parents - places.keys()
    if levels and not asked.select:
        _list_levels(peer, asked, levels)
    return b"OK LIST completed"


async def places_of(peer: Peer) -> dict[str, Place]:
    """All that may be listed, by what the client calls it: own mailboxes, then those of others."""
    account = peer.account
    own = await peer.store.mailboxes(account.id)
    places = {mailbox.path: Place(account.id, mailbox.path, mailbox, ALL) for mailbox in own}
    for place in await peer.shared.access.visible(account):
        places.setdefault(place.mailbox.path, place)
    return places


def _seen(places: dict[str, Place], path: str) -> Mailbox | None:
    place = places.get(path)
    return None if place is None else place.mailbox


def _is_own(places: dict[str, Place], path: str, account: AccountId) -> bool:
    """One's own mailboxes, and names where there is none, come before those of others."""
    place = places.get(path)
    return place is None or place.account == account


async def _more(peer: Peer, asked: List, place: Place, wanted: bool) -> None:
    """What else was asked of a mailbox: its rights (RFC 8440 §3), its counters where it may be read (RFC 5819), its
    annotations (RFC 9590)."""
    if wanted and Return.MYRIGHTS in asked.returns:
        peer.write(my_rights(peer, place))
    if asked.status and place.rights & READ:
        peer.write(await status_line(peer, place, asked.status))
    if asked.metadata and allows(place.rights, Operation.SEE_METADATA):
        known = await peer.store.metadata(place.account, place.mailbox.id, peer.account.id)
        values = chosen(known, asked.metadata, depth=0)
        peer.write(values_line(place.mailbox.path, values.items(), peer.session.utf8))


def _list_levels(peer: Peer, asked: List, levels: Iterable[str]) -> None:
    """Levels above others' mailboxes that are none, or none for this client: clients go down the tree by them.

    RFC 9051 §6.3.9.  Not for a pattern that ends with ``*``, which shows what is below anyway.
    """
    matcher = Matcher(tuple(pattern for pattern in asked.patterns if not pattern.endswith("*")))
    for path in sorted(filter(matcher, levels)):
        name = mailbox_name(path, peer.session.utf8)
        peer.write(b'* LIST (\\NonExistent \\Noselect \\HasChildren) "/" %b\r\n' % name)


def _parents(paths: Iterable[str]) -> set[str]:
    """Every path above one of these."""
    above: set[str] = set()
    for path in paths:
        parent = parent_path(path)
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parent_path(parent)
    return above


def _selected(asked: List, mailbox: Mailbox | None, path: str, subscribed: set[str]) -> bool:
    if Select.SUBSCRIBED in asked.select and path not in subscribed:
        return False
    return not (Select.SPECIAL_USE in asked.select and (mailbox is None or mailbox.role not in ATTRIBUTES))


def _hiding(wanted: Iterable[str], matcher: Matcher) -> set[str]:
    """Names below which one of these is that is not listed by itself.  RFC 5258 §3.5."""
    return _parents(name for name in wanted if not matcher(name))


def _attributes(asked: List, mailbox: Mailbox | None, has_children: bool, subscribed: bool) -> list[bytes]:
    attributes = []
    if mailbox is None:
        attributes.append(b"\\NonExistent")
    elif Return.CHILDREN in asked.returns or not asked.extended or Select.SUBSCRIBED not in asked.select:
        attributes.append(b"\\HasChildren" if has_children else b"\\HasNoChildren")
    if subscribed and (Return.SUBSCRIBED in asked.returns or Select.SUBSCRIBED in asked.select):
        attributes.append(b"\\Subscribed")
    if mailbox is not None and mailbox.role in ATTRIBUTES:
        attributes.append(ATTRIBUTES[mailbox.role])
    return attributes


async def xlist(peer: Peer, asked: List) -> bytes:
    """What Gmail had before SPECIAL-USE: LIST with attributes of its own.  quirk: Outlook 2013 and 2016 use nothing
    else to find the mailboxes for sent mail, drafts, junk and trash, and make new ones beside them without it."""
    matcher, places = Matcher(asked.patterns), await places_of(peer)
    parents = _parents(places)
    for path in filter(matcher, places):
        attributes = [b"\\HasChildren" if path in parents else b"\\HasNoChildren"]
        role = places[path].mailbox.role
        if role in _XLIST_ATTRIBUTES:
            attributes.append(_XLIST_ATTRIBUTES[role])
        peer.write(b'* XLIST (%b) "/" %b\r\n' % (b" ".join(attributes), mailbox_name(path, peer.session.utf8)))
    return b"OK XLIST completed"


async def lsub(peer: Peer, asked: List) -> bytes:
    """RFC 3501 §6.3.9: a parent that ``%`` shows for the sake of what is below is \\Noselect."""
    if asked.root:
        peer.write(_LSUB_ROOT)
        return b"OK LSUB completed"
    subscribed = set(await peer.store.subscriptions(peer.account.id))
    matcher = Matcher(asked.patterns)
    hiding = _hiding(subscribed, matcher) if "%" in asked.patterns[0] else set()
    for path in sorted(subscribed | hiding, key=lambda path: (path != "INBOX", path)):
        if not matcher(path):
            continue
        flags = b"" if path in subscribed else b"\\Noselect"
        peer.write(b'* LSUB (%b) "/" %b\r\n' % (flags, mailbox_name(path, peer.session.utf8)))
    return b"OK LSUB completed"
