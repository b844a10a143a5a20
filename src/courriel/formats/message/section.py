"""Parts of a message as IMAP names them: ``BODY[1.2.HEADER.FIELDS (To)]``, ``BINARY[1]``.  RFC 9051 §6.4.5.1.

    section       = "[" [section-spec] "]"
    section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
    section-part  = nz-number *("." nz-number)          section-text = section-msgtext / "MIME"

A section that names nothing is empty (what Dovecot answers), so a client with a stale BODYSTRUCTURE goes on.
Nothing is parsed here: ``parts`` is the index made at delivery, and offsets shift by the trace fields in front.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from courriel.formats.message import transfer
from courriel.formats.message.index import Node, unpack
from courriel.formats.message.media import Kind
from courriel.formats.message.transfer import UnknownEncoding

__all__ = ["Section", "SectionKind", "UnknownEncoding", "decode_binary", "extract", "header_subset"]


class SectionKind(Enum):
    """What of the numbered part is asked for."""

    ALL = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


class Section(msgspec.Struct, frozen=True):
    """``numbers`` empty: the whole message.  ``names`` only with HEADER.FIELDS, in any case."""

    numbers: tuple[int, ...] = ()
    kind: SectionKind = SectionKind.ALL
    names: tuple[bytes, ...] = ()


def extract(raw: bytes, parts: bytes, prefix_octets: int, section: Section) -> bytes:
    """The octets of one section; ``raw`` is the whole message, ``prefix_octets`` of trace fields included."""
    kind = section.kind
    if not section.numbers:
        if kind is SectionKind.ALL:
            return raw
        root = unpack(parts)
        header_start, body, end = 0, root.body + prefix_octets, root.end + prefix_octets
    else:
        node = _find(unpack(parts), section.numbers)
        if node is None:
            return b""
        if kind is SectionKind.ALL:
            return raw[node.body + prefix_octets : node.end + prefix_octets]
        if kind is SectionKind.MIME:
            # The message itself, asked for as its own part 1, has its trace fields too.
            start = node.start + prefix_octets if node.start else 0
            return raw[start : node.body + prefix_octets]
        if node.kind is not Kind.MESSAGE or not node.nodes:
            return b""
        inner = node.nodes[0]
        header_start = inner.start + prefix_octets
        body, end = inner.body + prefix_octets, inner.end + prefix_octets
    if kind is SectionKind.TEXT:
        return raw[body:end]
    header = raw[header_start:body]
    if kind is SectionKind.HEADER:
        return header
    if kind is SectionKind.MIME:  # RFC 9051 §6.4.5.1: MIME must be prefixed by numbers
        return b""
    return header_subset(header, section.names, exclude=kind is SectionKind.HEADER_FIELDS_NOT)


def decode_binary(raw: bytes, parts: bytes, prefix_octets: int, numbers: tuple[int, ...]) -> bytes:
    """BINARY: the part's octets with its Content-Transfer-Encoding undone; raises ``UnknownEncoding``."""
    if not numbers:
        return raw
    node = _find(unpack(parts), numbers)
    if node is None:
        return b""
    body = raw[node.body + prefix_octets : node.end + prefix_octets]
    if node.kind is Kind.MULTIPART:  # RFC 2045 §6.4: never encoded, whatever it claims
        return body
    return transfer.decode(body, node.encoding)


def _find(root: Node, numbers: tuple[int, ...]) -> Node | None:
    """The node of ``1.2.3``.

    A number picks a child of a multipart; in a message whose body is no multipart, 1 is that body.  Past a message
    part the numbers go on inside the message it holds.
    """
    node = root
    at_message = True
    for number in numbers:
        if not at_message and node.kind is Kind.MESSAGE and node.nodes:
            node, at_message = node.nodes[0], True
        if node.kind is Kind.MULTIPART:
            if not 0 < number <= len(node.nodes):
                return None
            node = node.nodes[number - 1]
        elif not at_message or number != 1:
            return None
        at_message = False
    return node


# A field with its folded lines, or a line that is none.
_LINES = re.compile(rb"[^\n]*+\n?(?>(?:[ \t][^\n]*+\n?)*)")


def header_subset(header: bytes, names: tuple[bytes, ...], *, exclude: bool) -> bytes:
    """The fields with these names (or all others), in order, and the empty line.  RFC 9051 §6.4.5.1."""
    wanted = frozenset([name.lower() for name in names])
    kept = [
        field
        for field in _LINES.findall(header)
        if field.strip(b"\r\n") and (field.partition(b":")[0].rstrip(b" \t").lower() in wanted) is not exclude
    ]
    if kept and not kept[-1].endswith(b"\n"):
        kept.append(b"\r\n")
    kept.append(b"\r\n")
    return b"".join(kept)
