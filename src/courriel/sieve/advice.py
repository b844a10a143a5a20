"""What is odd about a script that has no mistakes: told to its author, who may mean it.  RFC 5804 §1.3 (WARNINGS)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.base.i18n import N_
from courriel.model.mailbox import canonical_path
from courriel.sieve.grammar import Node, Strings, Tag, parse
from courriel.sieve.problems import PROBLEMS, Problem

LEAVING: Final = frozenset({"stop", "return", "break"})


def advice(raw: bytes, mailboxes: frozenset[str]) -> Sequence[Problem]:
    """``mailboxes`` are the paths of those the author has."""
    nodes, _problems = parse(raw)
    return [*_advice(nodes, mailboxes)][:PROBLEMS]


def _advice(nodes: Sequence[Node], mailboxes: frozenset[str]) -> Iterator[Problem]:
    for place, node in enumerate(nodes):
        if node.name == "fileinto":
            yield from _missing(node, mailboxes)
        if node.name in LEAVING and place + 1 < len(nodes):
            yield Problem(
                nodes[place + 1].line, N_("nobody comes here: “{name}” stands before it"), {"name": node.name}
            )
        yield from _advice(node.block or (), mailboxes)


def _missing(node: Node, mailboxes: frozenset[str]) -> Iterator[Problem]:
    """A mailbox that is not there yet, and will not be made."""
    if any(isinstance(one, Tag) and one.name in ("create", "specialuse") for one in node.arguments):
        return
    names = [one for one in node.arguments if isinstance(one, Strings)]
    if not names or "${" in names[-1].values[0]:
        return
    try:
        path = canonical_path(names[-1].values[0])
    except FormatError:
        return
    if path not in mailboxes:
        yield Problem(
            node.line, N_("there is no mailbox “{name}” yet; without :create mail goes to INBOX"), {"name": path}
        )
