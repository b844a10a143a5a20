"""Where each part lies, packed: what is kept of the parse so that BODY[1.2.MIME] never needs another.

Version 1, msgpack: ``[1, node, relatives]`` (``relatives.py``; it came later, and readers before it pass over it),
node = ``[start, body, end, kind, encoding, charset, subtype, nodes]``.  Offsets
count from the message as it was delivered, without the trace fields that are put in front of it for each
recipient: add ``len(prefix)`` at use.  ``nodes`` are a multipart's children, or the one message inside a
message part.  About 25 octets a part.
"""

from __future__ import annotations

import msgspec

from courriel.base.errors import Damaged
from courriel.formats.message.media import Kind
from courriel.formats.message.parse import Part
from courriel.formats.message.structure import transfer_encoding

__all__ = ["Node", "index", "pack", "relatives", "unpack"]

VERSION = 1


class Node(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part.  ``start ≤ body ≤ end``; ``raw[start:body]`` is its header, ``raw[body:end]`` its body."""

    start: int
    body: int
    end: int
    kind: Kind
    encoding: bytes
    """Content-Transfer-Encoding, lower case; empty for 7bit."""
    charset: bytes
    """Of text, as written; empty where none was named."""
    subtype: bytes
    """Lower case."""
    nodes: tuple[Node, ...]
    """Children of a multipart; of a message part, the one message."""


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    version: int
    root: Node
    relatives: bytes = b""


class _Relatives(msgspec.Struct, frozen=True, array_like=True):
    """The same, with the nodes left unread: half the time."""

    version: int
    root: msgspec.Raw
    relatives: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_relatives = msgspec.msgpack.Decoder(_Relatives).decode


def index(part: Part) -> Node:
    """The node of a parsed part, and of all in it."""
    media = part.media
    values = part.fields.get(b"content-transfer-encoding")
    inside = part.children if part.message is None else (part.message,)
    return Node(
        part.start,
        part.body,
        part.end,
        media.kind,
        b"" if values is None else _encoding(values[0]),
        media.charset or b"",
        media.subtype,
        tuple([index(child) for child in inside]) if inside else (),
    )


def _encoding(raw: bytes) -> bytes:
    encoding = transfer_encoding(raw).lower()
    return b"" if encoding == b"7bit" else encoding


def pack(root: Node, relatives: bytes = b"") -> bytes:
    """The octets to store."""
    return _encode(_Packed(VERSION, root, relatives))


def unpack(parts: bytes) -> Node:
    """What ``pack`` made; raises ``Damaged`` for anything else."""
    try:
        packed = _decode(parts)
    except msgspec.MsgspecError as error:
        raise Damaged(f"part index: {error}") from error
    if packed.version != VERSION:
        raise Damaged(f"part index of version {packed.version}")
    return packed.root


def relatives(parts: bytes) -> bytes:
    """The relatives in what ``pack`` made, empty where it was made without; raises ``Damaged``."""
    try:
        return _decode_relatives(parts).relatives
    except msgspec.MsgspecError as error:
        raise Damaged(f"part index: {error}") from error
