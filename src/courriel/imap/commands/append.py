"""APPEND and REPLACE.  RFC 9051 §6.3.12; MULTIAPPEND RFC 3502 (all or none); APPENDUID RFC 4315; APPENDLIMIT RFC 7889;
CATENATE RFC 4469; REPLACE RFC 8508."""

from __future__ import annotations

from functools import partial

from courriel.formats.message.summary import summarise
from courriel.imap.binary import without_nul
from courriel.imap.commands import limits, numbers, progress
from courriel.imap.commands.catenate import Assembly
from courriel.imap.commands.copy import highest, target
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.append import Append, AppendMessage, Replace
from courriel.mailboxes.access import Place
from courriel.model.message import NewMessage, Stored, Summary
from courriel.model.rights import NEEDED, READ, WRITE, Operation, changeable
from courriel.ports.store import View


async def run(peer: Peer, asked: Append) -> bytes:
    limits.refuse_append(peer, len(asked.messages))
    goal = await target(peer, asked.path)
    assembly, now = Assembly(peer), peer.shared.clock.now()
    contents = [_checked(message, await assembly.content(message)) for message in asked.messages]
    new = [_new(goal, one, content, now) for one, content in zip(asked.messages, contents, strict=True)]
    with progress.told(peer, len(new)):
        stored = await peer.store.append(new)
    peer.own_messages(goal, [one.uid for one in stored])
    if not goal.rights & READ:
        return b"OK APPEND completed"  # RFC 9051 §6.3.12: no UIDs of a mailbox one cannot open
    uids = sets.render([one.uid for one in stored])
    return b"OK [APPENDUID %d %b] APPEND completed" % (stored[0].uidvalidity, uids)


async def _replace(peer: Peer, asked: Replace, by_uid: bool) -> bytes:
    """The UID of the new message is told before the numbers move.  RFC 8508 §3.4, §3.5."""
    numbers.require_writable(peer, NEEDED[Operation.MOVE_OUT])
    view = peer.selected.view
    found = numbers.uids_at(peer, numbers.indexes(peer, asked.numbers, by_uid))
    if not found:
        raise No(codes.NONEXISTENT + b"No such message")
    goal = await target(peer, asked.path)
    content = _checked(asked.message, await Assembly(peer).content(asked.message))
    new = _new(goal, asked.message, content, peer.shared.clock.now())
    stored = await _exchange(peer, view, found[0], new)
    peer.own_messages(goal, [stored.uid])
    if goal.rights & READ:
        peer.write(b"* OK [APPENDUID %d %d] The new one is there\r\n" % (stored.uidvalidity, stored.uid))
    await peer.report(expunges=True, with_uid=by_uid, asked=True)
    return b"OK %bREPLACE completed" % highest(peer)


async def _exchange(peer: Peer, view: View, uid: int, new: NewMessage) -> Stored:
    """In one change, where both mailboxes are of one account; else the new one is durable before the old one goes."""
    if new.account == view.account:
        stored = await peer.store.replace(view.account, view.mailbox, uid, new)
    elif view.index(uid) >= 0:
        stored = (await peer.store.append([new]))[0]
        await peer.store.expunge(view.account, view.mailbox, [uid])
    else:
        stored = None
    if stored is None:
        raise No(codes.EXPUNGEISSUED + b"The message was expunged, nothing was added")
    return stored


replace = partial(_replace, by_uid=False)
replace_uid = partial(_replace, by_uid=True)


def _checked(message: AppendMessage, content: bytes) -> bytes:
    if not content:
        # RFC 3502 §6.3.11: an empty literal takes the whole APPEND back.
        raise No(codes.CANNOT + b"An empty message, nothing was added")
    if not message.literal8 and b"\0" in content:
        raise No(codes.CANNOT + b"NUL in a message")  # RFC 9051 §9: literal = *CHAR8, without NUL
    return content


def _new(goal: Place, message: AppendMessage, content: bytes, now: float) -> NewMessage:
    """RFC 4314 §4: flags that the client may not set are left out."""
    content = without_nul(content) if b"\0" in content else content
    summary: Summary = summarise(content)
    received_at = now if message.received_at is None else message.received_at
    return NewMessage(
        account=goal.account,
        mailbox=goal.mailbox.id,
        body=content,
        summary=summary,
        received_at=received_at,
        flags=message.flags.bits & changeable(goal.rights),
        keywords=message.flags.keywords if goal.rights & WRITE else (),
    )
