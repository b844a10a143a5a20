"""APPEND: messages from the client.  RFC 9051 §6.3.12; MULTIAPPEND RFC 3502; APPENDUID RFC 4315."""

from __future__ import annotations

from courriel.formats.message.summary import summarise
from courriel.imap.commands.messages import target
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes, sets
from courriel.imap.wire.append import Append
from courriel.model.message import NewMessage


async def append(peer: Peer, asked: Append) -> bytes:
    """All messages or none."""
    mailbox = await target(peer, asked.path)
    now = peer.shared.clock.now()
    messages = []
    for one in asked.messages:
        if not one.content:
            raise No(codes.CANNOT + b"An empty message")  # RFC 3502 §6.3.11: an empty literal aborts
        if b"\0" in one.content and not one.literal8:
            raise No(codes.CANNOT + b"NUL in a message")
        messages.append(
            NewMessage(
                peer.account.id,
                mailbox.id,
                one.content,
                summarise(one.content),
                now if one.received_at is None else one.received_at,
                flags=one.flags.bits,
                keywords=one.flags.keywords,
            )
        )
    stored = await peer.store.append(messages)
    uids = sets.render([message.uid for message in stored])
    return b"OK [APPENDUID %d %b] Stored" % (stored[0].uidvalidity, uids)
