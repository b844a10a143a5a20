"""Ordinary mail read by the standard library and by us.  Where the two differ and we think we are right, it says why.

The corpus lies beside the project (../shared/corpus) and is only read.
"""

from __future__ import annotations

import email
import email.header
import email.utils
import itertools
import tarfile
from collections.abc import Iterator

import pytest

from courriel.formats import dates, encoded_word
from courriel.formats.address import parse_mailbox_list
from courriel.formats.header import split_block, unfold
from tests.trial import SHARED

CORPUS = SHARED / "corpus"
ARCHIVES = ("spamassassin.tar.gz", "list-cake.tar.gz", "list-cocci.tar.gz", "csdmc2010.tar.gz", "phishing_pot.tar.gz")
MESSAGES_AN_ARCHIVE = 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the mail corpus ../shared/corpus is not here"),
]


def messages() -> Iterator[bytes]:
    for name in ARCHIVES:
        if not (CORPUS / name).exists():
            continue
        with tarfile.open(CORPUS / name) as archive:
            files = (member for member in archive if member.isfile() and 0 < member.size < 200_000)
            for member in itertools.islice(files, MESSAGES_AN_ARCHIVE):
                stream = archive.extractfile(member)
                assert stream is not None
                raw = stream.read()
                yield raw if not raw.startswith(b"From ") else raw[raw.find(b"\n") + 1 :]


def their_fields(raw: bytes) -> list[tuple[str, str]]:
    return [
        (name, str(value).replace("\r\n", "").replace("\n", "").strip(" \t\r"))
        for name, value in email.message_from_bytes(raw).raw_items()
    ]


def as_text(raw: bytes) -> str:
    return raw.decode("ascii", "surrogateescape")


@pytest.fixture(scope="module")
def sample() -> list[bytes]:
    found = list(messages())
    assert len(found) > 200
    return found


def test_same_fields(sample: list[bytes]) -> None:
    differ = 0
    for raw in sample:
        ours = [(as_text(name), as_text(value)) for name, value in split_block(raw).items()]
        if ours != their_fields(raw):
            # The library ends the header at the first line that is no field; we leave that line out and go on.
            assert ours[: len(their_fields(raw))] == their_fields(raw)
            differ += 1
    assert differ <= len(sample) // 50


def test_same_addresses(sample: list[bytes]) -> None:
    seen = differ = 0
    for raw in sample:
        block = split_block(raw)
        for name in (b"From", b"To", b"Cc", b"Reply-To"):
            for value in block.all(name):
                text = as_text(value)
                theirs = [(n, a) for n, a in email.utils.getaddresses([text]) if "@" in a]
                ours = [
                    (as_text(m.name or b""), as_text(m.local + b"@" + m.domain))
                    for m in parse_mailbox_list(value)
                    if m.domain
                ]
                seen += 1
                if [a for _, a in ours] == [a for _, a in theirs]:
                    continue
                # An unquoted name that is an address makes two of one for the library of 3.11.7.
                # We read every address that is there, once.
                differ += 1
                assert {a for _, a in ours} >= {a for _, a in theirs}, text
    assert seen > 400
    assert differ <= seen // 25


def test_same_dates(sample: list[bytes]) -> None:
    seen = 0
    for raw in sample:
        value = split_block(raw).get(b"Date")
        if value is None:
            continue
        try:
            theirs = email.utils.parsedate_to_datetime(as_text(value))
        except (ValueError, TypeError):
            continue
        ours = dates.parse(value)
        # A zone such as +9900 and a year before 1900 are the library's to believe; a zone of letters it does not
        # know, and none at all, it leaves naive where we say UTC (RFC 5322 §4.3).
        assert ours is not None, value
        assert ours.replace(tzinfo=None) == theirs.replace(tzinfo=None), value
        if theirs.tzinfo is not None:
            assert ours.utcoffset() == theirs.utcoffset(), value
        seen += 1
    assert seen > 200


def test_same_subjects(sample: list[bytes]) -> None:
    seen = differ = 0
    for raw in sample:
        value = split_block(raw).get(b"Subject")
        if value is None or not value.isascii():
            continue
        try:
            theirs = str(email.header.make_header(email.header.decode_header(as_text(value))))
        except (LookupError, UnicodeError, ValueError):
            continue
        seen += 1
        ours = encoded_word.decode(value)
        if ours != theirs:
            # The library puts a blank between a word and glued text, and drops blanks at the borders of words.
            differ += 1
            assert "".join(ours.split()) == "".join(theirs.split()), value
    assert seen > 200
    assert differ <= seen // 20


def test_folding_is_undone_alike() -> None:
    assert unfold(b" a\r\n b\n\tc\r\n") == b"a b\tc"
