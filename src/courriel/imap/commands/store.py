"""STORE: flags.  RFC 9051 §6.4.6; UNCHANGEDSINCE RFC 7162 §3.1.3."""

from __future__ import annotations

from courriel.imap.commands.messages import indexes, writable
from courriel.imap.peer import Peer
from courriel.imap.wire import sets
from courriel.imap.wire.store import Store
from courriel.model.flags import FlagAction, FlagChange
from courriel.model.ids import ModSeq


async def store(peer: Peer, asked: Store) -> bytes:
    return await _store(peer, asked, uid=False)


async def uid_store(peer: Peer, asked: Store) -> bytes:
    return await _store(peer, asked, uid=True)


async def _store(peer: Peer, asked: Store, uid: bool) -> bytes:
    writable(peer)
    numbers = peer.selected
    view = numbers.view
    named = indexes(peer, asked.numbers, uid)
    since = asked.unchanged_since
    if since is not None:
        peer.enable_condstore()
    bits = asked.flags.bits
    if asked.flags.keywords:
        create = asked.action is not FlagAction.REMOVE
        bits |= await peer.store.keyword_bits(view.account, asked.flags.keywords, create=create)
    known = numbers.uids
    uids = [known[index] for index in named]
    result = await peer.store.change_flags(
        view.account, view.mailbox, uids, FlagChange(asked.action, bits), None if since is None else ModSeq(since)
    )
    numbers.own_change(result.modseq)
    if not asked.silent or peer.session.condstore:
        changed = list(map(numbers.index, result.changed))
        session = peer.session
        with_uid = uid or session.qresync or session.rev2
        peer.write(peer.flag_rows(changed, with_uid, with_flags=not asked.silent))
    if not result.conflicts:
        return b"OK Stored"
    conflicts = result.conflicts if uid else [numbers.index(one) + 1 for one in result.conflicts]
    return b"OK [MODIFIED %b] Some had changed" % sets.render(conflicts)
