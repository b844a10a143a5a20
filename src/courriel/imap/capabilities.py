"""What we say we can: CAPABILITY, made from what is on for this client.  RFC 9051 §6.1.1, §7.2.2.

Every name is here once, with its source; a name that is not here is not announced.
"""

from __future__ import annotations

from typing import Final

from courriel.imap.peer import Peer
from courriel.imap.session import State
from courriel.model.rights import NEW_LETTERS

ALWAYS: Final = (b"IMAP4rev1", b"IMAP4rev2", b"SASL-IR", b"ID", b"ENABLE", b"IDLE")
"""RFC 3501, RFC 9051, RFC 4959, RFC 2971, RFC 5161, RFC 2177."""

LOGGED_IN: Final = (
    b"LITERAL+",  # RFC 7888
    b"NAMESPACE",  # RFC 2342
    b"CHILDREN",  # RFC 3348
    b"UNSELECT",  # RFC 3691
    b"UIDPLUS",  # RFC 4315
    b"MULTIAPPEND",  # RFC 3502
    b"BINARY",  # RFC 3516
    b"LIST-EXTENDED",  # RFC 5258
    b"LIST-STATUS",  # RFC 5819
    b"SPECIAL-USE",  # RFC 6154
    b"CREATE-SPECIAL-USE",
    b"XLIST",  # quirk: Outlook 2013 and 2016 ask for special mailboxes by nothing else
    b"MOVE",  # RFC 6851
    b"ESEARCH",  # RFC 4731
    b"SEARCHRES",  # RFC 5182
    b"WITHIN",  # RFC 5032
    b"SEARCH=FUZZY",  # RFC 6203
    b"CONDSTORE",  # RFC 7162
    b"QRESYNC",
    b"UTF8=ACCEPT",  # RFC 6855
    b"STATUS=SIZE",  # RFC 8438
    b"OBJECTID",  # RFC 8474
    b"PREVIEW",  # RFC 8970
    b"SAVEDATE",  # RFC 8514
    b"ACL",  # RFC 4314
    b"RIGHTS=" + NEW_LETTERS.encode(),
    b"LIST-MYRIGHTS",  # RFC 8440
    b"CATENATE",  # RFC 4469
    b"REPLACE",  # RFC 8508
    b"METADATA",  # RFC 5464
    b"LIST-METADATA",  # RFC 9590
    b"NOTIFY",  # RFC 5465
    b"UNAUTHENTICATE",  # RFC 8437
    b"INPROGRESS",  # RFC 9585
    b"QUOTA",  # RFC 9208
    b"QUOTA=RES-STORAGE",
    b"QUOTA=RES-MESSAGE",
    b"SORT",  # RFC 5256
    b"SORT=DISPLAY",  # RFC 5957
    b"THREAD=ORDEREDSUBJECT",  # RFC 5256
    b"THREAD=REFERENCES",
    b"THREAD=REFS",  # draft-ietf-morg-inthread
    b"ESORT",  # RFC 5267
    b"CONTEXT=SEARCH",
    b"CONTEXT=SORT",
    b"PARTIAL",  # RFC 9394
    b"MULTISEARCH",  # RFC 7377
    b"UIDONLY",  # RFC 9586
    b"UIDBATCHES",  # RFC 10022
)


def can_start_tls(peer: Peer) -> bool:
    """Not below a layer of compression, which UNAUTHENTICATE leaves where it is."""
    return peer.shared.tls is not None and not peer.connection.tls and not peer.connection.compressed


def may_log_in(peer: Peer) -> bool:
    connection = peer.connection
    return peer.shared.authenticator.may_log_in(tls=bool(connection.tls), loopback=connection.is_local)


def of(peer: Peer) -> bytes:
    """The names for this client now, separated by spaces."""
    names = [*ALWAYS]
    if peer.session.state is not State.NOT_AUTHENTICATED:
        settings = peer.shared.settings
        if not peer.connection.compressed:
            names.append(b"COMPRESS=DEFLATE")  # RFC 4978
        if settings.jmap_url:
            names.append(b"JMAPACCESS")  # RFC 9698
        limits = [b"APPENDLIMIT=%d" % settings.append_octets]
        if settings.message_limit:
            limits.append(b"MESSAGELIMIT=%d" % settings.message_limit)  # RFC 9738 §3
        elif settings.save_limit:
            limits.append(b"SAVELIMIT=%d" % settings.save_limit)
        return b" ".join([*names, *LOGGED_IN, *limits])
    names.append(b"LITERAL-")  # RFC 7888 §5: 4,096 octets at most before login
    if can_start_tls(peer):
        names.append(b"STARTTLS")
    connection = peer.connection
    mechanisms = peer.shared.authenticator.mechanisms(tls=bool(connection.tls), loopback=connection.is_local)
    names += [b"AUTH=" + mechanism.encode() for mechanism in mechanisms]
    if not may_log_in(peer):
        names.append(b"LOGINDISABLED")
    return b" ".join(names)
