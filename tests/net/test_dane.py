"""DANE: which certificates TLSA records vouch for.  RFC 6698, RFC 7671, RFC 7672."""

from __future__ import annotations

import base64
import datetime
import time

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from courriel.net import dane
from courriel.net.dane import NoMatch, check, usable
from courriel.net.tls_policy import REQUIRED, TlsMode, dane_policy
from courriel.ports.resolver import Tlsa
from tests.net.certificates import DAY, NOW, Made, make

HOST = ("mx.example.org",)
ROOT = make("root", ca=True)
MIDDLE = make("middle", ROOT, ca=True, path_length=0)
LEAF = make("leaf", MIDDLE, names=HOST)
OTHER = make("other", names=HOST)
CHAIN = (LEAF, MIDDLE, ROOT)


def holds(records: list[Tlsa], chain: tuple[Made, ...], names: tuple[str, ...] = HOST) -> bool:
    try:
        check(usable(records), [one.der for one in chain], names, NOW)
    except NoMatch:
        return False
    return True


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_selectors_and_matching_types(selector: int, matching: int) -> None:
    assert holds([LEAF.tlsa(3, selector, matching)], CHAIN)
    assert holds([LEAF.tlsa(3, selector, matching)], (LEAF,))
    assert not holds([OTHER.tlsa(3, selector, matching)], CHAIN)
    assert holds([ROOT.tlsa(2, selector, matching)], CHAIN)
    assert holds([MIDDLE.tlsa(2, selector, matching)], CHAIN)
    assert not holds([OTHER.tlsa(2, selector, matching)], CHAIN)


def test_usage_3_asks_for_nothing_else() -> None:
    """RFC 7672 §3.1.1: neither names nor dates."""
    old = make("old", names=("elsewhere.example",), begins=NOW - 3 * DAY, ends=NOW - DAY, server=False)
    assert holds([old.tlsa(3)], (old,))
    assert not holds([MIDDLE.tlsa(3)], CHAIN)  # only the server's own certificate counts


def test_usage_2_asks_for_the_name() -> None:
    """RFC 7672 §3.2.2."""
    assert holds([ROOT.tlsa(2)], CHAIN, ("example.org", "mx.example.org"))
    assert not holds([ROOT.tlsa(2)], CHAIN, ("example.org",))
    assert holds([ROOT.tlsa(2), LEAF.tlsa(3)], CHAIN, ("example.org",))


def test_usage_2_is_no_word_for_the_servers_own_certificate() -> None:
    alone = make("alone", names=HOST, ca=True)
    assert not holds([alone.tlsa(2)], (alone,))


def test_an_authority_that_only_the_dns_shows() -> None:
    assert holds([ROOT.tlsa(2, 0, 0)], (LEAF, MIDDLE))
    assert not holds([ROOT.tlsa(2, 0, 1)], (LEAF, MIDDLE))
    assert not holds([Tlsa(2, 0, 0, b"no certificate")], (LEAF, MIDDLE))


def test_the_order_of_the_chain_and_strangers_in_it_do_not_matter() -> None:
    assert holds([ROOT.tlsa(2)], (LEAF, OTHER, ROOT, MIDDLE))


BAD_LEAVES = {
    "expired": {"begins": NOW - 3 * DAY, "ends": NOW - DAY},
    "not yet": {"begins": NOW + DAY, "ends": NOW + 2 * DAY},
    "for clients": {"server": False},
    "unknown critical extension": {
        "extra": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    },
}


@pytest.mark.parametrize("faults", BAD_LEAVES.values(), ids=BAD_LEAVES)
def test_certificates_that_an_authority_does_not_help(faults: dict[str, object]) -> None:
    leaf = make("leaf", MIDDLE, names=HOST, **faults)  # type: ignore[arg-type]
    assert not holds([ROOT.tlsa(2)], (leaf, MIDDLE, ROOT))
    assert holds([leaf.tlsa(3)], (leaf, MIDDLE, ROOT))


BAD_AUTHORITIES = {
    "no authority": {"ca": False},
    "may not sign": {"ca": True, "may_sign": False},
    "expired": {"ca": True, "begins": NOW - 3 * DAY, "ends": NOW - DAY},
    "names are constrained": {
        "ca": True,
        "extra": x509.NameConstraints(permitted_subtrees=[x509.DNSName("example.com")], excluded_subtrees=None),
        "critical": False,
    },
}


@pytest.mark.parametrize("faults", BAD_AUTHORITIES.values(), ids=BAD_AUTHORITIES)
def test_authorities_that_are_none(faults: dict[str, object]) -> None:
    bad = make("bad", ROOT, **faults)  # type: ignore[arg-type]
    leaf = make("leaf", bad, names=HOST)
    assert not holds([ROOT.tlsa(2)], (leaf, bad, ROOT))
    assert not holds([bad.tlsa(2)], (leaf, bad, ROOT))


def test_a_key_that_may_sign_may() -> None:
    good = make("good", ROOT, ca=True, may_sign=True)
    assert holds([ROOT.tlsa(2)], (make("leaf", good, names=HOST), good, ROOT))


def test_the_length_of_the_path() -> None:
    """RFC 5280 §4.2.1.9: MIDDLE may not issue for another authority."""
    lower = make("lower", MIDDLE, ca=True)
    leaf = make("leaf", lower, names=HOST)
    assert not holds([ROOT.tlsa(2)], (leaf, lower, MIDDLE, ROOT))
    assert holds([lower.tlsa(2)], (leaf, lower, MIDDLE, ROOT))


def test_a_name_is_no_signature() -> None:
    """An authority of the same name with another key."""
    twin = make("middle", ROOT, ca=True)
    assert not holds([ROOT.tlsa(2)], (LEAF, twin, ROOT))
    assert not holds([twin.tlsa(2)], (LEAF, twin, MIDDLE, ROOT))


# Made with OpenSSL, as nothing else signs with SHA-1 any more: an authority, and its certificate for HOST.
SHA1_ROOT = base64.b64decode(
    "MIIB9jCCAV+gAwIBAgIUHIR6Aq/iRlgPbRxr59NtLB2p3mkwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBcjAgFw0yNjExMjQxNDI2MjJa"
    "GA8yMTI2MTAzMTE0MjYyMlowDDEKMAgGA1UEAwwBcjCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAnBmhT/7u5J/ab/9OnplDRZmmYbb1"
    "nb2CwStMZL0/OyC6hrmhSeQNSWsoUoC0orMRjxsorGqs3fdcdHMoZ5rhTtOARxa2Y3OgHTdYe0mdNzW0ed5L/OXuyjcZoLRG42RXMOjFpBzc"
    "yHEArK+YapZz6Udcg2+2/OdbMtaEFTySpwECAwEAAaNTMFEwHQYDVR0OBBYEFMriZ+OgvmXxh5zhBt8SD74AKn+lMB8GA1UdIwQYMBaAFMri"
    "Z+OgvmXxh5zhBt8SD74AKn+lMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEAG/p70DCvLdZxqHirA9D1BcCoscbJEMuN7JQY"
    "94DDWubPqsYs07AfOs8Iqx2I21A1lq9zcXmIScHbCuIXcwniPsy7YjhDrdCKwZC4L7HdPVW7zd2HuRl29ODrec6+LuVZHC2JTYxRl6Kc1aTL"
    "L5Mlnh8PxmeGcjBs6SH2mLmQ0TI="
)
SHA1_LEAF = base64.b64decode(
    "MIIBuTCCASKgAwIBAgIUKF1d+wZnzHC37QnajwEqcQniQ5YwDQYJKoZIhvcNAQEFBQAwDDEKMAgGA1UEAwwBcjAgFw0yNjExMjQxNDI2MjJa"
    "GA8yMTI2MTAzMTE0MjYyMlowDDEKMAgGA1UEAwwBbDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDw0nuKbgW8osjUiU44PsLJaQ2QWtCsz"
    "rxhHorESrIULeWSMrxUD3gX8vuwYWQ0XBy7DedF714rrGPfweRi0ASejXTBbMBkGA1UdEQQSMBCCDm14LmV4YW1wbGUub3JnMB0GA1UdDgQW"
    "BBSQJj7zy/KftAKGadBbgieUwyU7wjAfBgNVHSMEGDAWgBTK4mfjoL5l8Yec4QbfEg++ACp/pTANBgkqhkiG9w0BAQUFAAOBgQCMu+xdZmus"
    "FMfHA41C3FfRgQRG8/kjlrTdNhKev+HitDORObqbAsFdyAtWyXlnyNAXHFcUPcarQ4eX98Qi3bw/ZvKivhOLh2BOTffOEh/RLQESOJTgbBfn"
    "a5z8piHqoWPYR++J/MftVg/XLKJOgMrg3a6CqSr/Mt5K57ML/Jb2DQ=="
)


def test_a_broken_hash_is_no_signature() -> None:
    """RFC 9155 §1: SHA-1 can be made to fit."""
    record, now = Tlsa(2, 0, 0, SHA1_ROOT), datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(NoMatch, match="no chain"):
        check([record], [SHA1_LEAF, SHA1_ROOT], HOST, now)
    check([Tlsa(3, 0, 0, SHA1_LEAF)], [SHA1_LEAF], HOST, now)


def test_a_long_chain_is_cut() -> None:
    strangers = tuple(make(f"x{number}", ca=True) for number in range(dane.CHAIN_CERTIFICATES - 1))
    assert not holds([ROOT.tlsa(2)], (LEAF, *strangers, MIDDLE, ROOT))
    assert holds([LEAF.tlsa(3)], (LEAF, *strangers, MIDDLE, ROOT))


def test_a_ring_and_many_twins_end() -> None:
    """Authorities that have all the same name and key: each is climbed once."""
    first = make("ring", ca=True)
    twins = tuple(make("ring", first, ca=True) for _ in range(8))
    begun = time.process_time()
    assert not holds([OTHER.tlsa(2)], (make("leaf", first, names=HOST), first, *twins))
    assert time.process_time() - begun < 1


UNUSABLE = [
    LEAF.tlsa(0),
    LEAF.tlsa(1),
    Tlsa(255, 1, 1, b"x" * 32),
    Tlsa(3, 2, 1, b"x" * 32),
    Tlsa(3, 1, 3, b"x" * 32),
    Tlsa(3, 1, 1, b"x" * 31),
    Tlsa(3, 1, 2, b"x" * 32),
    Tlsa(3, 0, 0, b""),
]


@pytest.mark.parametrize(
    "record", UNUSABLE, ids=lambda one: f"{one.usage}-{one.selector}-{one.matching}-{len(one.data)}"
)
def test_records_that_cannot_be_used(record: Tlsa) -> None:
    """RFC 7672 §2.2: alone they ask for encryption, beside usable ones for nothing."""
    assert usable([record]) == ()
    assert dane_policy([record], HOST) == REQUIRED
    assert dane_policy([record, LEAF.tlsa(3)], HOST).tlsa == (LEAF.tlsa(3),)
    assert dane_policy([LEAF.tlsa(3)], HOST).mode is TlsMode.DANE


def test_the_stronger_digest_decides() -> None:
    """RFC 7671 §9."""
    right, wrong = LEAF.tlsa(3, 1, 1), OTHER.tlsa(3, 1, 2)
    assert usable([right, wrong]) == (wrong,) and not holds([right, wrong], CHAIN)
    assert usable([right, OTHER.tlsa(3, 0, 2)])[0] == right


VERSION_89 = LEAF.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x58", 1)


@pytest.mark.parametrize(
    "chain",
    [[], [b""], [b"no certificate"], [LEAF.der[:-1]], [LEAF.der, b"x"], [VERSION_89]],
    ids=["none", "empty", "text", "cut", "rubbish behind", "version 89"],
)
def test_chains_that_are_none(chain: list[bytes]) -> None:
    with pytest.raises(NoMatch):
        check([OTHER.tlsa(3), ROOT.tlsa(2)], chain, HOST, NOW)


@given(
    st.lists(st.one_of(st.binary(max_size=200), st.integers(0, 700).map(lambda at: _bent(LEAF.der, at))), max_size=4)
)
def test_whatever_a_server_shows(chain: list[bytes]) -> None:
    with pytest.raises(NoMatch):
        check([OTHER.tlsa(3), ROOT.tlsa(2)], chain, HOST, datetime.datetime.now(datetime.UTC))


def _bent(der: bytes, at: int) -> bytes:
    at %= len(der)
    return der[:at] + bytes([der[at] ^ 0x41]) + der[at + 1 :]
