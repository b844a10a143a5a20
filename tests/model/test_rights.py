"""Access rights and lists.  RFC 4314 §2, §3.1, §4."""

from __future__ import annotations

import pytest

from courriel.base.errors import FormatError
from courriel.model import namespace, rights
from courriel.model.flags import ANSWERED, DELETED, SEEN, FlagAction, FlagChange
from courriel.model.rights import Operation, RightsChange

WRITTEN = [
    ("", "", ""),
    ("lr", "lr", "lr"),
    ("rwipslxetad", "lrswipxtea", "lrswipxteacd"),
    ("lrswida", "lrswitea", "lrswitead"),  # §2.1.1: d is t and e
    ("lrswikda", "lrswiktea", "lrswikteacd"),  # k is part of c
    ("c", "kx", "kxc"),
    ("e", "e", "ed"),
]


@pytest.mark.parametrize(("text", "kept", "shown"), WRITTEN)
def test_rights_are_read_kept_and_shown(text: str, kept: str, shown: str) -> None:
    assert rights.letters(rights.parse(text)) == kept
    assert rights.render(rights.parse(text)) == shown


@pytest.mark.parametrize("text", ["lrQswicda", "lrqswicda", "l r", "9", "lré"])
def test_unknown_rights_are_never_passed_over(text: str) -> None:
    with pytest.raises(FormatError):
        rights.parse(text)


CHANGES = [
    ("lrswi", "+cda", "lrswikxtea"),
    ("lrswi", "-sw", "lri"),
    ("lrswi", "p", "p"),
    ("lr", "", ""),
    ("l", "+", "l"),
]


@pytest.mark.parametrize(("before", "text", "after"), CHANGES)
def test_changes_add_remove_or_replace(before: str, text: str, after: str) -> None:
    assert rights.letters(rights.parse_change(text).apply(rights.parse(before))) == after


def test_entries_add_up_and_dashes_take_away() -> None:
    acl = {"anyone": rights.parse("lr"), "@a.test": rights.parse("i"), "fred@a.test": rights.parse("wte")}
    fred, other, stranger = (rights.names_of(name) for name in ("fred@a.test", "ann@a.test", "ann@b.test"))
    assert rights.letters(rights.effective(acl, fred)) == "lrwite"
    assert rights.letters(rights.effective(acl, other)) == "lri"
    assert rights.letters(rights.effective(acl, stranger)) == "lr"
    less = {**acl, "-fred@a.test": rights.parse("rw"), "-@a.test": rights.parse("i"), "-anyone": rights.parse("e")}
    assert rights.letters(rights.effective(less, fred)) == "lt"
    assert rights.effective({}, fred) == 0


def test_an_entry_without_rights_goes() -> None:
    acl = rights.changed(rights.NOBODY, "fred@a.test", RightsChange(0, rights.READ))
    assert dict(acl) == {"fred@a.test": rights.READ}
    assert dict(rights.changed(acl, "ann@a.test", rights.TAKE_ALL)) == dict(acl)
    assert rights.changed(acl, "fred@a.test", rights.TAKE_ALL) == rights.NOBODY


def test_each_operation_needs_its_rights_and_no_other() -> None:
    assert {*rights.NEEDED, *rights.ENOUGH} == set(Operation)
    for operation, needed in rights.NEEDED.items():
        assert rights.allows(needed, operation) and not rights.allows(rights.ALL & ~needed, operation)
    for operation, enough in rights.ENOUGH.items():
        assert not rights.allows(rights.ALL & ~enough, operation)
        assert all(rights.allows(right, operation) for right in rights.LETTERS.values() if right & enough)


FLAGS = [
    ("", 0),
    ("lrikxpa", 0),
    ("s", SEEN),
    ("t", DELETED),
    ("w", ANSWERED | 1 << 5),
    ("swt", SEEN | DELETED | ANSWERED),
]


@pytest.mark.parametrize(("text", "flags"), FLAGS)
def test_flags_have_rights(text: str, flags: int) -> None:
    every = SEEN | DELETED | ANSWERED | 1 << 5
    assert rights.changeable(rights.parse(text)) & flags == flags
    wide = "w" in text
    assert rights.changeable(rights.parse(text)) & every == (flags | (ANSWERED | 1 << 5 if wide else 0))


def test_replacing_flags_leaves_those_that_are_not_meant() -> None:
    change = FlagChange(FlagAction.REPLACE, SEEN, within=SEEN | DELETED)
    assert change.apply(ANSWERED | DELETED) == ANSWERED | SEEN
    assert FlagChange(FlagAction.REPLACE, SEEN).apply(ANSWERED | DELETED | 1 << 61) == SEEN


NAMES = [
    ("alice@a.test", "bob@a.test", "INBOX", "Other Users/alice/INBOX"),
    ("alice@a.test", "bob@b.test", "x/y", "Other Users/alice@a.test/x/y"),
    ("a/b%c*d=e@a.test", "bob@a.test", "x", "Other Users/a=2Fb=25c=2Ad=3De/x"),
]


@pytest.mark.parametrize(("owner", "viewer", "path", "called"), NAMES)
def test_names_of_others_read_back(owner: str, viewer: str, path: str, called: str) -> None:
    assert namespace.name(owner, viewer, path) == called
    assert namespace.read(called, viewer) == namespace.Elsewhere(owner, path)


def test_public_names_and_names_of_nobody() -> None:
    assert namespace.name(None, "bob@a.test", "News/2026") == "Public/News/2026"
    assert namespace.read("Public/News/2026", "bob@a.test") == namespace.Elsewhere("", "News/2026")
    assert namespace.read("Other Users", "bob@a.test") is None
    assert namespace.read("Other Users/alice@a.test/INBOX", "bob@a.test") is None  # she is “alice” to him
    assert namespace.read("Other Users/al=69ce/INBOX", "bob@a.test") is None
    assert namespace.read("INBOX", "bob@a.test") is None
    assert not namespace.is_elsewhere("Publicity/x") and namespace.is_elsewhere("Public")
