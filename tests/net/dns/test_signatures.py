"""Which keys we take, and which signatures: what a whole answer cannot show one by one."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rrset
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from courriel.net.dns.budget import Budget
from courriel.net.dns.reading import Signed
from courriel.net.dns.signatures import DS_PER_ZONE, KEYS_PER_TAG, Keys, keys_of, named_by, usable, verify
from tests.net.dns.test_hostile import many_keys
from tests.net.dns.tree import DAY, NOW, Key

ZONE = dns.name.from_text("test.")
HOST = dns.rrset.from_text("a.test.", 600, "IN", "A", "192.0.2.1")


def rsa(bits: int, exponent: int = 65_537) -> DNSKEY:
    octets = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    modulus = (1 << bits - 1 | 1).to_bytes(bits // 8, "big")
    return DNSKEY(1, 48, 256, 3, 8, bytes([len(octets)]) + octets + modulus)


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        (rsa(1_024), True),
        (rsa(4_096), True),
        (rsa(1_016), False),
        (rsa(4_104), False),
        (rsa(16_384), False),
        (rsa(2_048, 2**32 + 1), True),
        (rsa(2_048, 2**65 + 1), False),
        (DNSKEY(1, 48, 256, 3, 8, b""), False),
        (DNSKEY(1, 48, 256, 3, 13, b"\1" * 64), False),
        (DNSKEY(1, 48, 256, 3, 15, b"\1" * 31), False),
    ],
)
def test_keys_that_would_cost_or_protect_too_little(key: DNSKEY, taken: bool) -> None:
    assert (Keys([key]).ready(key) is not None) is taken


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, 1),
        ({"flags": 256}, 1),
        ({"flags": 1}, 0),
        ({"flags": 257 | 128}, 0),
        ({"protocol": 2}, 0),
        ({"algorithm": 5}, 0),
    ],
)
def test_only_zone_keys_that_are_not_revoked_may_sign(change: dict[str, int], taken: int) -> None:
    key = Key(13).public.replace(**change)
    kept = keys_of(dns.rrset.from_rdata(ZONE, 600, key))
    assert len(kept.with_tag(dns.dnssec.key_id(key), int(key.algorithm))) == taken


def test_of_keys_with_one_tag_a_few_are_tried() -> None:
    keys = many_keys(KEYS_PER_TAG + 3)
    kept = keys_of(dns.rrset.from_rdata(ZONE, 600, *keys))
    assert len(kept.with_tag(dns.dnssec.key_id(keys[0]), 8)) == KEYS_PER_TAG


def test_a_ds_names_one_key_and_no_other() -> None:
    named, other = Key(13), Key(13)
    ds = dns.dnssec.make_ds(ZONE, named.public, "SHA384")
    keys = named_by([ds], ZONE, keys_of(dns.rrset.from_rdata(ZONE, 600, named.public, other.public)))
    assert keys.with_tag(dns.dnssec.key_id(named.public), 13) == [named.public]
    assert keys.with_tag(dns.dnssec.key_id(other.public), 13) == []


def test_of_many_ds_records_the_first_are_followed() -> None:
    key = Key(13).public
    right = dns.dnssec.make_ds(ZONE, key, "SHA256")
    wrong = [right.replace(digest=n.to_bytes(32, "big")) for n in range(DS_PER_ZONE)]
    keys = keys_of(dns.rrset.from_rdata(ZONE, 600, key))
    assert named_by([*wrong[1:], right], ZONE, keys).with_tag(right.key_tag, 13) == [key]
    assert named_by([*wrong, right], ZONE, keys).with_tag(right.key_tag, 13) == []


def test_a_ds_by_sha1_is_not_followed() -> None:
    """RFC 9905."""
    key = Key(13).public
    digests = [dns.dnssec.make_ds(ZONE, key, "SHA256"), dns.dnssec.make_ds(ZONE, key, "SHA384")]
    assert usable([*digests, digests[0].replace(digest_type=1, digest=b"\0" * 20)]) == digests


@pytest.mark.parametrize(
    ("inception", "expiration", "holds"),
    [
        (NOW - DAY, NOW + DAY, True),
        (NOW, NOW, True),
        (NOW + 1, NOW + DAY, False),
        (NOW - DAY, NOW - 1, False),
    ],
)
def test_a_signature_holds_in_its_time(inception: int, expiration: int, holds: bool) -> None:
    key = Key(13)
    signature = key.sign(HOST, ZONE, inception=inception, expiration=expiration)
    valid = verify(Signed(HOST, tuple(signature)), ZONE, Keys([key.public]), NOW, Budget())
    assert (valid is not None) is holds


def test_records_are_kept_no_longer_than_their_signature_and_first_ttl_allow() -> None:
    key = Key(13)
    signature = key.sign(HOST, ZONE, expiration=NOW + 300)
    for ttl_s, kept_s in ((600, 300), (90_000, 300), (60, 60)):
        records = dns.rrset.from_rdata_list(HOST.name, ttl_s, list(HOST))
        valid = verify(Signed(records, tuple(signature)), ZONE, Keys([key.public]), NOW, Budget())
        assert valid is not None
        assert valid.ttl_s == kept_s
