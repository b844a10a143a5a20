"""LIST and LSUB: which mailboxes there are.  RFC 9051 §6.3.9; RFC 5258; RFC 5819; RFC 6154; LSUB RFC 3501 §6.3.9."""

from __future__ import annotations

from collections.abc import Iterable

from courriel.imap.commands.mailboxes import status_line, use_attribute
from courriel.imap.peer import Peer
from courriel.imap.wire.list import List, Matcher, Return, Select
from courriel.imap.wire.response import mailbox_name
from courriel.model.mailbox import SEPARATOR, Mailbox


async def list_(peer: Peer, asked: List) -> bytes:
    if asked.root:  # RFC 9051 §6.3.9: an empty name asks for the separator
        peer.write(b'* LIST (\\Noselect) "/" ""\r\n')
        return b"OK That is all"
    account = peer.account.id
    boxes = {box.path: box for box in await peer.store.mailboxes(account)}
    wants_subscribed = Select.SUBSCRIBED in asked.select or Return.SUBSCRIBED in asked.returns
    subscribed = set(await peer.store.subscriptions(account)) if wants_subscribed else set()
    listing = _Listing(peer, asked, boxes, subscribed)
    for path in listing.paths():
        line = listing.line(path)
        if line is None:
            continue
        peer.write(line)
        if asked.status and path in boxes:
            peer.write(await status_line(peer, boxes[path], asked.status))
    return b"OK That is all"


class _Listing:
    """One LIST: what is asked, over what there is."""

    def __init__(self, peer: Peer, asked: List, boxes: dict[str, Mailbox], subscribed: set[str]) -> None:
        self._asked = asked
        self._boxes = boxes
        self._subscribed = subscribed
        self._utf8 = peer.session.utf8
        self._matches = Matcher(asked.patterns)
        self._parents = parents(boxes)
        self._recursive = Select.RECURSIVEMATCH in asked.select
        self._holding = parents(self._chosen()) if self._recursive else set()

    def _chosen(self) -> list[str]:
        """The mailboxes that the selection options mean, whatever their names."""
        select = self._asked.select
        paths: Iterable[str] = self._boxes
        if Select.SUBSCRIBED in select:
            paths = sorted(self._subscribed)
        if Select.SPECIAL_USE in select:
            paths = [path for path in paths if path in self._boxes and use_attribute(self._boxes[path].role)]
        return list(paths)

    def paths(self) -> list[str]:
        """Names to tell, in order; with RECURSIVEMATCH also those that hold one below them."""
        chosen = dict.fromkeys(self._chosen())
        if self._recursive:
            chosen.update(dict.fromkeys(sorted(self._holding)))
            self._only_holding = self._holding - set(self._chosen())
        return [path for path in chosen if self._matches(path)]

    def line(self, path: str) -> bytes | None:
        attributes: list[bytes] = []
        box = self._boxes.get(path)
        if box is None:
            attributes.append(b"\\NonExistent")
        children = path in self._parents
        attributes.append(b"\\HasChildren" if children else b"\\HasNoChildren")
        if path in self._subscribed:
            attributes.append(b"\\Subscribed")
        if box is not None and (use := use_attribute(box.role)):
            attributes.append(use)
        extended = b""
        if self._recursive and path in self._holding:
            # RFC 5258 §3.5: told only where the mailboxes below do not match the pattern themselves.
            below = path + SEPARATOR
            hidden = any(one.startswith(below) and not self._matches(one) for one in self._chosen())
            if hidden:
                extended = b' ("CHILDINFO" (%b))' % self._criteria()
            elif path in self._only_holding:
                return None
        name = mailbox_name(path, self._utf8)
        return b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), name, extended)

    def _criteria(self) -> bytes:
        select = self._asked.select
        named = [one for one in (Select.SUBSCRIBED, Select.SPECIAL_USE) if one in select]
        return b" ".join(b'"%b"' % one.value for one in named)


async def lsub(peer: Peer, asked: List) -> bytes:
    """RFC 3501 §6.3.9: with ``%`` a name is also told for what is subscribed below it, as \\Noselect."""
    if asked.root:
        peer.write(b'* LSUB (\\Noselect) "/" ""\r\n')
        return b"OK That is all"
    subscribed = await peer.store.subscriptions(peer.account.id)
    matches = Matcher(asked.patterns)
    names = {path: b"" for path in subscribed if matches(path)}
    for path in parents([path for path in subscribed if path not in names]):
        if matches(path):
            names.setdefault(path, b"\\Noselect")
    for path in sorted(names, key=lambda path: (path != "INBOX", path)):
        peer.write(b'* LSUB (%b) "/" %b\r\n' % (names[path], mailbox_name(path, peer.session.utf8)))
    return b"OK That is all"


def parents(paths: Iterable[str]) -> set[str]:
    """Every path above one of ``paths``."""
    found: set[str] = set()
    for path in paths:
        head, separator, _ = path.rpartition(SEPARATOR)
        while separator and head not in found:
            found.add(head)
            head, separator, _ = head.rpartition(SEPARATOR)
    return found
