"""SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.  RFC 4314 §3.

Who may not know of a mailbox hears of it what is said of one that does not exist (RFC 4314 §6).
"""

from __future__ import annotations

from courriel.accounts.passwords import saslprep
from courriel.base.errors import FormatError, LimitExceeded
from courriel.base.log import Level
from courriel.imap.peer import Peer
from courriel.imap.wire.acl import Named, SetAcl
from courriel.imap.wire.grammar import WHAT
from courriel.imap.wire.plain import Path
from courriel.imap.wire.response import astring, mailbox_name
from courriel.mailboxes.access import Place
from courriel.model.refusals import NotPermitted
from courriel.model.rights import (
    ALL,
    IDENTIFIER_CHARACTERS,
    LETTERS,
    TAKE_ALL,
    VIRTUAL,
    Operation,
    RightsChange,
    means_many,
    render,
)


async def set_acl(peer: Peer, asked: SetAcl) -> bytes:
    await _change(peer, asked.path, asked.identifier, asked.change)
    return b"OK SETACL completed"


async def delete_acl(peer: Peer, asked: Named) -> bytes:
    await _change(peer, asked.path, asked.identifier, TAKE_ALL)
    return b"OK DELETEACL completed"


async def _change(peer: Peer, path: str, identifier: str, change: RightsChange) -> None:
    name = _prepared(identifier)
    place = await peer.find(path, Operation.ADMINISTER)
    if change.add and means_many(name) and not peer.shared.settings.share_with_many:
        raise NotPermitted("sharing with many is switched off")
    await peer.shared.access.grant(place, name, change, peer.account.login)
    peer.connection.event("imap.rights_changed", Level.INFO, mailbox=path, who=name)


async def get_acl(peer: Peer, asked: Path) -> bytes:
    place = await peer.find(asked.path, Operation.ADMINISTER)
    entries = peer.shared.access.entries(place)
    words = [b"%b %b" % (astring(who.encode()), render(rights).encode()) for who, rights in entries]
    peer.write(b"* ACL %b\r\n" % b" ".join([_name(peer, place), *words]))
    return b"OK GETACL completed"


async def list_rights(peer: Peer, asked: Named) -> bytes:
    """The owner has all rights always; anybody else can be given each by itself, whether or not he is known here."""
    name = _prepared(asked.identifier)
    place = await peer.find(asked.path, Operation.ADMINISTER)
    if peer.shared.access.is_owner(place, name, peer.account.login):
        words = [render(ALL).encode()]
    else:
        words = [b'""', *(letter.encode() for letter in (*LETTERS, *VIRTUAL))]
    identifier = astring(asked.identifier.encode())  # as the client spelt it: RFC 4314 §3.4
    peer.write(b"* LISTRIGHTS %b %b %b\r\n" % (_name(peer, place), identifier, b" ".join(words)))
    return b"OK LISTRIGHTS completed"


async def run_my_rights(peer: Peer, asked: Path) -> bytes:
    peer.write(my_rights(peer, await peer.find(asked.path, Operation.SEE_RIGHTS)))
    return b"OK MYRIGHTS completed"


def my_rights(peer: Peer, place: Place) -> bytes:
    """One untagged MYRIGHTS."""
    return b"* MYRIGHTS %b %b\r\n" % (_name(peer, place), astring(render(place.rights).encode()))


def _name(peer: Peer, place: Place) -> bytes:
    return mailbox_name(place.mailbox.path, peer.session.utf8)


def _prepared(identifier: str) -> str:
    """RFC 4314 §3: SASLprep, and never empty; else BAD.  Its length comes first: preparing takes 5 µs a character."""
    if len(identifier) > 1 + IDENTIFIER_CHARACTERS:
        raise LimitExceeded(WHAT, -1, "rights.identifier_characters")
    name = saslprep(identifier)
    if not name or name == "-":
        raise FormatError(WHAT, -1, "an identifier is empty")
    return name
