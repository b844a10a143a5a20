"""Threads: messages as trees of question and answer.  RFC 5256 §3; REFS: draft-ietf-morg-inthread.

``Links`` is step 1 of REFERENCES, message by message in mailbox order, so that it can be kept and carried on with
mail that arrives.  The rest is made from it each time: pruning (step 2 and 3) finds for every message the nearest
ancestor that is there; placing the messages by date, oldest first, makes every set of siblings sorted already
(steps 4 and 6), so only what subjects bring together (step 5) is sorted.

A message is its index; a dummy is a negative number.  Nothing recurses: threads may be as deep as they like.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["CLIMBS_PER_MESSAGE", "Forest", "Links", "ordered_subject", "references", "refs"]

CLIMBS_PER_MESSAGE: Final = 64
"""``thread.climbs``: steps to look for loops, a message of the mailbox.  A link that would need more is not made: mail
made to form the deepest of trees then falls into several, and costs no more than its number.  Real mail needs one."""


@dataclass(slots=True)
class Forest:
    """``roots`` in order; ``children`` of a message or dummy in order (none: no entry).  Only roots are dummies."""

    roots: list[int] = field(default_factory=list)
    children: dict[int, list[int]] = field(default_factory=dict)


class Links:
    """Who answers whom.  Nodes are numbers; ``messages[node]`` is the message, -1 for a dummy."""

    __slots__ = ("_climbs", "_has_child", "_known", "_parents", "messages", "nodes")

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        """Hash of a Message-ID → node."""
        self._parents: list[int] = []
        self._has_child = bytearray()
        self._climbs = 0
        self.messages: list[int] = []
        self.nodes: dict[int, int] = {}
        """Message → node."""

    def add(self, messages: Iterable[int], relatives: Sequence[bytes]) -> None:
        """Step 1 for messages that come behind all before.  ``relatives`` (``formats/message/relatives.py``) by
        message."""
        known, parents, has_child = self._known, self._parents, self._has_child
        for message in messages:
            ids = array("Q", relatives[message])
            node = self._own_node(message, ids[0])
            last = -1
            for id in ids[1:]:
                found = known.get(id, -1)
                if found < 0:
                    found = known[id] = self._new(-1)
                if last >= 0 and parents[found] < 0 and not self._is_below(last, found):
                    parents[found] = last
                    has_child[last] = 1
                last = found
            # (B): its last reference is the parent, whatever a shortened list of another message made of it.
            parents[node] = -1
            if last >= 0 and not self._is_below(last, node):
                parents[node] = last
                has_child[last] = 1

    def _new(self, message: int) -> int:
        self._parents.append(-1)
        self._has_child.append(0)
        self.messages.append(message)
        self._climbs += CLIMBS_PER_MESSAGE
        return len(self.messages) - 1

    def _own_node(self, message: int, id: int) -> int:
        """The dummy that waits for it, else a new node; its id is its own unless another message came first."""
        node = self._known.get(id, -1) if id else -1
        if node >= 0 and self.messages[node] < 0:
            self.messages[node] = message
        elif node >= 0 or not id:
            node = self._new(message)
        else:
            node = self._known[id] = self._new(message)
        self.nodes[message] = node
        return node

    def _is_below(self, node: int, ancestor: int) -> bool:
        """Whether ``node`` is ``ancestor`` or below it; also when it takes too long to tell."""
        if node == ancestor:
            return True
        if not self._has_child[ancestor]:
            return False
        parents = self._parents
        while node >= 0:
            if node == ancestor:
                return True
            node = parents[node]
            self._climbs -= 1
            if self._climbs < 0:
                return True
        return False

    def place(self, by_date: Iterable[int]) -> Forest:
        """Steps 2, 3, 4 and 6: the forest of these messages (all that were added), given oldest first."""
        forest = Forest()
        roots, children = forest.roots, forest.children
        parents, messages, nodes = self._parents, self.messages, self.nodes
        visible: dict[int, int] = {}
        for message in by_date:
            parent = parents[nodes[message]]
            if parent >= 0 and messages[parent] < 0:
                parent = self._visible(parent, visible)
            if parent < 0:
                roots.append(message)
                continue
            above = messages[parent]
            if above < 0:
                above = -1 - parent
                if above not in children:
                    roots.append(above)
            siblings = children.get(above)
            if siblings is None:
                children[above] = [message]
            else:
                siblings.append(message)
        for place, root in enumerate(roots):
            if root < 0 and len(children[root]) == 1:  # a dummy stays only where it holds several together
                [roots[place]] = children.pop(root)
        return forest

    def _visible(self, node: int, visible: dict[int, int]) -> int:
        """The nearest node above a dummy, itself included, that is a message or has no parent."""
        passed = []
        while self.messages[node] < 0 and self._parents[node] >= 0:
            passed.append(node)
            node = visible.get(node, self._parents[node])
        for one in passed:
            visible[one] = node
        return node


def refs(links: Links, by_date: Sequence[int]) -> Forest:
    """REFS: by references alone; threads by their latest message."""
    forest = links.place(by_date)
    age = {message: place for place, message in enumerate(by_date)}
    latest = {root: _latest(forest, root, age) for root in forest.roots}
    forest.roots.sort(key=latest.__getitem__)
    return forest


def _latest(forest: Forest, root: int, age: Mapping[int, int]) -> int:
    """Place of the latest message of a thread."""
    children = forest.children
    below = children.get(root)
    latest = age[root] if root >= 0 else -1
    waiting = list(below) if below else []
    while waiting:
        message = waiting.pop()
        latest = max(latest, age[message])
        waiting += children.get(message, ())
    return latest


def references(links: Links, by_date: Sequence[int], subjects: Sequence[str], answers: Sequence[int]) -> Forest:
    """REFERENCES.  By message: ``subjects`` are base subjects as collation keys, ``answers`` tells replies and
    forwards."""
    forest = links.place(by_date)
    _Merging(forest, subjects, answers).run(by_date)
    return forest


class _Merging:
    """Step 5: threads of one subject become one."""

    def __init__(self, forest: Forest, subjects: Sequence[str], answers: Sequence[int]) -> None:
        self._forest = forest
        self._subjects = subjects
        self._answers = answers
        self._table: dict[str, int] = {}
        self._merged: set[int] = set()
        """Roots that are none any more."""
        self._changed: set[int] = set()
        """Those whose children have to be sorted."""
        self._next_dummy = min(0, min(forest.roots, default=0)) - 1

    def run(self, by_date: Sequence[int]) -> None:
        forest = self._forest
        for root in forest.roots:
            self._gather(root)
        new: list[int] = []
        for root in forest.roots:
            subject = self._subject(root)
            other = self._table.get(subject, root)
            if subject and other != root and root not in self._merged:
                dummy = self._merge(root, other)
                if dummy is not None:
                    self._table[subject] = dummy
                    new.append(dummy)
        if self._merged:
            self._sort(new, by_date)

    def _subject(self, root: int) -> str:
        return self._subjects[root if root >= 0 else self._forest.children[root][0]]

    def _gather(self, root: int) -> None:
        """(B): the message that stands for a subject: a dummy rather than a message, no answer rather than one."""
        subject = self._subject(root)
        if not subject:
            return
        other = self._table.setdefault(subject, root)
        if other >= 0 and (root < 0 or (self._answers[other] and not self._answers[root])):
            self._table[subject] = root

    def _merge(self, root: int, other: int) -> int | None:
        """(C): ``root`` goes to the thread of its subject; returns the dummy that was made for both."""
        children, answers = self._forest.children, self._answers
        self._merged.add(root)
        if other < 0 and root < 0:
            children[other] += children.pop(root)
        elif other < 0 or (answers[root] and not answers[other]):
            children.setdefault(other, []).append(root)
        else:
            self._merged.add(other)
            dummy = self._next_dummy
            self._next_dummy -= 1
            children[dummy] = [other, root]
            self._changed.add(dummy)
            return dummy
        self._changed.add(other)
        return None

    def _sort(self, new: list[int], by_date: Sequence[int]) -> None:
        forest, children = self._forest, self._forest.children
        age = {message: place for place, message in enumerate(by_date)}
        for root in self._changed:
            children[root].sort(key=age.__getitem__)
        forest.roots = [root for root in forest.roots if root not in self._merged] + new
        forest.roots.sort(key=lambda root: age[root if root >= 0 else children[root][0]])


def ordered_subject(by_date: Iterable[int], subjects: Sequence[str]) -> Forest:
    """ORDEREDSUBJECT: all of one base subject below the first of them.  ``by_date``: oldest first."""
    forest = Forest()
    first: dict[str, int] = {}
    for message in by_date:
        root = first.setdefault(subjects[message], message)
        if root == message:
            forest.roots.append(message)
        else:
            forest.children.setdefault(root, []).append(message)
    return forest
