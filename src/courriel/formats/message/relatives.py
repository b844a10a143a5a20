"""Which messages a message says it belongs to, packed: what THREAD needs of its header.  RFC 5256 §3, REFERENCES.

    relatives = own *reference          8 octets each, a hash; own is 0 where there is no Message-ID

The references are those of References; where it has none the first id of In-Reply-To, since what else stands there
is as often an address.  Ids are compared as RFC 5256 asks: with case, without regard to quoting.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from courriel.formats.header import split_block

__all__ = ["REFERENCES_LIMIT", "RELATIVE_OCTETS", "cut", "message_ids", "of_header", "relatives"]

RELATIVE_OCTETS: Final = 8
REFERENCES_LIMIT: Final = 100
"""Of longer threads the first message and the latest ones are kept."""

# RFC 5322 §3.6.4 msg-id, read leniently: anything between angle brackets without blanks.
_ID: Final = re.compile(rb"<[^<>\s]++>")
_QUOTING: Final = re.compile(rb'"|\\(?=.)')
_NO_ID: Final = bytes(RELATIVE_OCTETS)


def message_ids(value: bytes | None) -> list[bytes]:
    """All message ids of a field's value, with their angle brackets."""
    return [] if value is None else _ID.findall(value)


def cut(ids: list[bytes]) -> list[bytes]:
    """No more than REFERENCES_LIMIT of them."""
    return ids if len(ids) <= REFERENCES_LIMIT else [ids[0], *ids[1 - REFERENCES_LIMIT :]]


def relatives(own: list[bytes], references: list[bytes], replied: list[bytes]) -> bytes:
    """As above; what stands in Message-ID, References and In-Reply-To."""
    ids = cut(references) or replied[:1]
    if not ids:
        return _hash(own[0]) if own else _NO_ID
    return b"".join([_hash(own[0]) if own else _NO_ID, *map(_hash, ids)])


def of_header(raw: bytes) -> bytes:
    """The same of a message's octets: for those that were stored before this was kept."""
    block = split_block(raw)
    own, references, replied = (message_ids(block.get(name)) for name in (b"message-id", b"references", b"in-reply-to"))
    return relatives(own, references, replied)


def _hash(id: bytes) -> bytes:
    if b'"' in id:
        id = _QUOTING.sub(b"", id)
    return blake2b(id, digest_size=RELATIVE_OCTETS).digest()
