"""Fuzz targets for the small formats: any octets give a value or a FormatError, and what is accepted comes back.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats import address, charsets, comments, dates, domain, encoded_word, header, mutf7, xtext
from courriel.formats.mailbox import maildir, mbox


def fuzz_address(data: bytes) -> None:
    for mailbox in address.parse_mailbox_list(data):
        assert isinstance(mailbox.domain, bytes)
        _ = mailbox.address, mailbox.display_name
    try:
        found = address.parse_from_strict(data)
    except FormatError:
        pass
    else:
        assert found == address.parse_mailbox_list(data)
    for smtputf8 in (False, True):
        try:
            path = address.parse_path(data, smtputf8=smtputf8)
        except FormatError:
            continue
        assert address.parse_path(path.to_smtp(), smtputf8=smtputf8) == path


def fuzz_header(data: bytes) -> None:
    block = header.split_block(data)
    assert [field.name for field in block.fields] == [name for name, _ in block.items()]
    for field, (_, value) in zip(block.fields, block.items(), strict=True):
        assert header.unfold(data[field.value_start : field.end]) == value
    _ = header.parameters(data).decoded
    comments.without_comments(data)


def fuzz_encoded_word(data: bytes) -> None:
    text = encoded_word.decode(data)
    encoded_word.decode_parameter(data)
    for raw in (
        encoded_word.encode_unstructured(text, 9),
        encoded_word.encode_phrase(text),
        encoded_word.encode_parameter(b"name", text),
    ):
        assert not {0, 0x0A, 0x0D} & set(raw.replace(b"\r\n ", b""))
    charset, _, octets = data.partition(b" ")
    charsets.decode(octets, charset).encode("utf-8")


def fuzz_date(data: bytes) -> None:
    moment = dates.parse(data)
    if moment is not None:
        assert dates.parse(dates.render(moment)) == moment
    for read in (dates.parse_internal, dates.parse_date):
        try:
            read(data)
        except FormatError:
            continue


def fuzz_mutf7(data: bytes) -> None:
    try:
        name = mutf7.decode(data)
    except FormatError:
        return
    assert mutf7.encode(name) == data


def fuzz_names(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (domain.normalise, domain.normalise_literal, maildir.parse_name, maildir.parse_folder):
        try:
            read(text)
        except FormatError:
            continue
    with contextlib.suppress(FormatError):
        assert xtext.encode(xtext.decode(data)) is not None
    for _ in mbox.read([data]):
        pass


TARGETS = [fuzz_address, fuzz_header, fuzz_encoded_word, fuzz_date, fuzz_mutf7, fuzz_names]
_SEEDS = [
    b"<",
    b">",
    b"@",
    b",",
    b";",
    b":",
    b"(",
    b")",
    b'"',
    b"\\",
    b"\r\n",
    b"\n",
    b" ",
    b"=?utf-8?q?",
    b"?=",
    b"=?",
    b"*0*=",
    b"=",
]
_SEEDS += [
    b"utf-8''",
    b"%C3",
    b"&",
    b"-",
    b"&AOk-",
    b"&2D0-",
    b"1 Jan 2020 10:00",
    b"+0100",
    b"EST",
    b"a@x.org",
    b"x",
    b"\xff",
    b"\0",
]
_SEEDS += [b"From a 1:00 2020\n", b"xn--", b"\xc3\xa9", b"[IPv6:::1]", b"utf-7 +2AD", b"a:", b"iso-2022-jp \x1b$B"]
_OCTETS = st.one_of(
    st.binary(max_size=80),
    st.lists(st.one_of(st.sampled_from(_SEEDS), st.binary(max_size=3)), max_size=16).map(b"".join),
)


@pytest.mark.parametrize("target", TARGETS)
@given(data=_OCTETS)
@settings(max_examples=200, deadline=None)
def test_any_octets(target: Callable[[bytes], None], data: bytes) -> None:
    target(data)
