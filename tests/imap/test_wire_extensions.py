"""Commands of extensions as they are read: tables of octets and values, RFC examples first."""

from __future__ import annotations

import pytest

from courriel.base.errors import FormatError
from courriel.imap.wire.plain import Compress
from courriel.imap.wire.quota import GetQuota, GetQuotaRoot, SetQuota, quota_line, root_line
from courriel.model.quota import Quota
from tests.imap.test_wire_commands import parse

READ = [
    ("COMPRESS", b" DEFLATE", (), Compress(b"DEFLATE")),  # RFC 4978 §4
    # RFC 9208 §4.1
    ("GETQUOTA", b' "!partition/sda4"', (), GetQuota(b"!partition/sda4")),
    ("GETQUOTA", b' ""', (), GetQuota(b"")),
    ("GETQUOTAROOT", b" INBOX", (), GetQuotaRoot("INBOX")),
    ("SETQUOTA", b' "" (STORAGE 512)', (), SetQuota(b"", ((b"STORAGE", 512),))),
    ("SETQUOTA", b' "" (STORAGE 1 message 9)', (), SetQuota(b"", ((b"STORAGE", 1), (b"MESSAGE", 9)))),
    ("SETQUOTA", b' "" ()', (), SetQuota(b"", ())),
]


@pytest.mark.parametrize(("verb", "arguments", "literals", "value"), READ, ids=lambda value: str(value)[:40])
def test_read(verb: str, arguments: bytes, literals: tuple[bytes, ...], value: object) -> None:
    assert parse(verb, arguments, *literals) == value


BROKEN = [
    ("COMPRESS", b""),
    ("COMPRESS", b" DEFLATE LZW"),
    ("GETQUOTA", b""),
    ("GETQUOTAROOT", b" INBOX INBOX"),
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
