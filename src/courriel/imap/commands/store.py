"""STORE and UID STORE.  RFC 9051 §6.4.6, §6.4.9; UNCHANGEDSINCE RFC 7162 §3.1.3."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from courriel.imap.commands import limits, numbers, progress
from courriel.imap.peer import Peer, flag_facts
from courriel.imap.wire import sets
from courriel.imap.wire.store import Store
from courriel.mailboxes import teaching
from courriel.model.flags import EVERY_FLAG, FlagAction, FlagChange, Flags
from courriel.model.ids import ModSeq
from courriel.model.refusals import NotPermitted
from courriel.model.rights import ALL, WRITE, changeable


async def _store(peer: Peer, asked: Store, by_uid: bool) -> bytes:
    numbers.require_writable(peer, needed=0)
    if asked.unchanged_since is not None:
        peer.enable_condstore()
    known = peer.selected
    view, store = known.view, peer.store
    found = numbers.indexes(peer, asked.numbers, by_uid)
    if not found:
        return b"OK STORE completed"
    found, limited = limits.cut(peer, found)
    bits, names, within = _permitted(peer, asked)
    if names:
        known_keywords = len(store.keyword_names(view.account))
        # Taking away a keyword that nobody has makes none: an account has room for few.
        create = asked.action is not FlagAction.REMOVE
        bits |= await store.keyword_bits(view.account, names, create=create)
        if len(store.keyword_names(view.account)) != known_keywords:
            peer.write(flag_facts(peer))  # RFC 9051 §7.3.5: the mailbox has flags it had not
    uids = numbers.uids_at(peer, found)
    since = None if asked.unchanged_since is None else ModSeq(asked.unchanged_since)
    change = FlagChange(asked.action, bits, within)
    with progress.told(peer, len(uids)):
        result = await store.change_flags(view.account, view.mailbox, uids, change, since)
    if result.altered:
        known.own_change(result.modseq)
        if names and asked.action is not FlagAction.REMOVE and peer.lessons is not None:
            await teaching.note_keywords(store, peer.lessons, view, result.changed, names)
    condstore = peer.session.condstore
    if not asked.silent or condstore:
        shown = _indexes(peer, found, uids, result.changed)
        if shown:
            peer.write(peer.flag_rows(shown, by_uid or peer.session.qresync, with_flags=not asked.silent))
    if result.conflicts:
        # The numbers are UIDs for UID STORE, sequence numbers else (RFC 7162 §3.1.3).
        failed = result.conflicts if by_uid else [known.index(uid) + 1 for uid in result.conflicts]
        if limited:
            peer.write(b"* NO %bNot all messages were changed\r\n" % limited)
        return b"OK [MODIFIED %b] Some had changed" % sets.render(failed)
    return b"OK %bSTORE completed" % limited


run = partial(_store, by_uid=False)
run_uid = partial(_store, by_uid=True)


def _permitted(peer: Peer, asked: Store) -> tuple[Flags, tuple[str, ...], Flags]:
    """Flags and keywords that the client may change of those it names, and all that it may.  RFC 4314 §4: as long as
    there is one, the others are passed over."""
    rights, flags = peer.session.rights, asked.flags
    if rights == ALL:
        return flags.bits, flags.keywords, EVERY_FLAG
    within = changeable(rights) & EVERY_FLAG
    bits, names = flags.bits & within, flags.keywords if rights & WRITE else ()
    if not within or ((flags.bits or flags.keywords) and not (bits or names)):
        raise NotPermitted("flags")
    return bits, names, within


def _indexes(peer: Peer, found: Sequence[int], uids: Sequence[int], changed: Sequence[int]) -> Sequence[int]:
    """Indexes of the UIDs that are now as asked; mostly all that were named."""
    if len(changed) == len(uids):
        return found
    known = peer.selected
    return [index for uid in changed if (index := known.index(uid)) >= 0]
