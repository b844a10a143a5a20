"""SORT and UID SORT.  RFC 5256 §3; RETURN RFC 5267 §3; DISPLAYFROM, DISPLAYTO RFC 5957 §4.

What it sorts by is in ``facts.py``; which messages, ``search.py`` finds.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from courriel.imap.commands import results, search, update
from courriel.imap.facts import Fact
from courriel.imap.peer import Peer
from courriel.imap.wire import sort as wire
from courriel.imap.wire.returns import Return
from courriel.imap.wire.sort import Sort, SortKey

FACTS: Final = {
    SortKey.ARRIVAL: Fact.RECEIVED,
    SortKey.CC: Fact.FIRST_CC,
    SortKey.DATE: Fact.SENT,
    SortKey.FROM: Fact.FIRST_FROM,
    SortKey.SIZE: Fact.SIZE,
    SortKey.SUBJECT: Fact.BASE_SUBJECT,
    SortKey.TO: Fact.FIRST_TO,
    SortKey.DISPLAYFROM: Fact.DISPLAY_FROM,
    SortKey.DISPLAYTO: Fact.DISPLAY_TO,
}


async def _sort(peer: Peer, asked: Sort, by_uid: bool) -> bytes:
    if asked.modseq:
        peer.enable_condstore()
    returns = asked.returns
    criteria = [(FACTS[key], reverse) for key, reverse in asked.criteria]
    begin_updates = None
    if returns is not None and Return.UPDATE in returns.options:
        sorter = partial(peer.facts().sort, criteria=criteria)
        begin_updates = update.prepared(peer, by_uid, returns.fetch, search.judge(peer, asked.key), sorter)
    found = await search.matching(peer, asked.key)
    if returns is None:

        async def answer() -> bytes:
            return wire.render(results.numbers_of(peer, await peer.facts().sort(found, criteria), by_uid))

        peer.write(await results.remembered(peer, (asked.criteria, by_uid), found, answer))
        return b"OK SORT completed"
    ordered = await peer.facts().sort(found, criteria)
    if Return.SAVE in returns.options:
        results.save(peer, ordered, returns)
    peer.write(results.extended(peer, ordered, returns, by_uid, asked.modseq))
    if begin_updates is not None:
        begin_updates(ordered)
    return b"OK SORT completed"


run = partial(_sort, by_uid=False)
run_uid = partial(_sort, by_uid=True)
