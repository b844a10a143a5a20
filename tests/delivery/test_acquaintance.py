"""Who becomes known to an account by its mail, and who does not."""

from __future__ import annotations

import pytest

from courriel.delivery.acquaintance import RECIPIENTS, Acquaintance, author_of
from courriel.delivery.route import Drop, Plan
from courriel.model.account import Account
from courriel.model.envelope import Client, Door, Envelope, Recipient, address_of, reverse_path_of_text
from courriel.model.ids import AccountId
from courriel.model.transit import Transit
from courriel.ports.correspondents import Known
from courriel.store.memory.correspondents import MemoryCorrespondents

ANN = AccountId(1)
MAIL = b"From: Eve <EVE@x.example>\r\nTo: ann@here.example\r\n\r\nhello\r\n"


def _taken(
    door: Door, to: tuple[str, ...], *, junk: str = "", account: AccountId | None = None
) -> MemoryCorrespondents:
    known = MemoryCorrespondents()
    recipients = tuple([Recipient(address_of(one)) for one in to])
    envelope = Envelope(door, Client("192.0.2.1", 1, account=account), reverse_path_of_text("b@x.example"), recipients)
    transit = Transit("id", envelope, MAIL, 0.0)
    transit.junk = junk
    drops = [Drop(Account(ANN, "ann@here.example"), recipients[0], None)] if door is Door.MX else []
    Acquaintance(known).taken(transit, Plan(drops=drops))
    return known


def test_who_writes_is_known_to_who_reads() -> None:
    known = _taken(Door.MX, ("ann@here.example",)).known(ANN, ["eve@x.example", "x.example", "b@x.example"])
    assert known == {"eve@x.example": Known(received=1), "x.example": Known(received=1)}


def test_junk_makes_nobody_known() -> None:
    assert _taken(Door.MX, ("ann@here.example",), junk="DMARC").known(ANN, ["x.example"]) == {}


def test_whom_one_writes_to_is_known() -> None:
    known = _taken(Door.SUBMISSION, ("Max@y.example", "z@y.example"), account=ANN)
    assert known.known(ANN, ["max@y.example", "y.example"]) == {
        "max@y.example": Known(answered=1),
        "y.example": Known(answered=2),
    }


def test_an_audience_is_not_all_known() -> None:
    known = _taken(Door.SUBMISSION, tuple(f"a{n}@y.example" for n in range(RECIPIENTS + 5)), account=ANN)
    assert known.known(ANN, ["y.example"])["y.example"].answered == RECIPIENTS


@pytest.mark.parametrize(
    ("field", "author"),
    [
        (b"From: a@x.example, b@y.example", "a@x.example"),
        (b"From: Group: ;", ""),
        (b"From: nobody", ""),
        (b"To: a@x.example", ""),
        (b"From: <" + b"a" * 20_000 + b"@x.example>", ""),
    ],
)
def test_authors(field: bytes, author: str) -> None:
    assert author_of(field + b"\r\n\r\n") == author
