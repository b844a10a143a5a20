"""What the account remembers: true and false examples."""

from __future__ import annotations

import pytest

from courriel.threats.signals import history
from courriel.threats.view import Arrival, Context, Sender
from tests.threats.views import found, judged, view

PAUL = "paul@shop.example"
FORGED = Arrival(judgement=judged("fail", domain="shop.example"))

CASES: list[tuple[str, dict[str, Sender], str, dict[str, float]]] = [
    ("nobody knows", {}, PAUL, {"first-contact": 1.0}),
    ("somebody of the house is known", {"shop.example": Sender(received=2)}, PAUL, {"first-contact": 0.5}),
    ("anybody's house is no house", {"gmail.com": Sender(received=9)}, "x@gmail.com", {"first-contact": 1.0}),
    ("once", {PAUL: Sender(received=1)}, PAUL, {}),
    ("often", {PAUL: Sender(received=10)}, PAUL, {"writes-often": 1.0}),
    ("sometimes", {PAUL: Sender(received=5)}, PAUL, {"writes-often": 0.5}),
    ("answered", {PAUL: Sender(received=1, answered=1)}, PAUL, {"you-answered": 1.0}),
    (
        "the house was answered",
        {"shop.example": Sender(answered=1)},
        PAUL,
        {"first-contact": 0.5, "you-answered": 0.4},
    ),
    ("marked good", {PAUL: Sender(received=9, marked_good=1)}, PAUL, {"marked-good": 0.5}),
    ("marked junk", {PAUL: Sender(received=9, marked_junk=2)}, PAUL, {"marked-junk": 0.75}),
    ("junk from the house", {PAUL: Sender(), "shop.example": Sender(marked_junk=3)}, PAUL, {"marked-junk": 0.5}),
    ("its case is no matter", {PAUL: Sender(received=10)}, "Paul@Shop.Example", {"writes-often": 1.0}),
]


@pytest.mark.parametrize(("senders", "author", "expected"), [case[1:] for case in CASES], ids=[one[0] for one in CASES])
def test_what_is_remembered(senders: dict[str, Sender], author: str, expected: dict[str, float]) -> None:
    findings = found(history.LOOKS, view(author=author, context=Context(senders=senders, remembers=True)))
    assert {name.removeprefix("context."): finding.strength for name, finding in findings.items()} == expected


def test_an_account_without_memory_says_nothing() -> None:
    assert not found(history.LOOKS, view(context=Context()))


def test_nothing_good_is_said_of_a_forged_sender() -> None:
    context = Context(senders={PAUL: Sender(received=50, answered=5, marked_good=5)}, remembers=True)
    assert not found(history.LOOKS, view(author=PAUL, context=context, arrival=FORGED))


@pytest.mark.parametrize(
    ("display", "author", "new"),
    [
        ("Anna Keller", "anna@shop.example", False),
        ("Anna Keller", "sales@shop.example", False),
        ("Anna Keller", "anna.keller@gmail.com", True),
        ("ANNA KELLER", "x@evil.example", True),
        ("Anna K.", "x@evil.example", False),
        ("Anna", "x@evil.example", False),
    ],
)
def test_a_known_name_on_a_new_address(display: str, author: str, new: bool) -> None:
    known = {"anna keller": frozenset({"anna@shop.example"}), "anna": frozenset({"anna@other.example"})}
    message = view(display=display, author=author, context=Context(known_names=known))
    assert ("context.known-name-new-address" in found(history.LOOKS, message)) is new
