"""How many messages one command may be about: MESSAGELIMIT and SAVELIMIT.  RFC 9738 §3; off unless set.

What goes beyond is not done, beginning with the oldest messages, and the client is told how far its command went.
EXPUNGE and CLOSE have no limit (§3.1); SORT has none either, since its orders are kept (§3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from courriel.imap.peer import Peer
from courriel.imap.replies import No


def cut(peer: Peer, found: Sequence[int]) -> tuple[Sequence[int], bytes]:
    """The newest of ``found`` (ascending indexes) that may be done, and the response code that tells of the rest."""
    limit = peer.shared.settings.message_limit
    if not limit or len(found) <= limit:
        return found, b""
    kept = found[-limit:]
    return kept, b"[MESSAGELIMIT %d %d] " % (limit, peer.selected.uids[kept[0]])


def cut_uids(peer: Peer, uids: Sequence[int]) -> tuple[Sequence[int], bytes]:
    """The same of UIDs."""
    limit = peer.shared.settings.message_limit
    if not limit or len(uids) <= limit:
        return uids, b""
    return uids[-limit:], b"[MESSAGELIMIT %d %d] " % (limit, uids[-limit])


def refuse_page(peer: Peer, count: int) -> None:
    """A PARTIAL range that is larger is refused whole (§3.1).  Raises No."""
    limit = peer.shared.settings.message_limit
    if limit and count > limit:
        raise No(b"[MESSAGELIMIT %d] Too many messages in one command" % limit)


def refuse_copy(peer: Peer, found: Sequence[int]) -> None:
    """COPY is all or nothing.  Raises No."""
    limit = _save_limit(peer)
    if limit and len(found) > limit:
        lowest = peer.selected.uids[found[-limit]]
        raise No(b"[MESSAGELIMIT %d %d] Too many messages to copy" % (limit, lowest))


def refuse_append(peer: Peer, count: int) -> None:
    """So is APPEND of several messages.  Raises No."""
    limit = _save_limit(peer)
    if limit and count > limit:
        raise No(b"[MESSAGELIMIT %d] Too many messages in one APPEND" % limit)


def _save_limit(peer: Peer) -> int:
    settings = peer.shared.settings
    limits = [limit for limit in (settings.message_limit, settings.save_limit) if limit]
    return min(limits, default=0)
