"""THREAD and UID THREAD.  RFC 5256 §3; REFS draft-ietf-morg-inthread.

The trees are made by ``model/thread.py`` from what ``facts.py`` knows of the messages that ``search.py`` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from courriel.imap.commands import limits, results, search
from courriel.imap.facts import Fact
from courriel.imap.peer import Peer
from courriel.imap.wire import thread as wire
from courriel.imap.wire.thread import Algorithm, Thread
from courriel.model import thread as threads
from courriel.model.thread import Forest


async def _thread(peer: Peer, asked: Thread, by_uid: bool) -> bytes:
    if asked.modseq:
        peer.enable_condstore()
    if peer.shared.settings.message_limit:
        limits.refuse_page(peer, len(search.searched(peer, asked.key)))  # RFC 9738 §3.3
    found = await search.matching(peer, asked.key)

    async def answer() -> bytes:
        forest = await _forest(peer, asked.algorithm, found)
        known = peer.selected
        return wire.render(forest, known.uids if by_uid else range(1, known.count + 1))

    peer.write(await results.remembered(peer, (asked.algorithm, by_uid), found, answer))
    return b"OK THREAD completed"


run = partial(_thread, by_uid=False)
run_uid = partial(_thread, by_uid=True)


async def _forest(peer: Peer, algorithm: Algorithm, found: Sequence[int]) -> Forest:
    facts = peer.facts()
    by_date = await facts.sort(found, [(Fact.SENT, False)])
    if algorithm is Algorithm.REFS:
        return threads.refs(await facts.links(found), by_date)
    subjects = await facts.values(Fact.BASE_SUBJECT)
    if algorithm is Algorithm.ORDEREDSUBJECT:
        return threads.ordered_subject(by_date, subjects)
    answers = await facts.values(Fact.ANSWER)
    return threads.references(await facts.links(found), by_date, subjects, answers)
