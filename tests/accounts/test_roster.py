"""Where addresses lead: the order of rules, loops, postmaster, who owns what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.model.account import Account, Domain, TargetKind
from courriel.model.envelope import Address
from courriel.model.ids import AccountId
from courriel.model.roster import ALIAS_TARGETS, Roster, canonical_address, canonical_targets


def _roster() -> Roster:
    roster = Roster()
    roster.put_domain(Domain("one.test"))
    roster.put_domain(Domain("two.test", catch_all="bob@one.test"))
    roster.put_domain(Domain("xn--bcher-kva.test"))
    for number, login in enumerate(["alice@one.test", "bob@one.test", "bob@two.test", "c+d@one.test"], 1):
        roster.put_account(Account(AccountId(number), login))
    roster.put_alias("info@one.test", ("alice@one.test",))
    roster.put_alias("team@one.test", ("alice@one.test", "bob@one.test", "x@elsewhere.test"))
    roster.put_alias("lists@one.test", ("alice+lists@one.test",))
    roster.put_alias("chain@one.test", ("info@one.test",))
    roster.put_alias("round@one.test", ("trip@one.test",))
    roster.put_alias("trip@one.test", ("round@one.test",))
    roster.put_alias("nobody@one.test", ("gone@one.test",))
    return roster


P, A, D, C = TargetKind.PRIMARY, TargetKind.ALIAS, TargetKind.DETAIL, TargetKind.CATCH_ALL

CASES = [
    # local, domain, accounts, kind, detail, forward_to
    ("alice", "one.test", [1], P, None, ()),
    ("ALICE", "ONE.test", [1], P, None, ()),
    ("alice", "one.test.", [1], P, None, ()),
    ("alice+Spam", "one.test", [1], D, "Spam", ()),
    ("alice+a+b", "one.test", [1], D, "a+b", ()),
    ("alice+", "one.test", [1], P, None, ()),
    ("c+d", "one.test", [4], P, None, ()),
    ("info", "one.test", [1], A, None, ()),
    ("info+x", "one.test", [1], D, "x", ()),
    ("lists", "one.test", [1], A, "lists", ()),
    ("chain", "one.test", [1], A, None, ()),
    ("team", "one.test", [1, 2], A, None, ("x@elsewhere.test",)),
    ("whoever", "two.test", [2], C, None, ()),
    ("bob", "two.test", [3], P, None, ()),
    ("postmaster", "one.test", [1], A, None, ()),
    ("postmaster+x", "one.test", [1], A, None, ()),
    ("Postmaster", "", [1], A, None, ()),
    ("Postmaster", "two.test", [2], C, None, ()),
    ("postmaster", "bücher.test", [1], A, None, ()),
]


@pytest.mark.parametrize(("local", "domain", "accounts", "kind", "detail", "forward"), CASES)
def test_resolve(
    local: str, domain: str, accounts: list[int], kind: TargetKind, detail: str | None, forward: tuple[str, ...]
) -> None:
    target = _roster().resolve(Address(local, domain))
    assert target is not None
    found = ([a.id for a in target.accounts], target.kind, target.detail, target.forward_to)
    assert found == (accounts, kind, detail, forward)


NOWHERE = [
    ("x", "one.test"),
    ("+x", "one.test"),
    ("round", "one.test"),
    ("nobody", "one.test"),
    ("alice", "elsewhere.test"),
    ("alice", ""),
    ("alice", "[127.0.0.1]"),
    ("alice", "..."),
    ("", ""),
]


@pytest.mark.parametrize(("local", "domain"), NOWHERE)
def test_no_such_address(local: str, domain: str) -> None:
    assert _roster().resolve(Address(local, domain)) is None


def test_named_postmaster_comes_before_the_oldest_account() -> None:
    roster = _roster()
    roster.put_alias("postmaster@xn--bcher-kva.test", ("bob@one.test",))
    for domain in ("one.test", "xn--bcher-kva.test", ""):
        target = roster.resolve(Address("postmaster", domain))
        assert target is not None
        assert [account.id for account in target.accounts] == [2]


OWN = [
    (1, "alice", "one.test", True),
    (1, "Alice+x", "One.Test", True),
    (1, "info", "one.test", True),
    (1, "chain+y", "one.test", True),
    (1, "team", "one.test", False),
    (2, "alice", "one.test", False),
    (2, "whoever", "two.test", False),
    (3, "bob", "two.test", True),
    (4, "c+d", "one.test", True),
    (4, "c", "one.test", False),
    (1, "", "", False),
]


@pytest.mark.parametrize(("account", "local", "domain", "own"), OWN)
def test_may_send_as(account: int, local: str, domain: str, own: bool) -> None:
    assert _roster().may_send_as(AccountId(account), Address(local, domain)) is own


LOGINS = [
    ("alice", 1),
    ("ALICE@one.test", 1),
    ("bob", None),
    ("bob@two.test", 3),
    ("info@one.test", None),
    ("alice+x@one.test", None),
    ("", None),
    ("@", None),
    ("a@b@c", None),
]


@pytest.mark.parametrize(("login", "account"), LOGINS)
def test_by_login(login: str, account: int | None) -> None:
    found = _roster().by_login(login)
    assert (found.id if found else None) == account


def test_addresses_follow_the_aliases() -> None:
    roster = _roster()
    alice = roster.account(AccountId(1))
    assert alice is not None
    assert alice.addresses == ("alice@one.test", "chain@one.test", "info@one.test", "lists@one.test")
    roster.drop_alias("info@one.test")
    roster.put_account(Account(AccountId(9), "zoe@one.test"))
    alice = roster.account(AccountId(1))
    assert alice is not None
    assert alice.addresses == ("alice@one.test", "lists@one.test")


def test_an_alias_lives_again_when_its_account_comes() -> None:
    roster = _roster()
    roster.put_account(Account(AccountId(7), "gone@one.test"))
    assert roster.may_send_as(AccountId(7), Address("nobody", "one.test"))
    roster.drop_account(AccountId(7))
    assert roster.resolve(Address("nobody", "one.test")) is None
    assert not roster.may_send_as(AccountId(7), Address("nobody", "one.test"))


def test_a_web_of_aliases_costs_each_of_them_once() -> None:
    roster = Roster()
    roster.put_domain(Domain("one.test"))
    roster.put_account(Account(AccountId(1), "a@one.test"))
    names = [f"n{n}@one.test" for n in range(25)]
    for name in names:
        roster.put_alias(name, (*names, "a@one.test"))
    target = roster.resolve(Address("n0", "one.test"))
    assert target is not None
    assert [account.id for account in target.accounts] == [1]


@pytest.mark.parametrize(
    "text",
    ["", "a", "@one.test", "a@", "a b@one.test", '"a b"@one.test', "a..b@one.test", ".a@one.test", "a@b@one.test",
     "a@one.test\r\n", "é\u0000@one.test", "a@[127.0.0.1]", "x" * 65 + "@one.test", "é" * 33 + "@one.test",
     "a\u0085@x.test"],
)  # fmt: skip
def test_addresses_that_nobody_can_have(text: str) -> None:
    with pytest.raises(FormatError):
        canonical_address(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ann.Lee@Bücher.TEST", "ann.lee@xn--bcher-kva.test"),
        ("e\u0301@one.test", "é@one.test"),
        ("x" * 64 + "@one.test", "x" * 64 + "@one.test"),
    ],
)
def test_one_spelling(text: str, kept: str) -> None:
    assert canonical_address(text) == kept


def test_targets_are_bounded() -> None:
    assert canonical_targets(["A@x.test", "a@X.test"]) == ("a@x.test",)
    for bad in ([], [f"u{n}@x.test" for n in range(ALIAS_TARGETS + 1)]):
        with pytest.raises(FormatError):
            canonical_targets(bad)


@given(st.text(), st.text())
def test_any_text_is_an_answer_or_none(local: str, domain: str) -> None:
    roster = _roster()
    roster.resolve(Address(local, domain))
    roster.by_login(local)
    roster.may_send_as(AccountId(1), Address(local, domain))
