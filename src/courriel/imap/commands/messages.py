"""Which messages a set means to this client.  RFC 9051 §6.4.8, §9 (sequence-set), RFC 5182 (``$``)."""

from __future__ import annotations

from collections.abc import Sequence

from courriel.base.errors import FormatError
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import sets
from courriel.imap.wire.sets import NumberSet
from courriel.model.mailbox import Mailbox
from courriel.model.refusals import NoSuchMailbox


def indexes(peer: Peer, numbers: NumberSet, uid: bool) -> Sequence[int]:
    """Indexes (ascending) of the messages in ``numbers``.  Raises FormatError for a number that is not there."""
    known = peer.selected
    if numbers.saved:
        return [index for one in peer.session.saved or () if (index := known.index(one)) >= 0]
    if uid:
        return sets.indexes_of_uids(numbers, known.uids, known.count)
    found = sets.indexes_of_seqs(numbers, known.count)
    if found is not None:
        return found
    if not known.count and all(sets.STAR in pair for pair in numbers.ranges):
        return ()  # quirk: clients ask an empty mailbox for 1:*
    raise FormatError("IMAP command", -1, "no message has this number")


def writable(peer: Peer) -> None:
    """Raises No for a mailbox opened by EXAMINE."""
    if peer.session.read_only:
        raise No(b"[READ-ONLY] The mailbox was opened for reading only")


async def target(peer: Peer, path: str) -> Mailbox:
    """The mailbox to put messages in; one that is not there can be made (RFC 9051 §6.3.12, §6.4.7)."""
    try:
        return await peer.store.mailbox(peer.account.id, path)
    except NoSuchMailbox:
        raise No(b"[TRYCREATE] No such mailbox") from None
