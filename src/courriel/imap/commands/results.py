"""What SEARCH and SORT answer: SEARCH, SORT and ESEARCH responses, and the saved result.  RFC 9051 §7.3.4; RETURN
RFC 4731 §3, RFC 5267 §3, RFC 9394 §3; SAVE RFC 5182 §2; MODSEQ RFC 7162 §3.1.5.

``found`` are indexes in what the client knows, in the order of the answer.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from hashlib import blake2b
from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.view import Numbers
from courriel.imap.wire import response, sets
from courriel.imap.wire.returns import Return, Returns

REMEMBERED_FROM: Final = 256
"""Fewer messages than this are answered for faster than remembered."""


async def remembered(peer: Peer, what: Hashable, found: Sequence[int], make: Callable[[], Awaitable[bytes]]) -> bytes:
    """An answer that hangs on nothing but which messages it is about: made once, until some go."""
    known = peer.selected
    if known.behind or len(found) < REMEMBERED_FROM:
        return await make()
    answers, uids = peer.shared.answers, known.uids
    which = len(found) if found[-1] == len(found) - 1 else blake2b(array("I", found), digest_size=16).digest()
    key = (known.view.account, known.view.mailbox, what, which)
    answer = answers.get(key, uids, 0)
    if answer is None:
        answer = await make()
        answers.put(key, uids, 0, answer)
    return answer


def numbers_of(peer: Peer, found: Sequence[int], by_uid: bool) -> Iterable[int]:
    """As they are told."""
    if not by_uid:
        return [index + 1 for index in found]
    uids = peer.selected.uids
    return [uids[index] for index in found]


def modseq_of(known: Numbers, found: Iterable[int]) -> int:
    """Highest mod-sequence of those."""
    places = (known.view.index(known.uids[index]) for index in found)
    return max((known.view.modseqs[now] for now in places if now >= 0), default=0)


def save(peer: Peer, found: Sequence[int], returns: Returns) -> None:
    """Keep the result for ``$``.  RFC 5182 §2.4, RFC 9394 §3.2: with MIN, MAX or PARTIAL alone only those."""
    uids, options = peer.selected.uids, returns.options
    chosen = set(found)
    if not options & {Return.ALL, Return.COUNT} and (returns.partial or options & {Return.MIN, Return.MAX}):
        chosen = set(returns.partial.of(found)) if returns.partial else set()
        if found and Return.MIN in options:
            chosen.add(found[0])
        if found and Return.MAX in options:
            chosen.add(found[-1])
    peer.session.saved = sets.uid_array(sorted([uids[index] for index in chosen]))


def extended(
    peer: Peer,
    found: Sequence[int],
    returns: Returns,
    by_uid: bool,
    modseq: bool,
    elsewhere: tuple[Numbers, bytes] | None = None,
    scores: Sequence[int] = (),
) -> bytes:
    """The ESEARCH response.  ``elsewhere``: the mailbox and its name when it need not be the selected one; ``scores``
    of what was found, where they were asked for (RFC 6203 §4)."""
    known, name = elsewhere or (peer.selected, b"")
    uids = known.uids
    where = b" MAILBOX %b UIDVALIDITY %d" % (name, known.view.uidvalidity) if elsewhere else b""
    options = returns.options

    def number(index: int) -> int:
        return uids[index] if by_uid else index + 1

    words = [b"* ESEARCH (TAG %b%b)" % (response.quoted(peer.tag), where)]
    if by_uid:
        words.append(b"UID")
    used: Sequence[int] = found
    if found:
        if Return.MIN in options:
            words.append(b"MIN %d" % number(found[0]))
        if Return.MAX in options:
            words.append(b"MAX %d" % number(found[-1]))
        if Return.ALL in options:
            words.append(b"ALL %b" % sets.render(map(number, found)))
        if Return.ALL not in options and Return.COUNT not in options:
            # RFC 4731 §3.2: of the messages that are returned.
            used = [found[0]] * (Return.MIN in options) + [found[-1]] * (Return.MAX in options)
    if returns.partial is not None:
        some = returns.partial.of(found)
        words.append(b"PARTIAL (%b %b)" % (returns.partial.render(), sets.render(map(number, some)) or b"NIL"))
        if used is not found:
            used = [*used, *some]
    if Return.COUNT in options:
        words.append(b"COUNT %d" % len(found))
    if scores:
        told = scores if returns.partial is None or Return.ALL in options else returns.partial.of(scores)
        words.append(b"RELEVANCY (%b)" % b" ".join(map(b"%d".__mod__, told)))
    if modseq and used:
        words.append(b"MODSEQ %d" % modseq_of(known, used))
    return b" ".join(words) + b"\r\n"
