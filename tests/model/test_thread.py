"""Threads against the words of RFC 5256 §3, step by step, on small mailboxes of every kind."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from courriel.model.thread import Forest, Links, ordered_subject, references, refs

# --- the oracle: objects, recursion, sorting wherever the RFC sorts ------------------------------------------------


@dataclass(eq=False)
class Node:
    message: int | None = None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    def adopt(self, child: Node) -> None:
        if child.parent is not None:
            child.parent.children.remove(child)
        child.parent = self
        self.children.append(child)

    def holds(self, other: Node | None) -> bool:
        """Whether ``other`` is this or below it."""
        while other is not None:
            if other is self:
                return True
            other = other.parent
        return False


@dataclass(frozen=True)
class Letter:
    """A message: own id (0: none), references, base subject, whether it answers, when it was sent."""

    own: int
    references: tuple[int, ...]
    subject: str
    answer: bool
    sent: int


class Oracle:
    def __init__(self, mailbox: list[Letter]) -> None:
        self.mailbox = mailbox
        self.root = Node()
        self.table: dict[int, Node] = {}
        self.link()
        self.prune(self.root)

    def link(self) -> None:
        """Step 1 and 2."""
        every: list[Node] = []

        def of(id: int) -> Node:
            if id not in self.table:
                self.table[id] = Node()
                every.append(self.table[id])
            return self.table[id]

        for number, letter in enumerate(self.mailbox):
            if letter.own and of(letter.own).message is None:
                node = of(letter.own)
                node.message = number
            else:
                node = Node(number)
                every.append(node)
            last: Node | None = None
            for id in letter.references:
                here = of(id)
                if last is not None and here.parent is None and not here.holds(last):
                    last.adopt(here)
                last = here
            if node.parent is not None:
                node.parent.children.remove(node)
                node.parent = None
            if last is not None and not node.holds(last):
                last.adopt(node)
        for node in every:
            if node.parent is None:
                self.root.adopt(node)

    def prune(self, node: Node) -> None:
        """Step 3."""
        for child in list(node.children):
            self.prune(child)
            if child.message is not None:
                continue
            if not child.children:
                node.children.remove(child)
            elif node is not self.root or len(child.children) == 1:
                place = node.children.index(child)
                node.children[place : place + 1] = child.children
                for one in child.children:
                    one.parent = node

    def date(self, node: Node) -> tuple[int, int]:
        if node.message is None:
            return min(self.date(child) for child in node.children)
        return (self.mailbox[node.message].sent, node.message)

    def sort(self, node: Node) -> None:
        """Step 6 (and 4, of the root alone)."""
        for child in node.children:
            self.sort(child)
        node.children.sort(key=self.date)

    def letter(self, node: Node) -> Letter:
        if node.message is None:
            node = min(node.children, key=self.date)
        assert node.message is not None
        return self.mailbox[node.message]

    def merge(self) -> None:
        """Step 4 and 5."""
        self.root.children.sort(key=self.date)
        table: dict[str, Node] = {}
        for node in self.root.children:
            subject = self.letter(node).subject
            if not subject:
                continue
            other = table.setdefault(subject, node)
            if other.message is not None and (
                node.message is None or (self.letter(other).answer and not self.letter(node).answer)
            ):
                table[subject] = node
        for node in list(self.root.children):
            if node.parent is not self.root:
                continue  # merged by now
            subject = self.letter(node).subject
            if not subject or table[subject] is node:
                continue
            other = table[subject]
            if other.message is None and node.message is None:
                for child in list(node.children):
                    other.adopt(child)
                self.root.children.remove(node)
                node.parent = None
            elif other.message is None or (self.letter(node).answer and not self.letter(other).answer):
                other.adopt(node)
            else:
                dummy = Node()
                self.root.adopt(dummy)
                dummy.adopt(other)
                dummy.adopt(node)
                table[subject] = dummy

    def shape(self, node: Node) -> object:
        return (node.message, [self.shape(child) for child in node.children])


def shape(forest: Forest) -> list[object]:
    def one(node: int) -> object:
        return (None if node < 0 else node, [one(child) for child in forest.children.get(node, ())])

    return [one(root) for root in forest.roots]


def packed(mailbox: list[Letter]) -> list[bytes]:
    return [array("Q", [letter.own, *letter.references]).tobytes() for letter in mailbox]


def by_date(mailbox: list[Letter]) -> list[int]:
    return sorted(range(len(mailbox)), key=lambda number: mailbox[number].sent)


def linked(mailbox: list[Letter], step: int = 1000) -> Links:
    links = Links()
    for start in range(0, len(mailbox), step):
        links.add(range(start, min(start + step, len(mailbox))), packed(mailbox))
    return links


IDS = st.integers(1, 9)
LETTERS = st.builds(
    Letter,
    st.integers(0, 9),
    st.lists(IDS, max_size=4).map(tuple),
    st.sampled_from(["", "", "A", "B", "C"]),
    st.booleans(),
    st.integers(0, 4),
)
LOOP = [Letter(1, (2,), "A", False, 1), Letter(2, (1,), "A", True, 0), Letter(1, (3, 1), "B", False, 0)]
TRUNCATED = [Letter(3, (1, 2), "A", False, 0), Letter(2, (9,), "", False, 1), Letter(1, (), "", False, 2)]


@settings(max_examples=400)
@given(st.lists(LETTERS, max_size=12), st.integers(1, 4))
@example(LOOP, 1)
@example(TRUNCATED, 1)
def test_references(mailbox: list[Letter], step: int) -> None:
    oracle = Oracle(mailbox)
    oracle.merge()
    oracle.sort(oracle.root)
    subjects = [letter.subject for letter in mailbox]
    answers = [letter.answer for letter in mailbox]
    forest = references(linked(mailbox, step), by_date(mailbox), subjects, answers)
    assert shape(forest) == [oracle.shape(child) for child in oracle.root.children]


@settings(max_examples=200)
@given(st.lists(LETTERS, max_size=12))
@example(LOOP)
@example(TRUNCATED)
def test_refs(mailbox: list[Letter]) -> None:
    """The same without subjects; threads by their latest message."""
    oracle = Oracle(mailbox)
    oracle.sort(oracle.root)

    def latest(node: Node) -> tuple[int, int]:
        own = (-1, -1) if node.message is None else oracle.date(node)
        return max([own, *map(latest, node.children)])

    oracle.root.children.sort(key=latest)
    forest = refs(linked(mailbox), by_date(mailbox))
    assert shape(forest) == [oracle.shape(child) for child in oracle.root.children]


@given(st.lists(LETTERS, max_size=12))
def test_ordered_subject(mailbox: list[Letter]) -> None:
    subjects = [letter.subject for letter in mailbox]
    order = by_date(mailbox)
    expected = [
        (first, [(other, []) for other in order if subjects[other] == subjects[first] and other != first])
        for first in order
        if all(subjects[other] != subjects[first] for other in order[: order.index(first)])
    ]
    assert shape(ordered_subject(order, subjects)) == expected


def test_links_go_on_with_what_arrives() -> None:
    """A forest made halfway does not disturb what comes later."""
    links = Links()
    mailbox = [*TRUNCATED, *LOOP]
    for number in range(len(mailbox)):
        links.add([number], packed(mailbox))
        refs(links, by_date(mailbox[: number + 1]))
    assert shape(refs(links, by_date(mailbox))) == shape(refs(linked(mailbox), by_date(mailbox)))


def test_the_deepest_of_threads_costs_no_more_than_its_number() -> None:
    """Chains whose ends are tied to each other again and again: looking for loops is bounded (``thread.climbs``)."""
    half = 20_000
    chain = [Letter(number, (number - 1,), "", False, number) for number in range(2, half)]
    ties = [Letter(half + 2 * number, (half + 2 * number + 1,), "", False, 0) for number in range(half // 2)]
    knots = [Letter(half + 2 * number + 1, (half - 1,), "", False, 0) for number in range(half // 2)]
    mailbox = [*chain, *ties, *knots]
    began = time.process_time()
    forest = refs(linked(mailbox), by_date(mailbox))
    assert time.process_time() - began < 5.0
    assert sum(map(len, forest.children.values())) + sum(root >= 0 for root in forest.roots) == len(mailbox)
