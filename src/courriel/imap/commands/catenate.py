"""Messages put together from parts, some of which are in the store already.  RFC 4469.

Only one's own mail can be named.  All messages of one command together are as large as one may be.
"""

from __future__ import annotations

from courriel.base.errors import FormatError
from courriel.formats.message.section import extract
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.wire import codes
from courriel.imap.wire import url as urls
from courriel.imap.wire.append import AppendMessage, Url
from courriel.imap.wire.url import MessageUrl
from courriel.model.refusals import NoSuchMailbox
from courriel.model.rights import Operation


class Assembly:
    """The octets of one command's messages, within its budget."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._room = peer.shared.settings.append_octets

    async def content(self, message: AppendMessage) -> bytes:
        """Raises No: BADURL for a part that is not there, TOOBIG, LIMIT."""
        if isinstance(message.content, bytes):
            return message.content
        pieces = []
        for part in message.content:
            piece = part if isinstance(part, bytes) else await self._stored(part)
            self._room -= len(piece)
            if self._room < 0:
                raise No(codes.TOOBIG + b"The message would be too large")
            pieces.append(piece)
        content = b"".join(pieces)
        self._peer.reserve(len(content))
        return content

    async def _stored(self, part: Url) -> bytes:
        try:
            url = urls.parse(part.text)
            found = await self._find(url)
        except (FormatError, NoSuchMailbox):
            found = None
        if found is None:
            raise No(b'[BADURL "%b"] There is no such part' % _shown(part.text))
        return found

    async def _find(self, url: MessageUrl) -> bytes | None:
        store = self._peer.store
        place = await self._peer.find(url.path, Operation.OPEN)
        account, box = place.account, place.mailbox
        if url.uidvalidity is not None and url.uidvalidity != box.uidvalidity:
            return None
        view = await store.view(account, box.id)
        record = await store.record(account, box.id, url.uid) if view.index(url.uid) >= 0 else None
        if record is None:
            return None
        raw = await store.read(account, record.id)
        octets = extract(raw, record.parts, record.prefix_octets, url.section)
        if url.partial is None:
            return octets
        start, length = url.partial
        return octets[start:] if length is None else octets[start : start + length]


def _shown(text: bytes) -> bytes:
    """A URL that can stand in a response code."""
    plain = bytes(octet if 0x20 <= octet < 0x7F and octet not in b']"\\' else 0x3F for octet in text)
    return plain[: urls.URL_OCTETS]
