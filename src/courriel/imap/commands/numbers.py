"""Which messages a command means.  RFC 9051 §2.3.1, §6.4.9; ``$`` RFC 5182 §2.1."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from courriel.base.errors import FormatError
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.sets import NumberSet
from courriel.model.refusals import NotPermitted
from courriel.model.rights import WRITING, Rights


def indexes(peer: Peer, numbers: NumberSet, by_uid: bool) -> Sequence[int]:
    """Indexes (ascending) in what the client knows.  Raises FormatError for a sequence number that is not there."""
    known = peer.selected
    if numbers.saved:
        saved = peer.session.saved or ()
        return [index for uid in saved if (index := known.index(uid)) >= 0]
    if not by_uid and len(numbers.ranges) == 1:
        low, high = numbers.ranges[0]
        if low == high <= known.count:
            return range(low - 1, low)
    if by_uid:
        return sets.indexes_of_uids(numbers, known.uids, known.count)
    found = sets.indexes_of_seqs(numbers, known.count)
    if found is None:
        if known.count == 0 and any(sets.STAR in pair for pair in numbers.ranges):
            return ()  # quirk: clients ask for 1:* without looking whether there is anything
        raise FormatError(WHAT, -1, "no message has such a sequence number")
    return found


def require_writable(peer: Peer, needed: Rights = WRITING) -> None:
    """Refuses what would change a mailbox that was opened by EXAMINE (RFC 9051 §6.3.3), or needs rights that the
    client has not (RFC 4314 §4)."""
    session = peer.session
    if session.read_only:
        raise No(codes.CANNOT + b"The mailbox is read-only")
    if session.rights & needed != needed:
        raise NotPermitted("the selected mailbox")


def uids_at(peer: Peer, found: Sequence[int]) -> array[int]:
    """The UIDs at those indexes."""
    uids = peer.selected.uids
    if isinstance(found, range):
        return uids[found.start : found.stop]
    return sets.uid_array([uids[index] for index in found])
