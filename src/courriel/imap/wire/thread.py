"""THREAD: grammar of the command and of its response.  RFC 5256 §4, §5.

thread         = "THREAD" SP thread-alg SP charset 1*(SP search-key)
thread-data    = "THREAD" [SP 1*thread-list]
thread-list    = "(" (thread-members / thread-nested) ")"
thread-members = nz-number *(SP nz-number) [SP thread-nested]
thread-nested  = 2*thread-list
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import Reader
from courriel.imap.wire.search import Key, program
from courriel.model.thread import Forest


class Algorithm(Enum):
    """RFC 5256 §3; draft-ietf-morg-inthread."""

    ORDEREDSUBJECT = b"ORDEREDSUBJECT"
    REFERENCES = b"REFERENCES"
    REFS = b"REFS"


class Thread(msgspec.Struct, frozen=True):
    """[UID] THREAD."""

    algorithm: Algorithm
    key: Key
    modseq: bool


def parse(command: Command, pos: int, utf8: bool = False) -> Thread:
    reader = Reader(command, pos)
    reader.space()
    word = reader.word()
    try:
        algorithm = Algorithm(word)
    except ValueError:
        reader.fail("unknown threading algorithm")
    reader.space()
    charset = reader.astring()
    reader.space()
    key, modseq = program(reader, charset)
    return Thread(algorithm, key, modseq)


def render(forest: Forest, numbers: Sequence[int]) -> bytes:
    """The response; ``numbers`` by message."""
    children = forest.children
    out: list[str] = ["* THREAD "] if forest.roots else ["* THREAD"]
    for root in forest.roots:
        if root >= 0 and root not in children:
            out.append(f"({numbers[root]})")
        else:
            _thread(root, children, numbers, out)
    out.append("\r\n")
    return "".join(out).encode()


def _thread(root: int, children: dict[int, list[int]], numbers: Sequence[int], out: list[str]) -> None:
    """One thread of more than one.  ``waiting`` holds what is still to be written; None closes a list."""
    waiting: list[int | None] = [root]
    while waiting:
        node = waiting.pop()
        if node is None:
            out.append(")")
            continue
        out.append("(")
        if node >= 0:
            out.append(f"{numbers[node]}")
        below = children.get(node)
        while below is not None and len(below) == 1:
            node = below[0]
            out.append(f" {numbers[node]}")
            below = children.get(node)
        if below is None:
            out.append(")")
            continue
        if node >= 0:
            out.append(" ")
        waiting.append(None)
        waiting += reversed(below)
