"""Commands of extensions as they are read: tables of octets and values, RFC examples first."""

from __future__ import annotations

from typing import Any

import pytest

from courriel.base.errors import FormatError
from courriel.formats.message.section import Section, SectionKind
from courriel.imap.wire import url
from courriel.imap.wire.append import Append, AppendMessage, Replace, Url
from courriel.imap.wire.fetch import Attr, Content, Items
from courriel.imap.wire.flags import FlagNames
from courriel.imap.wire.metadata import ALL_BELOW, GetMetadata, SetMetadata
from courriel.imap.wire.notify import Event, Group, Notify, Where
from courriel.imap.wire.plain import Compress
from courriel.imap.wire.quota import GetQuota, GetQuotaRoot, SetQuota, quota_line, root_line
from courriel.imap.wire.sets import NumberSet
from courriel.model.flags import DRAFT, SEEN
from courriel.model.quota import Quota
from tests.imap.test_wire_commands import parse

MY = b"My new comment across\r\ntwo lines."

NEW = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE})
FROM_TO = Section((), SectionKind.HEADER_FIELDS, (b"from", b"to"))

READ = [
    ("COMPRESS", b" DEFLATE", (), Compress(b"DEFLATE")),  # RFC 4978 §4
    # RFC 8508 §3.3, §3.6
    (
        "REPLACE",
        b" 4 Drafts (\\Seen \\Draft $MDNSent) {312}\n",
        (MY,),
        Replace(NumberSet(((4, 4),)), "Drafts", AppendMessage(MY, FlagNames(SEEN | DRAFT, ("$MDNSent",)), None, False)),
    ),
    (
        "UID REPLACE",
        b' 2000 Drafts "24-Nov-2026 05:53:58 +0100" ~{3}\n',
        (MY,),
        Replace(NumberSet(((2000, 2000),)), "Drafts", AppendMessage(MY, FlagNames(0), 1795496038.0, True)),
    ),
    # RFC 4469 §6
    (
        "APPEND",
        b' Drafts (\\Seen) CATENATE (TEXT {42}\n URL "/INBOX/;UID=20" URL /a/;UID=1/;SECTION=1.MIME)',
        (MY,),
        Append(
            "Drafts",
            (
                AppendMessage(
                    (MY, Url(b"/INBOX/;UID=20"), Url(b"/a/;UID=1/;SECTION=1.MIME")), FlagNames(SEEN), None, False
                ),
            ),
        ),
    ),
    # RFC 5465 §3.1, §6
    ("NOTIFY", b" none", (), Notify()),
    (
        "NOTIFY",
        b" set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)",
        (),
        FormatError,
    ),
    (
        "NOTIFY",
        b" set status (selected (MessageNew (uid body.peek[header.fields (from to)]) MessageExpunge))"
        b" (subtree Lists (MessageNew MessageExpunge))",
        (),
        Notify(
            (
                Group(
                    Where.SELECTED,
                    frozenset(),
                    NEW,
                    Items((Attr.UID,), (Content(b"BODY[HEADER.FIELDS (from to)]", FROM_TO),)),
                ),
                Group(Where.SUBTREE, frozenset({"Lists"}), NEW),
            ),
            status=True,
        ),
    ),
    (
        "NOTIFY",
        b' SET (mailboxes (INBOX "a b" "%") (messagenew MESSAGEEXPUNGE)) (personal (SubscriptionChange))'
        b" (selected-delayed NONE)",
        (),
        Notify(
            (
                Group(Where.MAILBOXES, frozenset({"INBOX", "a b"}), NEW),
                Group(Where.PERSONAL, frozenset(), frozenset({Event.SUBSCRIPTION})),
                Group(Where.DELAYED),
            )
        ),
    ),
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
    if value is FormatError:  # an example of the RFC that its own grammar does not allow
        with pytest.raises(FormatError):
            parse(verb, arguments, *literals)
    else:
        assert parse(verb, arguments, *literals) == value


BROKEN = [
    ("COMPRESS", b""),
    ("COMPRESS", b" DEFLATE LZW"),
    ("GETQUOTA", b""),
    ("GETQUOTAROOT", b" INBOX INBOX"),
    ("REPLACE", b" 4 Drafts"),
    ("REPLACE", b" 4:5 Drafts (x"),
    ("REPLACE", b" $ Drafts (x"),
    ("APPEND", b" x CATENATE ()"),
    ("APPEND", b" x CATENATE (TEXT x)"),
    ("APPEND", b" x CATENATE (FILE x)"),
    ("APPEND", b" x CATENATE (" + b" ".join([b"URL /a/;UID=1"] * 101) + b")"),
    ("NOTIFY", b" SET"),
    ("NOTIFY", b" SET STATUS"),
    ("NOTIFY", b" SET (PERSONAL)"),
    ("NOTIFY", b" SET (PERSONAL ())"),
    ("NOTIFY", b" SET (ALL (MailboxName))"),
    ("NOTIFY", b" SET (SUBTREE (MailboxName))"),
    ("NOTIFY", b" SET (MAILBOXES INBOX (MessageNew (UID) MessageExpunge))"),
    ("NOTIFY", b" SET" + b" (PERSONAL NONE)" * 21),
    ("NOTIFY", b" SET (MAILBOXES (" + b" ".join(b"m%d" % n for n in range(501)) + b") NONE)"),
    ("GETMETADATA", b" INBOX"),
    ("GETMETADATA", b" INBOX ()"),
    ("GETMETADATA", b" INBOX (MAXSIZE x) /private/a"),
    ("GETMETADATA", b" INBOX (SIZE 1) /private/a"),
    ("GETMETADATA", b" INBOX /private/" + b"a" * 250),
    ("GETMETADATA", b" INBOX (" + b" ".join(b"/private/%d" % n for n in range(201)) + b")"),
    ("GETMETADATA", b" INBOX comment"),
    ("GETMETADATA", b" INBOX /privates"),
    ("SETMETADATA", b" INBOX ()"),
    ("SETMETADATA", b" INBOX (" + b" ".join([b"/private/a NIL"] * 201) + b")"),
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


URLS = [
    # RFC 4469 §6, RFC 5092 §4
    (
        b"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
        ("Drafts", 385759045, 20, Section((), SectionKind.HEADER)),
    ),
    (b"/INBOX/;UID=5", ("INBOX", None, 5, Section())),
    (b"/a/b%20c/%C3%A9/;uid=7/;SECTION=1.2.MIME", ("a/b c/é", None, 7, Section((1, 2), SectionKind.MIME))),
    (
        b"/x/;UID=7/;SECTION=HEADER.FIELDS%20(To%20%22Cc%22)/;PARTIAL=3.4",
        ("x", None, 7, Section((), SectionKind.HEADER_FIELDS, (b"To", b"Cc")), (3, 4)),
    ),
    (b"/x/;UID=7/;PARTIAL=3", ("x", None, 7, Section(), (3, None))),
]


@pytest.mark.parametrize(("text", "value"), URLS)
def test_urls(text: bytes, value: tuple[Any, ...]) -> None:
    assert url.parse(text) == url.MessageUrl(*value)


NO_URLS = [
    b"imap://bob@elsewhere.test/INBOX/;UID=5",
    b"//elsewhere.test/INBOX/;UID=5",
    b"/INBOX/;UID=0",
    b"/INBOX;UID=5",
    b"/INBOX",
    b"INBOX/;UID=5",
    b"/INBOX/;UID=5/;SECTION=FOO",
    b"/INBOX/;UID=5/;SECTION=1 x",
    b"/INBOX/;UID=5;URLAUTH=anonymous:INTERNAL:00",
    b"/IN%00BOX/;UID=5",
    b"/%FF/;UID=5",
    b"/" + b"a" * 2_100 + b"/;UID=5",
]


@pytest.mark.parametrize("text", NO_URLS, ids=lambda text: text[:40].decode())
def test_no_urls(text: bytes) -> None:
    with pytest.raises(FormatError):
        url.parse(text)


def test_quota_rounds_so_that_nobody_believes_in_room_that_is_not_there() -> None:
    assert quota_line(b"", Quota(1, 2, 2_047, 9)) == b'* QUOTA "" (STORAGE 1 1 MESSAGE 2 9)\r\n'
    assert root_line("a b", [b"", b"x"], utf8=False) == b'* QUOTAROOT "a b" "" "x"\r\n'
