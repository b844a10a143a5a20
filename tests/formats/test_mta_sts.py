"""MTA-STS records and policies: RFC 8461 §3, with its examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.mta_sts import (
    LONGEST_AGE_S,
    POLICY_OCTETS,
    Mode,
    Policy,
    parse_policy,
    policy_id,
    record_id,
    render_policy,
)

# RFC 8461 §3.2
EXAMPLE = (
    b"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\n"
    b"mx: backupmx.example.com\nmax_age: 604800\n"
)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_the_example(line_end: bytes) -> None:
    policy = parse_policy(EXAMPLE.replace(b"\n", line_end))
    assert policy == Policy(Mode.ENFORCE, ("mail.example.com", "*.example.net", "backupmx.example.com"), 604_800)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("mail.example.com", True),
        ("MAIL.example.com.", True),
        ("a.example.net", True),
        ("example.net", False),
        ("a.b.example.net", False),
        ("xmail.example.com", False),
        ("other.example.com", False),
        (".example.net", False),
    ],
)
def test_which_hosts_it_names(host: str, named: bool) -> None:
    assert parse_policy(EXAMPLE).names(host) is named


@pytest.mark.parametrize(
    ("records", "id"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),  # RFC 8461 §3.1
        ([b"v=STSv1;id=a"], "a"),
        ([b"v=spf1 -all", b"v=STSv1; id=a1; x=y"], "a1"),
        ([b"v=STSv1; id=a", b"v=STSv1; id=b"], None),
        ([b"v=STSv1"], None),
        ([b"v=STSv1; id=" + b"a" * 33], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv12; id=a"], None),
        ([b"v=stsv1; id=a"], None),
        ([b"v=STSv1; id=a; \xff=y"], None),
        ([], None),
    ],
)
def test_records(records: list[bytes], id: str | None) -> None:
    assert record_id(records) == id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"mode: none\nmax_age: 1\n",
        b"version: STSv2\nmode: none\nmax_age: 1\n",
        b"version: STSv1\nmode: strict\nmax_age: 1\nmx: a.b\n",
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        b"version: STSv1\nmode: enforce\nmx: a.b\n",
        b"version: STSv1\nmode: enforce\nmax_age: -1\nmx: a.b\n",
        b"version: STSv1\nmode: enforce\nmax_age: 99999999999\nmx: a.b\n",
        b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a..b\n",
        b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.b\n",
        b"<html>not found</html>",
        b"version: STSv1\nmode: none\nmax_age: 1\n" + b"x: y\n" * 20_000,
        b"version: STSv1\nmode: enforce\nmax_age: 1\n" + b"mx: a.b\n" * 101,
    ],
)
def test_bad_policies(raw: bytes) -> None:
    with pytest.raises(FormatError):
        parse_policy(raw)


def test_unknown_keys_and_repeated_ones() -> None:
    raw = b"version: STSv1\nmode: testing\nmode: enforce\nfuture: x\nmax_age: 9999999999\nmx: a.b\n\n"
    assert parse_policy(raw) == Policy(Mode.TESTING, ("a.b",), LONGEST_AGE_S)
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 5") == Policy(Mode.NONE, (), 5)


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: EXAMPLE + tail))
def test_any_octets(raw: bytes) -> None:
    try:
        policy = parse_policy(raw)
    except FormatError:
        return
    assert policy.mode is Mode.NONE or policy.mx
    assert len(raw) <= POLICY_OCTETS


@given(
    st.sampled_from(Mode),
    st.lists(st.sampled_from(["mx.example.org", "*.example.net", "b.example"]), min_size=1, unique=True),
    st.integers(0, LONGEST_AGE_S),
)
def test_what_is_written_is_what_is_read(mode: Mode, mx: list[str], age: int) -> None:
    policy = Policy(mode, tuple(mx), age)
    assert parse_policy(render_policy(policy)) == policy
    assert record_id([f"v=STSv1; id={policy_id(policy)}".encode()]) == policy_id(policy)
    assert policy_id(policy) != policy_id(Policy(mode, tuple(mx), age + 1))
