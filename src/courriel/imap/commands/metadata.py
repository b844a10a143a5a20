"""GETMETADATA and SETMETADATA.  RFC 5464; LIST … RETURN (METADATA …) RFC 9590.

What is annotated for "the server" is the account's own: one person sees one server.  Its shared entries would be
everybody's, so they are nobody's to set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire.metadata import ALL_BELOW, GetMetadata, SetMetadata, values_line
from courriel.model.ids import AccountId, MailboxId
from courriel.model.metadata import SHARED
from courriel.model.refusals import NotPermitted
from courriel.model.rights import Operation


async def get(peer: Peer, asked: GetMetadata) -> bytes:
    account, mailbox = await _place(peer, asked.path, Operation.SEE_METADATA)
    known = await peer.store.metadata(account, mailbox, peer.account.id)
    found = chosen(known, asked.entries, asked.depth)
    longest = 0
    if asked.max_octets is not None:
        longest = max((len(value) for value in found.values() if value and len(value) > asked.max_octets), default=0)
        found = {entry: value for entry, value in found.items() if value is None or len(value) <= asked.max_octets}
    if found:
        peer.write(values_line(asked.path, found.items(), peer.session.utf8))
    if longest:
        return b"OK [METADATA LONGENTRIES %d] Some are longer" % longest
    return b"OK GETMETADATA completed"


async def set_values(peer: Peer, asked: SetMetadata) -> bytes:
    shared = any(entry.startswith(SHARED) for entry in asked.values)
    operation = Operation.SET_METADATA if shared else Operation.SEE_METADATA
    account, mailbox = await _place(peer, asked.path, operation)
    if mailbox is None and shared:
        raise NotPermitted("shared annotations of the server")
    limit = peer.shared.settings.metadata_octets
    if any(value is not None and len(value) > limit for value in asked.values.values()):
        raise No(b"[METADATA MAXSIZE %d] A value is too long" % limit)
    await peer.store.set_metadata(account, mailbox, peer.account.id, asked.values)
    peer.own(asked.path or "")
    return b"OK SETMETADATA completed"


async def _place(peer: Peer, path: str | None, operation: Operation) -> tuple[AccountId, MailboxId | None]:
    """Whose mailbox it is, and which; private annotations of another's mailbox are the viewer's all the same."""
    if path is None:
        return peer.account.id, None
    place = await peer.find(path, operation)
    return place.account, place.mailbox.id


def chosen(known: Mapping[str, bytes], entries: Sequence[str], depth: int) -> dict[str, bytes | None]:
    """What was asked for; an entry asked by its name alone is there without a value when it is not set."""
    found: dict[str, bytes | None] = {}
    for entry in entries:
        if depth == 0 or entry in known:
            found[entry] = known.get(entry)
        if depth:
            found |= {name: value for name, value in known.items() if _is_below(name, entry, depth)}
    return found


def _is_below(name: str, entry: str, depth: int) -> bool:
    if not name.startswith(entry + "/"):
        return False
    return depth == ALL_BELOW or name.count("/") - entry.count("/") <= depth
