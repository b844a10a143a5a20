"""ESEARCH: one search over several mailboxes.  RFC 7377.

Answers are UIDs, one response for each mailbox where something was found; names that are no mailboxes are passed
over, since the client may have them from an older LIST (§2.1), and so are mailboxes that it may not know of or read.
"""

from __future__ import annotations

from courriel.base.errors import FormatError
from courriel.imap.commands import results, search
from courriel.imap.commands.list import places_of
from courriel.imap.peer import Peer
from courriel.imap.view import Numbers
from courriel.imap.wire import response
from courriel.imap.wire import search as keys
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.multisearch import MultiSearch, Source
from courriel.imap.wire.returns import ALL, Return
from courriel.imap.wire.search import Key
from courriel.mailboxes.access import Place
from courriel.model.mailbox import parent_path
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import READ
from courriel.ports.store import View


async def run(peer: Peer, asked: MultiSearch) -> bytes:
    returns = asked.search.returns or ALL
    only_selected = all(source is Source.SELECTED for source, _ in asked.sources)
    if not only_selected and (_names_numbers(asked.search.key) or Return.SAVE in returns.options):
        # §2.1, §2.2: sequence numbers, "$" and a saved result belong to the selected mailbox.
        raise FormatError(WHAT, -1, "numbers and SAVE are for the selected mailbox alone")
    if only_selected and peer.numbers is None:
        raise FormatError(WHAT, -1, "no mailbox is selected")
    if Return.UPDATE in returns.options:
        # RFC 5267 §4.3.1: an update may be refused; what else was asked is answered.
        peer.write(b"* NO [NOUPDATE %b] Not for several mailboxes\r\n" % response.quoted(peer.tag))
    if asked.search.modseq:
        peer.enable_condstore()
    for place in await _meant(peer, asked):
        known = await _numbers(peer, place)
        found = await search.in_mailbox(peer, known, asked.search.key) if known else []
        if known is None or peer.connection.closing or not _may_read(peer, known.view):
            continue
        if Return.SAVE in returns.options:
            results.save(peer, found, returns)
        if found and (returns.partial or returns.options != {Return.SAVE}):
            elsewhere = known, response.mailbox_name(place.mailbox.path, peer.session.utf8)
            peer.write(results.extended(peer, found, returns, True, asked.search.modseq, elsewhere))
        await peer.connection.drain()
    return b"OK ESEARCH completed"


def _names_numbers(key: Key) -> bool:
    """Whether sequence numbers or a saved result are among the keys."""
    if isinstance(key, keys.And):
        return any(map(_names_numbers, key.keys))
    if isinstance(key, keys.Or):
        return _names_numbers(key.left) or _names_numbers(key.right)
    if isinstance(key, keys.Not):
        return _names_numbers(key.key)
    return isinstance(key, keys.Seqs) or (isinstance(key, keys.Uids) and key.numbers.saved)


async def _numbers(peer: Peer, place: Place) -> Numbers | None:
    """What is to be searched; None when the mailbox, or the right to read it, has just gone."""
    if _is_selected(peer, place):
        return peer.selected
    try:
        view = await peer.store.view(place.account, place.mailbox.id)
    except NoSuchMailbox:
        return None
    return Numbers(view, []) if _may_read(peer, view) else None


def _may_read(peer: Peer, view: View) -> bool:
    """Now; a search may take long (AUTH attack row 31)."""
    return bool(peer.shared.access.rights(peer.account, view) & READ)


def _is_selected(peer: Peer, place: Place) -> bool:
    if peer.numbers is None:
        return False
    view = peer.numbers.view
    return (view.account, view.mailbox) == (place.account, place.mailbox.id)


async def _meant(peer: Peer, asked: MultiSearch) -> list[Place]:
    """The mailboxes that the sources name, each once."""
    subscribed = set(await peer.store.subscriptions(peer.account.id))
    places = list((await places_of(peer)).values())
    if peer.numbers is not None and not any(_is_selected(peer, place) for place in places):
        unlisted = await peer.shared.access.opened(peer.account, peer.numbers.view)
        if unlisted is not None:
            places.append(unlisted)

    def is_meant(place: Place, source: Source, paths: tuple[str, ...]) -> bool:
        path, own = place.mailbox.path, place.account == peer.account.id
        match source:
            case Source.SELECTED:
                return _is_selected(peer, place)
            case Source.PERSONAL | Source.INBOXES:
                return own  # filters may deliver to any of them, so INBOXES is PERSONAL (RFC 5465 §6.3)
            case Source.SUBSCRIBED:
                return path in subscribed
            case Source.MAILBOXES:
                return path in paths
            case Source.SUBTREE_ONE:
                return path in paths or parent_path(path) in paths
            case Source.SUBTREE:
                return any(path == top or path.startswith(top + "/") for top in paths)

    return [place for place in places if any(is_meant(place, source, paths) for source, paths in asked.sources)]
