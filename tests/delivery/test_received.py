"""Trace fields and our names for messages.  RFC 5321 §4.4, RFC 3848 §3, RFC 6531 §4.3."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.delivery.message_id import RANDOM_OCTETS, new_id
from courriel.delivery.received import protocol, received_field, recipient_prefix
from courriel.formats.header import split_block
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.ids import AccountId

NOW = 1_792_806_838.9  # 2026-10-24 01:53:58 UTC
ALICE = Recipient(Address("alice", "courriel.test"))
BOB = Recipient(Address("bob", "courriel.test"))


def _envelope(client: Client, *recipients: Recipient, door: Door = Door.MX, smtputf8: bool = False) -> Envelope:
    return Envelope(door, client, Address("x", "y.example"), recipients, smtputf8=smtputf8)


PROTOCOLS = [
    (Door.MX, Client("192.0.2.1", 1), False, "SMTP"),
    (Door.MX, Client("192.0.2.1", 1, esmtp=True), False, "ESMTP"),
    (Door.MX, Client("192.0.2.1", 1, esmtp=True, tls="TLSv1.3"), False, "ESMTPS"),
    (Door.SUBMISSION, Client("192.0.2.1", 1, esmtp=True, account=AccountId(1)), False, "ESMTPA"),
    (Door.SUBMISSION, Client("192.0.2.1", 1, esmtp=True, tls="TLSv1.3", account=AccountId(1)), False, "ESMTPSA"),
    (Door.SUBMISSION, Client("192.0.2.1", 1, esmtp=True, tls="TLSv1.3", account=AccountId(1)), True, "UTF8SMTPSA"),
    (Door.MX, Client("192.0.2.1", 1, esmtp=True), True, "UTF8SMTP"),
    (Door.LMTP, Client("", 0, esmtp=True), False, "LMTP"),
    (Door.LMTP, Client("", 0, esmtp=True), True, "UTF8LMTP"),
]


@pytest.mark.parametrize(("door", "client", "smtputf8", "word"), PROTOCOLS)
def test_protocol_words(door: Door, client: Client, smtputf8: bool, word: str) -> None:
    assert protocol(door, client, smtputf8) == word


def test_a_field_for_one_recipient() -> None:
    client = Client("2001:db8::1", 25, "mx.example.org", esmtp=True, tls="TLSv1.3 TLS_AES_256_GCM_SHA384")
    assert received_field("mail.courriel.test", _envelope(client, ALICE), "abc", NOW) == (
        b"Received: from mx.example.org ([IPv6:2001:db8::1])\r\n"
        b"\tby mail.courriel.test with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id abc\r\n"
        b"\tfor <alice@courriel.test>; Sat, 24 Oct 2026 01:53:58 +0000\r\n"
    )


def test_recipients_do_not_learn_of_each_other() -> None:
    """RFC 5321 §7.2."""
    field = received_field("h.test", _envelope(Client("192.0.2.1", 1, "c"), ALICE, BOB), "abc", NOW)
    assert (
        b"alice" not in field and b"bob" not in field and field.endswith(b";\r\n\tSat, 24 Oct 2026 01:53:58 +0000\r\n")
    )


@pytest.mark.parametrize("helo", ["a\r\nX: y", "a (b", "a b", "", "x" * 300, "é", "[1.2.3.4", "-a", "\x1b[1m"])
def test_a_name_that_is_none_is_not_repeated(helo: str) -> None:
    """AUTH attack rows 11 and 42: what a client calls itself never shapes our fields."""
    field = received_field("h.test", _envelope(Client("192.0.2.1", 1, helo), ALICE), "abc", NOW)
    assert field.startswith(b"Received: from unknown ([192.0.2.1])\r\n\tby h.test with SMTP id abc\r\n")


@given(st.text(), st.text(min_size=1))
def test_one_field_whatever_the_client_says(helo: str, local: str) -> None:
    local = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", local) or "a"  # no forward-path holds these
    recipient = Recipient(Address(local, "courriel.test"))
    field = received_field("h.test", _envelope(Client("192.0.2.1", 1, helo), recipient), "abc", NOW)
    block = split_block(field + b"\r\n")
    assert [one.name for one in block.fields] == [b"Received"]
    assert b"\x00" not in field and field.count(b"\n") == field.count(b"\r\n") == field.count(b"\r") == 3


def test_the_prefix_quotes_what_must_be_quoted() -> None:
    prefix = recipient_prefix(Address("a b", "y.example"), Address("alice", "courriel.test"), b"Received: x\r\n")
    assert prefix == b'Return-Path: <"a b"@y.example>\r\nDelivered-To: alice@courriel.test\r\nReceived: x\r\n'
    assert recipient_prefix(Address("", ""), Address("zoé", "courriel.test"), b"").startswith(b"Return-Path: <>\r\n")


def test_names_sort_by_time_and_differ() -> None:
    early, late = new_id(NOW, b"\xff" * RANDOM_OCTETS), new_id(NOW + 0.001, b"\x00" * RANDOM_OCTETS)
    assert len(early) == len(late) == 26 and early < late
    assert new_id(NOW, b"\x00" * RANDOM_OCTETS) != new_id(NOW, b"\x00" * (RANDOM_OCTETS - 1) + b"\x01")
    assert re.fullmatch(r"[0-9a-f]{26}", early)
