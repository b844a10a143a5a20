"""APPEND.  RFC 9051 §6.3.12; MULTIAPPEND RFC 3502 (all or none); APPENDUID RFC 4315; APPENDLIMIT RFC 7889."""

from __future__ import annotations

from courriel.formats.message.summary import summarise
from courriel.imap.binary import without_nul
from courriel.imap.commands import limits
from courriel.imap.commands.copy import target
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.append import Append, AppendMessage
from courriel.model.ids import MailboxId
from courriel.model.message import NewMessage, Summary


async def run(peer: Peer, asked: Append) -> bytes:
    limits.refuse_append(peer, len(asked.messages))
    goal = await target(peer, asked.path)
    for message in asked.messages:
        _check(message)
    now = peer.shared.clock.now()
    stored = await peer.store.append([_new(peer, goal.id, message, now) for message in asked.messages])
    uids = sets.render([one.uid for one in stored])
    return b"OK [APPENDUID %d %b] APPEND completed" % (stored[0].uidvalidity, uids)


def _check(message: AppendMessage) -> None:
    if not message.content:
        # RFC 3502 §6.3.11: an empty literal takes the whole APPEND back.
        raise No(codes.CANNOT + b"An empty message, nothing was added")
    if not message.literal8 and b"\0" in message.content:
        raise No(codes.CANNOT + b"NUL in a message")  # RFC 9051 §9: literal = *CHAR8, without NUL


def _new(peer: Peer, mailbox: MailboxId, message: AppendMessage, now: float) -> NewMessage:
    content = without_nul(message.content) if b"\0" in message.content else message.content
    summary: Summary = summarise(content)
    received_at = now if message.received_at is None else message.received_at
    return NewMessage(
        account=peer.account.id,
        mailbox=mailbox,
        body=content,
        summary=summary,
        received_at=received_at,
        flags=message.flags.bits,
        keywords=message.flags.keywords,
    )
