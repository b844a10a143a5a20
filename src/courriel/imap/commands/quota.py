"""GETQUOTA, GETQUOTAROOT, SETQUOTA.  RFC 9208.

An account has one quota root, called "", over all its mailboxes; one without limits has none (the protocol cannot
say "unlimited").  Limits are the operator's: SETQUOTA is understood, refused, and not announced.
"""

from __future__ import annotations

from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire.quota import GetQuota, GetQuotaRoot, SetQuota, quota_line, root_line
from courriel.model.quota import Quota
from courriel.model.refusals import NotPermitted

ROOT: Final = b""


def _is_limited(quota: Quota) -> bool:
    return bool(quota.limit_octets or quota.limit_messages)


async def get(peer: Peer, asked: GetQuota) -> bytes:
    quota = await peer.store.quota(peer.account.id)
    if asked.root != ROOT or not _is_limited(quota):
        raise No(codes.NONEXISTENT + b"No such quota root")
    peer.write(quota_line(ROOT, quota))
    return b"OK GETQUOTA completed"


async def get_root(peer: Peer, asked: GetQuotaRoot) -> bytes:
    """Also for a mailbox that is not there yet.  RFC 9208 §4.1.2."""
    quota = await peer.store.quota(peer.account.id)
    limited = _is_limited(quota)
    peer.write(root_line(asked.path, [ROOT] if limited else [], peer.session.utf8))
    if limited:
        peer.write(quota_line(ROOT, quota))
    return b"OK GETQUOTAROOT completed"


async def set_limits(peer: Peer, asked: SetQuota) -> bytes:
    raise NotPermitted("SETQUOTA")
