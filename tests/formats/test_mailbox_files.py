"""mbox and Maildir: RFC 4155, maildir(5)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.mailbox import maildir, mbox
from courriel.formats.mailbox.maildir import MaildirName

WHEN = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
SEEN = frozenset({"\\Seen"})


def chunked(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def test_mboxo_with_flags() -> None:
    raw = (
        b"From a@b.c Thu Jan  2 03:04:05 2020\nSubject: one\nStatus: RO\nX-Status: AF\nX-Keywords: $Junk  work\n\n"
        b"body\n>From me\n\nFrom there we went on\n\n"
        b"From - Fri Jan 03 03:04:05 2020\r\nSubject: two\r\n\r\nbody\r\n"
    )
    one, two = mbox.read([raw])
    assert isinstance(one, mbox.Message) and isinstance(two, mbox.Message)
    assert (one.sender, one.received_at) == (b"a@b.c", WHEN)
    assert one.flags == {"\\Seen", "\\Answered", "\\Flagged", "$Junk", "work"}
    assert one.raw == b"Subject: one\r\n\r\nbody\r\nFrom me\r\n\r\nFrom there we went on\r\n"
    assert (two.offset, two.flags, two.raw) == (raw.index(b"From -"), frozenset(), b"Subject: two\r\n\r\nbody\r\n")


def test_content_length_is_not_trusted() -> None:
    raw = b"From a Thu Jan  2 03:04:05 2020\nContent-Length: 9999\n\nx\n\nFrom b Thu Jan  2 03:04:05 2020\n\ny\n"
    assert [found.raw for found in mbox.read([raw], crlf=False)] == [b"Content-Length: 9999\n\nx\n", b"\ny\n"]  # type: ignore[union-attr]


def test_what_is_before_the_first_line_is_no_message() -> None:
    assert list(mbox.read([b"junk\n\nFrom here\nx\n"])) == []
    assert [type(found) for found in mbox.read([b"junk\n\nFrom a Thu Jan  2 03:04:05 2020\n\nx\n"])] == [mbox.Message]
    (only,) = mbox.read([b"From nobody\nSubject: x\n\nx\n"])
    assert isinstance(only, mbox.Message) and only.received_at is None
    assert list(mbox.read([])) == list(mbox.read([b""])) == []


def test_oversized_messages_are_passed_over() -> None:
    small = mbox.render(b"a@b", WHEN, SEEN, b"Subject: x\r\n\r\nhi\r\n")
    large = mbox.render(b"a@b", WHEN, (), b"Subject: x\r\n\r\n" + b"z" * 20_000)
    stream = small + large + small
    for size in (1, 7, 4_096, 100_000):
        found = list(mbox.read(chunked(stream, size), limit=10_000))
        assert [type(one) for one in found] == [mbox.Message, mbox.Oversized, mbox.Message]
        assert [one.offset for one in found] == [0, len(small), len(small) + len(large)]
        assert found[1] == mbox.Oversized(len(small), len(large))


_LINES = st.lists(
    st.sampled_from(
        [b"", b"text", b"From x Mon Jan  1 10:00:00 2020", b">From y", b">>From ", b"From here", b"Status: R"]
    ),
    max_size=8,
)


@given(st.lists(_LINES, min_size=1, max_size=4), st.integers(1, 64))
@settings(max_examples=150)
def test_what_is_written_comes_back(bodies: list[list[bytes]], size: int) -> None:
    raws = [b"Subject: x\r\nTo: y\r\n\r\n" + b"".join(line + b"\r\n" for line in body) for body in bodies]
    flags = frozenset({"\\Seen", "\\Draft", "kw"})
    stream = b"".join(mbox.render(b"a b@c", WHEN, flags, raw) for raw in raws)
    found = list(mbox.read(chunked(stream, size)))
    assert [one.raw for one in found if isinstance(one, mbox.Message)] == raws
    for one in found:
        assert isinstance(one, mbox.Message)
        assert (one.sender, one.received_at, one.flags) == (b"ab@c", WHEN, flags)


@given(
    st.lists(st.sampled_from([b"From ", b"\n", b"\r", b"a 1:00 2020", b":", b">", b"\0"]), max_size=30).map(b"".join),
    st.integers(1, 9),
)
@settings(max_examples=150)
def test_pieces_make_no_difference(raw: bytes, size: int) -> None:
    assert list(mbox.read(chunked(raw, size))) == list(mbox.read([raw]))


def test_nothing_breaks_the_from_line() -> None:
    raw = mbox.render(b"a\r\nFrom b\0", WHEN, {"k\r\nBcc: x\0"}, b"A: 1\r\n\r\n")
    assert raw == b"From aFromb Thu Jan  2 03:04:05 2020\nA: 1\nStatus: O\nX-Keywords: kBcc:x\n\n\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [b"From ", b"\nFrom ", b"\n\nFrom ", b"12:00 ", b"\n\nFrom 1:00 ", b"\n\nFrom " + b"1:00" * 200, b"\n>"]
)
def test_mbox_floods_are_linear(piece: bytes) -> None:
    raw = piece * (1_000_000 // len(piece))
    start = time.process_time()
    for _ in mbox.read(chunked(raw, 65_536)):
        pass
    assert time.process_time() - start < 1


NAMES = [
    ("1204680122.27c448.host", MaildirName("1204680122.27c448.host")),
    ("1204680122.27c448.host:2,", MaildirName("1204680122.27c448.host")),
    ("1.M2P3.h,S=1234,W=1260:2,SRa", MaildirName("1.M2P3.h", "RSa", 1234)),
    ("1.x:2,FF", MaildirName("1.x", "F")),
    ("1.x:1,experimental", MaildirName("1.x")),
    ("1.x:", MaildirName("1.x")),
]


@pytest.mark.parametrize(("name", "value"), NAMES)
def test_file_name(name: str, value: MaildirName) -> None:
    assert maildir.parse_name(name) == value
    assert maildir.parse_name(maildir.render_name(value)) == value


def test_letters() -> None:
    flags = frozenset({"\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "other"})
    assert maildir.letters(flags) == "DFPRST"
    assert maildir.parse_name("1.x:2,DFPRSTz").flags == flags - {"other"}


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "../x", "a\0", "a\n", "a:3,S", "a:2,S/"])
def test_no_file_name(name: str) -> None:
    with pytest.raises(FormatError):
        maildir.parse_name(name)


@pytest.mark.parametrize(
    "name", [MaildirName("a/b"), MaildirName(""), MaildirName("a:2,"), MaildirName("x" * 260), MaildirName("a", "é")]
)
def test_no_name_leaves_its_directory(name: MaildirName) -> None:
    with pytest.raises(FormatError):
        maildir.render_name(name)


FOLDERS = [
    ((), ""),
    (("Sent",), ".Sent"),
    (("Lists", "a.b", "c/d"), ".Lists.a\\2eb.c\\2fd"),
    (("Entwürfe",), ".Entw&APw-rfe"),
    (("..",), ".\\2e\\2e"),
]


@pytest.mark.parametrize(("path", "name"), FOLDERS)
def test_folder(path: tuple[str, ...], name: str) -> None:
    assert (maildir.render_folder(path), maildir.parse_folder(name)) == (name, path)


def test_folder_in_utf8() -> None:
    assert maildir.parse_folder(".Entwürfe") == ("Entwürfe",)


@pytest.mark.parametrize("name", ["Sent", "..", ".a..b", ".a/b", ".\0"])
def test_no_folder(name: str) -> None:
    with pytest.raises(FormatError):
        maildir.parse_folder(name)


@given(
    st.lists(
        st.text(
            st.characters(min_codepoint=32, blacklist_categories=("Cs",), blacklist_characters="\x7f"),
            min_size=1,
            max_size=8,
        ),
        max_size=3,
    )
)
@settings(max_examples=150)
def test_folders_come_back(path: list[str]) -> None:
    name = maildir.render_folder(tuple(path))
    assert "/" not in name and not name.startswith("..")
    assert maildir.parse_folder(name) == tuple(path)
