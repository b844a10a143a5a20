"""Commands of any state: CAPABILITY, NOOP, LOGOUT, ID, ENABLE; UNAUTHENTICATE, GETJMAPACCESS.  RFC 9051 §6.1, §6.3.1;
ID RFC 2971; RFC 8437; RFC 9698."""

from __future__ import annotations

from typing import Final

from courriel.base.log import Level
from courriel.imap import capabilities
from courriel.imap.peer import Peer
from courriel.imap.replies import No
from courriel.imap.session import Feature
from courriel.imap.wire import codes
from courriel.imap.wire.plain import Enable, Id, Nothing
from courriel.imap.wire.response import quoted

FEATURES: Final = {
    b"CONDSTORE": Feature.CONDSTORE,
    b"QRESYNC": Feature.QRESYNC,
    b"UTF8=ACCEPT": Feature.UTF8,
    b"IMAP4REV2": Feature.REV2,
    b"UIDONLY": Feature.UIDONLY,
}
_SPELT: Final = {b"IMAP4REV2": b"IMAP4rev2"}


async def capability(peer: Peer, asked: Nothing) -> bytes:
    peer.write(b"* CAPABILITY %b\r\n" % capabilities.of(peer))
    return b"OK CAPABILITY completed"


async def noop(peer: Peer, asked: Nothing) -> bytes:
    """News come with every reply anyway."""
    return b"OK NOOP completed"


async def check(peer: Peer, asked: Nothing) -> bytes:
    """RFC 3501 §6.4.1; everything accepted is in its place already."""
    return b"OK CHECK completed"


async def logout(peer: Peer, asked: Nothing) -> bytes:
    peer.deselect()
    peer.write(b"* BYE Logging out\r\n")
    peer.session.log_out()
    return b"OK LOGOUT completed"


async def unauthenticate(peer: Peer, asked: Nothing) -> bytes:
    """RFC 8437: a proxy logs in as one after the other over one connection."""
    peer.unauthenticate()
    return b"OK [CAPABILITY %b] Nobody is logged in" % capabilities.of(peer)


async def jmap_access(peer: Peer, asked: Nothing) -> bytes:
    """RFC 9698 §4: where the same mail is served by JMAP."""
    url = peer.shared.settings.jmap_url
    if not url:
        raise No(codes.CANNOT + b"There is no JMAP here")
    peer.write(b"* JMAPACCESS %b\r\n" % quoted(url.encode()))
    return b"OK GETJMAPACCESS completed"


async def identify(peer: Peer, asked: Id) -> bytes:
    """Who the client says it is goes to the log, at a level that is usually silent."""
    said = {field.lower(): (value or b"").decode("utf-8", "replace") for field, value in asked.pairs}
    peer.connection.event("imap.id", Level.DEBUG, client=said.get(b"name", ""))
    peer.write(b'* ID ("name" "Courriel")\r\n')
    return b"OK ID completed"


async def enable(peer: Peer, asked: Enable) -> bytes:
    """RFC 5161 §3.1: names nobody knows are passed over."""
    known = [name for name in dict.fromkeys(asked.names) if name in FEATURES]
    for name in known:
        if FEATURES[name] in (Feature.CONDSTORE, Feature.QRESYNC):
            peer.enable_condstore()
        peer.session.enable(FEATURES[name])
    if peer.session.uidonly:  # updates by sequence number end here
        peer.contexts = {tag: context for tag, context in peer.contexts.items() if context.by_uid}
    peer.write(b"* ENABLED%b\r\n" % b"".join([b" " + _SPELT.get(name, name) for name in known]))
    return b"OK ENABLE completed"
