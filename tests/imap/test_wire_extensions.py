"""Commands of extensions as they are read: tables of octets and values, RFC examples first."""

from __future__ import annotations

import pytest

from courriel.base.errors import FormatError
from courriel.imap.wire.metadata import ALL_BELOW, GetMetadata, SetMetadata
from courriel.imap.wire.plain import Compress
from courriel.imap.wire.quota import GetQuota, GetQuotaRoot, SetQuota, quota_line, root_line
from courriel.model.quota import Quota
from tests.imap.test_wire_commands import parse

MY = b"My new comment across\r\ntwo lines."

READ = [
    ("COMPRESS", b" DEFLATE", (), Compress(b"DEFLATE")),  # RFC 4978 §4
    # RFC 9208 §4.1
    ("GETQUOTA", b' "!partition/sda4"', (), GetQuota(b"!partition/sda4")),
    ("GETQUOTA", b' ""', (), GetQuota(b"")),
    ("GETQUOTAROOT", b" INBOX", (), GetQuotaRoot("INBOX")),
    ("SETQUOTA", b' "" (STORAGE 512)', (), SetQuota(b"", ((b"STORAGE", 512),))),
    ("SETQUOTA", b' "" (STORAGE 1 message 9)', (), SetQuota(b"", ((b"STORAGE", 1), (b"MESSAGE", 9)))),
    ("SETQUOTA", b' "" ()', (), SetQuota(b"", ())),
    # RFC 5464 §4.2, §4.3
    ("GETMETADATA", b' "" /shared/comment', (), GetMetadata(None, ("/shared/comment",))),
    (
        "GETMETADATA",
        b' "INBOX" (MAXSIZE 1024) (/shared/comment /private/comment)',
        (),
        GetMetadata("INBOX", ("/shared/comment", "/private/comment"), 0, 1024),
    ),
    (
        "GETMETADATA",
        b' (DEPTH infinity) "INBOX" (/private/filters/values)',
        (),
        GetMetadata("INBOX", ("/private/filters/values",), ALL_BELOW),
    ),
    ("SETMETADATA", b" INBOX (/private/comment {33}\n)", (MY,), SetMetadata("INBOX", {"/private/comment": MY})),
    ("SETMETADATA", b" INBOX (/private/comment NIL)", (), SetMetadata("INBOX", {"/private/comment": None})),
]


@pytest.mark.parametrize(("verb", "arguments", "literals", "value"), READ, ids=lambda value: str(value)[:40])
def test_read(verb: str, arguments: bytes, literals: tuple[bytes, ...], value: object) -> None:
    assert parse(verb, arguments, *literals) == value


BROKEN = [
    ("COMPRESS", b""),
    ("COMPRESS", b" DEFLATE LZW"),
    ("GETQUOTA", b""),
    ("GETQUOTAROOT", b" INBOX INBOX"),
    ("GETMETADATA", b" INBOX"),
    ("GETMETADATA", b" INBOX ()"),
    ("GETMETADATA", b" INBOX (MAXSIZE x) /private/a"),
    ("GETMETADATA", b" INBOX (SIZE 1) /private/a"),
    ("GETMETADATA", b" INBOX /private/" + b"a" * 250),
    ("GETMETADATA", b" INBOX (" + b" ".join(b"/private/%d" % n for n in range(201)) + b")"),
    ("GETMETADATA", b" INBOX comment"),
    ("GETMETADATA", b" INBOX /privates"),
    ("SETMETADATA", b" INBOX ()"),
    ("SETMETADATA", b" INBOX (/private/a)"),
    ("SETMETADATA", b' INBOX (/private/a/ "x")'),
    ("SETQUOTA", b' "" STORAGE 512'),
    ("SETQUOTA", b' "" (STORAGE)'),
    ("SETQUOTA", b' "" (STORAGE -1)'),
    ("SETQUOTA", b' "" (' + b" ".join(b"X%d 1" % n for n in range(17)) + b")"),
]


@pytest.mark.parametrize(("verb", "arguments"), BROKEN, ids=lambda value: str(value)[:40])
def test_broken(verb: str, arguments: bytes) -> None:
    with pytest.raises(FormatError):
        parse(verb, arguments)


def test_quota_rounds_so_that_nobody_believes_in_room_that_is_not_there() -> None:
    assert quota_line(b"", Quota(1, 2, 2_047, 9)) == b'* QUOTA "" (STORAGE 1 1 MESSAGE 2 9)\r\n'
    assert root_line("a b", [b"", b"x"], utf8=False) == b'* QUOTAROOT "a b" "" "x"\r\n'
