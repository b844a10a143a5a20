"""LIST and LSUB.  RFC 9051 §6.3.9; RFC 5258; LIST-STATUS RFC 5819; LIST-MYRIGHTS RFC 8440; SPECIAL-USE RFC 6154;
LSUB RFC 3501 §6.3.9."""

from __future__ import annotations

from collections.abc import Iterable

from courriel.imap.commands.acl import my_rights
from courriel.imap.commands.mailboxes import status_line
from courriel.imap.peer import Peer
from courriel.imap.wire.list import List, Matcher, Return, Select
from courriel.imap.wire.response import mailbox_name
from courriel.mailboxes.access import Place
from courriel.model.mailbox import Mailbox, Role, parent_path
from courriel.model.rights import ALL, READ

_ATTRIBUTES = {
    Role.DRAFTS: b"\\Drafts",
    Role.SENT: b"\\Sent",
    Role.JUNK: b"\\Junk",
    Role.TRASH: b"\\Trash",
    Role.ARCHIVE: b"\\Archive",
}
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
    places = await _places(peer)
    subscribed = set(await peer.store.subscriptions(peer.account.id))
    parents = _parents(places)
    below = _parents(subscribed) if Select.RECURSIVEMATCH in asked.select else set()
    hiding = _hiding(subscribed, matcher) if below else set()
    for path in _candidates(asked, places, subscribed, below):
        if not matcher(path):
            continue
        place = places.get(path)
        mailbox = place.mailbox if place is not None else None
        wanted = _selected(asked, mailbox, path, subscribed)
        if not wanted and path not in below:
            continue
        childinfo = b""
        if path in hiding:
            childinfo = b' ("CHILDINFO" ("SUBSCRIBED"))'
        elif not wanted:
            continue
        attributes = _attributes(asked, mailbox, path in parents, path in subscribed)
        name = mailbox_name(path, peer.session.utf8)
        peer.write(b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), name, childinfo))
        if place is not None and (asked.returns or asked.status):
            await _more(peer, asked, place, wanted)
    levels = parents - places.keys()
    if levels and not asked.select:
        _list_levels(peer, asked, levels)
    return b"OK LIST completed"


async def _places(peer: Peer) -> dict[str, Place]:
    """All that may be listed, by what the client calls it: own mailboxes, then those of others."""
    account = peer.account
    own = await peer.store.mailboxes(account.id)
    places = {mailbox.path: Place(account.id, mailbox.path, mailbox, ALL) for mailbox in own}
    for place in await peer.shared.access.visible(account):
        places.setdefault(place.mailbox.path, place)
    return places


async def _more(peer: Peer, asked: List, place: Place, wanted: bool) -> None:
    """What else was asked of a mailbox: its rights (RFC 8440 §3), its counters where it may be read (RFC 5819)."""
    if wanted and Return.MYRIGHTS in asked.returns:
        peer.write(my_rights(peer, place))
    if asked.status and place.rights & READ:
        peer.write(await status_line(peer, place, asked.status))


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


def _candidates(asked: List, places: dict[str, Place], subscribed: set[str], below: set[str]) -> list[str]:
    """Names that may be listed: a subscription may name a mailbox that is not there, and so may what is above it."""
    if Select.SUBSCRIBED not in asked.select:
        return list(places)
    return sorted(subscribed | below, key=lambda path: (path != "INBOX", path))


def _selected(asked: List, mailbox: Mailbox | None, path: str, subscribed: set[str]) -> bool:
    if Select.SUBSCRIBED in asked.select and path not in subscribed:
        return False
    return not (Select.SPECIAL_USE in asked.select and (mailbox is None or mailbox.role not in _ATTRIBUTES))


def _hiding(subscribed: Iterable[str], matcher: Matcher) -> set[str]:
    """Names below which something is subscribed that is not listed by itself.  RFC 5258 §3.5."""
    return _parents(name for name in subscribed if not matcher(name))


def _attributes(asked: List, mailbox: Mailbox | None, has_children: bool, subscribed: bool) -> list[bytes]:
    attributes = []
    if mailbox is None:
        attributes.append(b"\\NonExistent")
    elif Return.CHILDREN in asked.returns or not asked.extended or Select.SUBSCRIBED not in asked.select:
        attributes.append(b"\\HasChildren" if has_children else b"\\HasNoChildren")
    if subscribed and (Return.SUBSCRIBED in asked.returns or Select.SUBSCRIBED in asked.select):
        attributes.append(b"\\Subscribed")
    if mailbox is not None and mailbox.role in _ATTRIBUTES:
        attributes.append(_ATTRIBUTES[mailbox.role])
    return attributes


async def xlist(peer: Peer, asked: List) -> bytes:
    """What Gmail had before SPECIAL-USE: LIST with attributes of its own.  quirk: Outlook 2013 and 2016 use nothing
    else to find the mailboxes for sent mail, drafts, junk and trash, and make new ones beside them without it."""
    matcher, places = Matcher(asked.patterns), await _places(peer)
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
