"""LIST and LSUB.  RFC 9051 §6.3.9; RFC 5258; LIST-STATUS RFC 5819; SPECIAL-USE RFC 6154; LSUB RFC 3501 §6.3.9;
LIST-METADATA RFC 9590."""

from __future__ import annotations

from collections.abc import Iterable

from courriel.imap.commands.mailboxes import status_line
from courriel.imap.commands.metadata import chosen
from courriel.imap.peer import Peer
from courriel.imap.wire.list import List, Matcher, Return, Select
from courriel.imap.wire.metadata import values_line
from courriel.imap.wire.response import mailbox_name
from courriel.model.mailbox import Mailbox, Role, parent_path

ATTRIBUTES = {
    Role.DRAFTS: b"\\Drafts",
    Role.SENT: b"\\Sent",
    Role.JUNK: b"\\Junk",
    Role.TRASH: b"\\Trash",
    Role.ARCHIVE: b"\\Archive",
}
_BASE = (Select.SUBSCRIBED, Select.SPECIAL_USE)
"""What RECURSIVEMATCH looks for below, and CHILDINFO names.  RFC 5258 §3.5, RFC 6154 §6."""
_ROOT = b'* LIST (\\Noselect) "/" ""\r\n'
_LSUB_ROOT = b'* LSUB (\\Noselect) "/" ""\r\n'


async def run(peer: Peer, asked: List) -> bytes:
    if asked.root:
        peer.write(_ROOT)
        return b"OK LIST completed"
    store, account = peer.store, peer.account.id
    mailboxes = {mailbox.path: mailbox for mailbox in await store.mailboxes(account)}
    subscribed = set(await store.subscriptions(account))
    parents = _parents(mailboxes)
    names = subscribed if Select.SUBSCRIBED in asked.select else mailboxes.keys()
    wanted = {path for path in names if _selected(asked, mailboxes.get(path), path, subscribed)}
    below = _parents(wanted) if Select.RECURSIVEMATCH in asked.select else set()
    matcher = Matcher(asked.patterns)
    for path in sorted(wanted | below, key=lambda path: (path != "INBOX", path)):
        if not matcher(path):
            continue
        mailbox = mailboxes.get(path)
        childinfo = b""
        if path in below and _hidden_child(path, wanted, matcher):
            childinfo = b' ("CHILDINFO" (%b))' % b" ".join(b'"%b"' % one.value for one in _BASE if one in asked.select)
        elif path not in wanted:
            continue
        attributes = _attributes(asked, mailbox, path in parents, path in subscribed)
        name = mailbox_name(path, peer.session.utf8)
        peer.write(b'* LIST (%b) "/" %b%b\r\n' % (b" ".join(attributes), name, childinfo))
        if asked.status and mailbox is not None:
            peer.write(await status_line(peer, mailbox, asked.status))
        if asked.metadata and mailbox is not None:
            known = await store.metadata(account, mailbox.id, account)
            values = chosen(known, asked.metadata, depth=0)
            peer.write(values_line(path, values.items(), peer.session.utf8))
    return b"OK LIST completed"


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


def _hidden_child(path: str, wanted: set[str], matcher: Matcher) -> bool:
    """Whether one of these names is below, and is not listed by itself.  RFC 5258 §3.5."""
    return any(name.startswith(path + "/") and not matcher(name) for name in wanted)


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


async def lsub(peer: Peer, asked: List) -> bytes:
    """RFC 3501 §6.3.9: a parent that ``%`` shows for the sake of what is below is \\Noselect."""
    if asked.root:
        peer.write(_LSUB_ROOT)
        return b"OK LSUB completed"
    subscribed = set(await peer.store.subscriptions(peer.account.id))
    above = _parents(subscribed) if "%" in asked.patterns[0] else set()
    matcher = Matcher(asked.patterns)
    for path in sorted(subscribed | above, key=lambda path: (path != "INBOX", path)):
        if not matcher(path) or (path not in subscribed and not _hidden_child(path, subscribed, matcher)):
            continue
        flags = b"" if path in subscribed else b"\\Noselect"
        peer.write(b'* LSUB (%b) "/" %b\r\n' % (flags, mailbox_name(path, peer.session.utf8)))
    return b"OK LSUB completed"
