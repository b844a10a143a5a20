"""What bit maps, NSEC and NSEC3 prove: tables, beside the proofs that whole answers are tested with."""

from __future__ import annotations

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC import Bitmap

from courriel.net.dns.budget import Budget
from courriel.net.dns.denial import Proof, Proofs, Windows, has_type, lacks, speaks_for_below
from courriel.net.dns.nsec import NsecProofs
from courriel.net.dns.nsec3 import Nsec3Proofs
from tests.net.dns.tree import Tree

HOST, CUT, APEX = ("A",), ("NS",), ("NS", "SOA", "DNSKEY")
# Types at the owner, type asked for, whether the bit map shows that there is none.
CASES = [
    (HOST, "A", False),
    (HOST, "TXT", True),
    (("CNAME",), "TXT", False),
    (CUT, "A", False),  # the parent does not know what the child has
    (CUT, "DS", True),
    (("NS", "DS"), "DS", False),
    (APEX, "A", True),
    (APEX, "DS", False),  # the child does not know what the parent has
    (HOST, "DS", True),
]


def windows(types: tuple[str, ...]) -> Windows:
    return tuple(Bitmap.from_rdtypes([RdataType[one] for one in types]).windows)


@pytest.mark.parametrize(("types", "asked", "absent"), CASES)
def test_what_is_lacking_at_a_name(types: tuple[str, ...], asked: str, absent: bool) -> None:
    assert lacks(windows(types), RdataType[asked], root=False) is absent


def test_the_root_has_no_parent_to_ask() -> None:
    assert lacks(windows(APEX), RdataType.DS, root=True)


@pytest.mark.parametrize(("types", "speaks"), [(HOST, True), (APEX, True), (CUT, False), (("A", "DNAME"), False)])
def test_who_may_deny_what_is_below(types: tuple[str, ...], speaks: bool) -> None:
    assert speaks_for_below(windows(types)) is speaks


def test_types_beyond_the_first_256() -> None:
    both = windows(("A", "CAA", "TLSA"))
    assert [has_type(both, RdataType[one]) for one in ("A", "AAAA", "CAA", "TLSA", "URI", "DLV")] == [
        *(True, False, True, True, False, False)
    ]


ZONE = """
cut NS ns.elsewhere.
old DNAME new
a A 192.0.2.1
x.ent A 192.0.2.2
*.wild TXT here
alias CNAME a
"""


def proofs(denial: str, iterations: int = 0) -> Proofs:
    """All the proofs that the zone ``test.`` has."""
    zone = Tree().add("test.", ZONE, denial, iterations=iterations)
    zone.sign()
    rdtype = RdataType.NSEC if denial == "nsec" else RdataType.NSEC3
    records = [(owner, rrset[0]) for (owner, kind), rrset in zone.sets.items() if kind == rdtype]
    if denial == "nsec":
        return NsecProofs(records, zone.origin)
    return Nsec3Proofs(records, zone.origin, Budget())


ALL = {denial: proofs(denial) for denial in ("nsec", "nsec3", "optout")}
ALL["slow"] = proofs("nsec3", iterations=101)


def name(text: str) -> Name:
    return dns.name.from_text(text)


ABSENT = [
    ("nope.test", True),
    ("y.ent.test", True),
    ("a.test", False),
    ("ent.test", False),
    ("x.cut.test", False),
    ("x.old.test", False),
    ("y.wild.test", False),
    ("test", False),
    ("elsewhere", False),
    ("zz.test", True),
]


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
@pytest.mark.parametrize(("asked", "absent"), ABSENT)
def test_which_names_a_whole_chain_denies(denial: str, asked: str, absent: bool) -> None:
    assert ALL[denial].no_name(name(asked)) is (Proof.HOLDS if absent else Proof.NONE)


EMPTY = [
    ("a.test", "TXT", True),
    ("a.test", "A", False),
    ("alias.test", "TXT", False),
    ("ent.test", "A", True),
    ("cut.test", "A", False),
    ("cut.test", "DS", True),
    ("test", "DS", False),
    ("test", "TXT", True),
    ("y.wild.test", "A", True),
    ("y.wild.test", "TXT", False),
    ("nope.test", "A", False),
    ("x.cut.test", "A", False),
    ("x.old.test", "A", False),
]


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
@pytest.mark.parametrize(("asked", "rdtype", "absent"), EMPTY)
def test_which_types_a_whole_chain_denies(denial: str, asked: str, rdtype: str, absent: bool) -> None:
    assert ALL[denial].no_data(name(asked), RdataType[rdtype]) is (Proof.HOLDS if absent else Proof.NONE)


CLOSER = [
    ("y.wild.test", 2, True),
    ("y.z.wild.test", 2, True),
    ("a.test", 1, False),
    ("x.a.test", 1, False),
    ("x.cut.test", 1, False),
]


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
@pytest.mark.parametrize(("asked", "labels", "free"), CLOSER)
def test_where_a_wildcard_may_answer(denial: str, asked: str, labels: int, free: bool) -> None:
    assert ALL[denial].no_closer(name(asked), labels) is (Proof.HOLDS if free else Proof.NONE)


def test_what_lies_in_an_opt_out_gap_may_exist() -> None:
    assert ALL["optout"].no_name(name("nope.test")) is Proof.INSECURE
    assert ALL["optout"].no_data(name("cut.test"), RdataType.DS) is Proof.INSECURE
    assert ALL["optout"].no_closer(name("y.wild.test"), 2) is Proof.INSECURE
    assert ALL["optout"].no_data(name("a.test"), RdataType.TXT) is Proof.HOLDS


def test_proofs_with_too_many_rounds_are_not_followed() -> None:
    assert ALL["slow"].no_name(name("a.test")) is Proof.INSECURE
    assert ALL["slow"].no_data(name("a.test"), RdataType.A) is Proof.INSECURE
    assert ALL["slow"].no_closer(name("a.test"), 1) is Proof.INSECURE
    assert not ALL["slow"].delegates(name("cut.test"))


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
def test_which_names_are_delegated(denial: str) -> None:
    asked = ["cut.test", "test", "a.test", "nope.test"]
    assert [ALL[denial].delegates(name(one)) for one in asked] == [True, False, False, False]


def test_records_with_unknown_parameters_prove_nothing() -> None:
    """RFC 5155 §8.1 and §8.2: another hash, other flags; and hashes that are not of this zone."""
    zone = Tree().add("test.", ZONE, "nsec3")
    zone.sign()
    true = [(owner, rrset[0]) for (owner, kind), rrset in zone.sets.items() if kind == RdataType.NSEC3]
    for changed in ({"algorithm": 2}, {"flags": 2}):
        odd = [(owner, one.replace(**changed)) for owner, one in true]
        assert Nsec3Proofs(odd, zone.origin, Budget()).no_name(name("nope.test")) is Proof.NONE
    moved = [(Name((owner.labels[0], b"deeper", *zone.origin.labels)), one) for owner, one in true]
    assert Nsec3Proofs(moved, zone.origin, Budget()).no_name(name("nope.test")) is Proof.NONE
    unreadable = [(name("no-hash.test"), one) for _, one in true]
    assert Nsec3Proofs(unreadable, zone.origin, Budget()).no_name(name("nope.test")) is Proof.NONE
