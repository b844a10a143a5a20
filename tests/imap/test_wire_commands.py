"""Commands as they are read: tables of octets and values, RFC examples first.  RFC 9051 §6, §9 and extensions."""

from __future__ import annotations

from datetime import date

import pytest

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.message.section import Section, SectionKind
from courriel.imap.verbs import VERBS
from courriel.imap.wire import search as keys
from courriel.imap.wire.fetch import Attr, Content
from courriel.imap.wire.flags import FlagNames
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.list import Return as ListReturn
from courriel.imap.wire.list import Select as ListSelect
from courriel.imap.wire.mailbox import NameRefused
from courriel.imap.wire.partial import Partial
from courriel.imap.wire.plain import Authenticate, Copy, Create, Enable, Expunge, Id, Login, Path, Rename
from courriel.imap.wire.returns import Return, Returns
from courriel.imap.wire.search import Moment, UnknownCharset
from courriel.imap.wire.select import Resync, Select
from courriel.imap.wire.sets import STAR, NumberSet
from courriel.imap.wire.status import Item, Status
from courriel.imap.wire.store import Store
from courriel.model.flags import DELETED, FLAGGED, SEEN, FlagAction

ONE = NumberSet(((1, 1),))
ALL = NumberSet(((1, STAR),))


def parse(verb: str, arguments: bytes, *literals: bytes, utf8: bool = False) -> object:
    """``arguments`` as they stand behind the command's name; ``{n}`` LF marks a literal."""
    return VERBS[verb.encode()].parse(Command(arguments, literals), 0, utf8)


PLAIN = [
    # RFC 9051 §6.2.3, §6.2.2
    ("LOGIN", b" SMITH SESAME", (), Login(b"SMITH", b"SESAME")),
    ("LOGIN", b' "sm\\"ith" {6}\n', (b"SESAME",), Login(b'sm"ith', b"SESAME")),
    ("LOGIN", b" {5+}\n {7+}\n", (b"alice", b"p\xc3\xa4ss"), Login(b"alice", b"p\xc3\xa4ss")),
    ("AUTHENTICATE", b" GSSAPI", (), Authenticate("GSSAPI", None)),
    ("AUTHENTICATE", b" plain =", (), Authenticate("PLAIN", b"")),
    ("AUTHENTICATE", b" PLAIN AGEAYg==", (), Authenticate("PLAIN", b"\0a\0b")),
    ("ENABLE", b" CONDSTORE X-GOOD-IDEA", (), Enable((b"CONDSTORE", b"X-GOOD-IDEA"))),  # RFC 5161 §3.1
    # RFC 2971 §3.1
    ("ID", b' ("name" "sodr" "version" "19.34")', (), Id(((b"name", b"sodr"), (b"version", b"19.34")))),
    ("ID", b" NIL", (), Id(())),
    ("ID", b' ("name" nil)', (), Id(((b"name", None),))),
    # RFC 9051 §6.3.4: a separator at the end is a promise, not a name
    ("CREATE", b" owatagusiam/", (), Create("owatagusiam")),
    ("CREATE", b" MySent (USE (\\Drafts \\Sent))", (), Create("MySent", (b"\\drafts", b"\\sent"))),  # RFC 6154 §5.3
    ("DELETE", b" blurdybloop", (), Path("blurdybloop")),
    ("RENAME", b" INBOX old-mail", (), Rename("INBOX", "old-mail")),
    ("SUBSCRIBE", b" #news.comp.mail.mime", (), Path("#news.comp.mail.mime")),
    ("SUBSCRIBE", b" inBOX/Caf&AOk-", (), Path("INBOX/Café")),
    ("STATUS", b" blurdybloop (UIDNEXT MESSAGES)", (), Status("blurdybloop", (Item.UIDNEXT, Item.MESSAGES))),
    # RFC 9051 §6.4.7, RFC 6851 §3.3, RFC 4315 §2.1
    ("COPY", b" 2:4 MEETING", (), Copy(NumberSet(((2, 4),)), "MEETING")),
    ("UID MOVE", b" 42:69 foo", (), Copy(NumberSet(((42, 69),)), "foo")),
    ("COPY", b' $ "Other Messages"', (), Copy(NumberSet((), saved=True), "Other Messages")),  # RFC 5182 §3
    ("EXPUNGE", b"", (), Expunge()),
    ("UID EXPUNGE", b" 3000:3002", (), Expunge(NumberSet(((3000, 3002),)))),
    # RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5
    ("SELECT", b" INBOX", (), Select("INBOX")),
    ("SELECT", b" inbox (CONDSTORE)", (), Select("INBOX", condstore=True)),
    (
        "SELECT",
        b" INBOX (QRESYNC (67890007 20050715194045000))",
        (),
        Select("INBOX", False, Resync(67890007, 20050715194045000)),
    ),
    (
        "SELECT",
        b" INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))",
        (),
        Select("INBOX", False, Resync(67890007, 90060115194045000, NumberSet(((41, 211), (214, 541))))),
    ),
    (
        "SELECT",
        b" INBOX (QRESYNC (7 9 1:29997 (5000,7500 15000,22500)))",
        (),
        Select(
            "INBOX",
            False,
            Resync(
                7,
                9,
                NumberSet(((1, 29997),)),
                NumberSet(((5000, 5000), (7500, 7500))),
                NumberSet(((15000, 15000), (22500, 22500))),
            ),
        ),
    ),
    # RFC 9051 §6.4.6, RFC 7162 §3.1.3
    ("STORE", b" 2:4 +FLAGS (\\Deleted)", (), Store(NumberSet(((2, 4),)), FlagAction.ADD, FlagNames(DELETED), False)),
    ("STORE", b" 1 -flags.silent \\Seen \\FLAGGED", (), Store(ONE, FlagAction.REMOVE, FlagNames(SEEN | FLAGGED), True)),
    (
        "STORE",
        b" 1 FLAGS ($Forwarded nonjunk)",
        (),
        Store(ONE, FlagAction.REPLACE, FlagNames(0, ("$Forwarded", "nonjunk")), False),
    ),
    (
        "STORE",
        b" 1 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
        (),
        Store(ONE, FlagAction.ADD, FlagNames(DELETED), True, 320162338),
    ),
]


@pytest.mark.parametrize(("verb", "arguments", "literals", "value"), PLAIN, ids=lambda value: str(value)[:40])
def test_plain(verb: str, arguments: bytes, literals: tuple[bytes, ...], value: object) -> None:
    assert parse(verb, arguments, *literals) == value


BROKEN = [
    ("LOGIN", b""),
    ("LOGIN", b" alice"),
    ("LOGIN", b" alice secret more"),
    ("LOGIN", b' "alice secret'),
    ("LOGIN", b' "a\0b" secret'),
    ("AUTHENTICATE", b" PLAIN !!"),
    ("ENABLE", b""),
    ("ID", b' ("name")'),
    ("ID", b" (" + b'"a" "b" ' * 31 + b")"),
    ("CREATE", b" x (FOR y)"),
    ("SELECT", b" x (QRESYNC (1 1 1:*))"),  # RFC 7162 §3.2.5.1
    ("SELECT", b" x (QRESYNC (1 1 $))"),
    ("STATUS", b" x ()"),
    ("STATUS", b" x (SHOES)"),
    ("STORE", b" 1 FLAGS"),
    ("STORE", b" 1 *FLAGS (\\Seen)"),
    ("STORE", b" 1 FLAGS (\\Seen"),
    ("STORE", b" 1 FLAGS (\\NotAFlag)"),
    ("STORE", b" 0 FLAGS ()"),
    ("STORE", b" 4294967296 FLAGS ()"),
    ("STORE", b" 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()"),
    ("COPY", b" 1:2:3 x"),
    ("NOOP", b" now"),
    ("FETCH", b" 1 ()"),
    ("FETCH", b" 1 (ALL FLAGS)"),
    ("FETCH", b" 1 BODY[MIME]"),
    ("FETCH", b" 1 BODY[0]"),
    ("FETCH", b" 1 BODY[1.]"),
    ("FETCH", b" 1 BODY[HEADER.FIELDS ()]"),
    ("FETCH", b" 1 BODY[]<0.0>"),
    ("FETCH", b" 1 BODY[]<5>"),
    ("FETCH", b" 1 BINARY[1.MIME]"),
    ("FETCH", b" 1 FLAGS (SINCE 5)"),
    ("SEARCH", b" OR SEEN"),
    ("SEARCH", b" (SEEN"),
    ("SEARCH", b" ON 31-Feb-2026"),
    ("SEARCH", b" YOUNGER 0"),
    ("SEARCH", b" RETURN (SOME) ALL"),
    ("SEARCH", b" RETURN (PARTIAL) ALL"),
    ("SEARCH", b" RETURN (PARTIAL 1:-2) ALL"),
    ("SEARCH", b" RETURN (PARTIAL 0:2) ALL"),
    ("SEARCH", b" RETURN (PARTIAL 1:*) ALL"),
    ("SEARCH", b" RETURN (PARTIAL 1:2 ALL) ALL"),  # RFC 9394 §3.1
    ("SEARCH", b" RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL"),
    ("SORT", b" (DATE) UTF-8"),
    ("SORT", b" () UTF-8 ALL"),
    ("SORT", b" (REVERSE) UTF-8 ALL"),
    ("SORT", b" (REVERSE REVERSE DATE) UTF-8 ALL"),
    ("SORT", b" (COLOUR) UTF-8 ALL"),
    ("SORT", b" DATE UTF-8 ALL"),
    ("SORT", b" (DATE) ALL"),
    ("THREAD", b" REFERENCES ALL"),
    ("THREAD", b" GUESSWORK UTF-8 ALL"),
    ("LIST", b' (RECURSIVEMATCH) "" %'),  # RFC 5258 §3
    ("LIST", b' "" % RETURN (EVERYTHING)'),
    ("APPEND", b" INBOX"),
    ("APPEND", b' INBOX (\\Seen) "yesterday" {1}\n'),
]


@pytest.mark.parametrize(("verb", "arguments"), BROKEN)
def test_broken(verb: str, arguments: bytes) -> None:
    with pytest.raises(FormatError):
        parse(verb, arguments, b"x")


LIMITS = [
    ("FETCH", b" " + b"1," * 10_000 + b"1 FLAGS"),
    ("FETCH", b" 1 (" + b"FLAGS " * 501 + b"FLAGS)"),
    ("FETCH", b" 1 BODY[" + b"1." * 150 + b"1]"),
    ("FETCH", b" 1 BODY[HEADER.FIELDS (" + b"To " * 250 + b"To)]"),
    ("SEARCH", b" " + b"NOT " * 150 + b"SEEN"),
    ("SEARCH", b" " + b"(" * 150 + b"SEEN" + b")" * 150),
    ("SEARCH", b" " + b"SEEN " * 1_001 + b"SEEN"),
    ("LIST", b' "" (' + b"a " * 60 + b"a)"),
    ("STORE", b" 1 FLAGS (" + b"k" * 200 + b")"),
]


@pytest.mark.parametrize(("verb", "arguments"), LIMITS, ids=lambda value: str(value)[:30])
def test_limits(verb: str, arguments: bytes) -> None:
    with pytest.raises(LimitExceeded):
        parse(verb, arguments)


@pytest.mark.parametrize("name", [b"a//b", b'"a*b"', b'"%"', b"a/../b", b"{1}\n", b"x" * 1001, b"/" * 40])
def test_names_that_no_mailbox_can_have(name: bytes) -> None:
    """Well-formed IMAP, so NO and not BAD."""
    with pytest.raises(NameRefused):
        parse("CREATE", b" " + name, b"\x01")


FETCHES = [
    # RFC 9051 §6.4.5 and §9
    (b" 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])", (Attr.FLAGS,), (b"BODY[HEADER.FIELDS (DATE FROM)]",)),
    (b" 1 ALL", (Attr.FLAGS, Attr.INTERNALDATE, Attr.SIZE, Attr.ENVELOPE), ()),
    (b" 1 fast", (Attr.FLAGS, Attr.INTERNALDATE, Attr.SIZE), ()),
    (b" 1 FULL", (Attr.FLAGS, Attr.INTERNALDATE, Attr.SIZE, Attr.ENVELOPE, Attr.BODY), ()),
    (b" 1 (UID uid BODYSTRUCTURE RFC822.SIZE)", (Attr.UID, Attr.BODYSTRUCTURE, Attr.SIZE), ()),
    (
        b" 1 (PREVIEW (LAZY) EMAILID THREADID SAVEDATE MODSEQ)",
        (Attr.PREVIEW, Attr.EMAILID, Attr.THREADID, Attr.SAVEDATE, Attr.MODSEQ),
        (),
    ),
    (b" 1 RFC822", (), (b"RFC822",)),
]


@pytest.mark.parametrize(("arguments", "attrs", "names"), FETCHES)
def test_fetch(arguments: bytes, attrs: tuple[Attr, ...], names: tuple[bytes, ...]) -> None:
    asked = parse("FETCH", arguments)
    assert asked.items.attrs == attrs  # type: ignore[attr-defined]
    assert tuple(content.name for content in asked.items.contents) == names  # type: ignore[attr-defined]
    assert parse("FETCH", arguments) == asked, "an item list from the cache is the same"


CONTENTS = [
    (b"BODY[]", Content(b"BODY[]", Section(), peek=False)),
    (b"BODY.PEEK[1.2]", Content(b"BODY[1.2]", Section((1, 2)))),
    (b"BODY[3.HEADER]<10.20>", Content(b"BODY[3.HEADER]", Section((3,), SectionKind.HEADER), False, partial=(10, 20))),
    (b"body.peek[4.2.mime]", Content(b"BODY[4.2.MIME]", Section((4, 2), SectionKind.MIME))),
    (
        b'BODY.PEEK[HEADER.FIELDS.NOT ("X Y" to)]',
        Content(b'BODY[HEADER.FIELDS.NOT ("X Y" to)]', Section((), SectionKind.HEADER_FIELDS_NOT, (b"X Y", b"to"))),
    ),
    (b"BINARY[1]<0.5>", Content(b"BINARY[1]", Section((1,)), False, True, False, (0, 5))),
    (b"BINARY.SIZE[2]", Content(b"BINARY.SIZE[2]", Section((2,)), True, True, True)),
    (b"RFC822.HEADER", Content(b"RFC822.HEADER", Section((), SectionKind.HEADER))),
    (b"RFC822.TEXT", Content(b"RFC822.TEXT", Section((), SectionKind.TEXT), peek=False)),
]


@pytest.mark.parametrize(("item", "content"), CONTENTS)
def test_fetch_contents(item: bytes, content: Content) -> None:
    assert parse("UID FETCH", b" 1 " + item).items.contents == (content,)  # type: ignore[attr-defined]


def test_fetch_modifiers() -> None:
    """RFC 7162 §3.1.4.1, §3.2.6."""
    asked = parse("UID FETCH", b" 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)")
    assert (asked.changed_since, asked.vanished) == (12345, True)  # type: ignore[attr-defined]


SEARCHES = [
    # RFC 9051 §6.4.4
    (
        b" FLAGGED SINCE 1-Feb-1994 NOT FROM Smith",
        (),
        keys.And(
            (
                keys.HasFlag(FLAGGED),
                keys.Days(Moment.RECEIVED, date(1994, 2, 1), None),
                keys.Not(keys.InEnvelope(b"FROM", "smith")),
            )
        ),
    ),
    (b' TEXT "string not in mailbox"', (), keys.InText("string not in mailbox")),
    (b" CHARSET UTF-8 TEXT {6}\n", ("мат".encode(),), keys.InText("мат")),
    (b" CHARSET iso-8859-1 SUBJECT {4}\n", (b"caf\xe9",), keys.InEnvelope(b"SUBJECT", "café")),
    (b" 1:3,7", (), keys.Seqs(NumberSet(((1, 3), (7, 7))))),
    (b" UID $ (SEEN)", (), keys.And((keys.Uids(NumberSet((), saved=True)), keys.HasFlag(SEEN)))),
    (
        b" OR (SEEN DELETED) LARGER 5",
        (),
        keys.Or(keys.And((keys.HasFlag(SEEN), keys.HasFlag(DELETED))), keys.Larger(5)),
    ),
    (
        b' HEADER X-Spam "" UNKEYWORD $Junk',
        (),
        keys.And((keys.Header(b"X-Spam", ""), keys.Not(keys.HasKeyword("$Junk")))),
    ),
    (b' ON "31-dec-2025"', (), keys.Days(Moment.RECEIVED, date(2025, 12, 31), date(2026, 1, 1))),
    (b" SENTBEFORE 1-Jan-2026", (), keys.Days(Moment.SENT, None, date(2026, 1, 1))),
    (b" YOUNGER 259200", (), keys.Within(259200, True)),  # RFC 5032 §3
    (b' MODSEQ "/flags/\\\\draft" all 620162338', (), keys.ModSeqAtLeast(620162338)),  # RFC 7162 §3.1.5
    (b" NEW", (), keys.And((keys.IsRecent(), keys.Not(keys.HasFlag(SEEN))))),
]


@pytest.mark.parametrize(("arguments", "literals", "key"), SEARCHES, ids=lambda value: str(value)[:40])
def test_search(arguments: bytes, literals: tuple[bytes, ...], key: keys.Key) -> None:
    assert parse("SEARCH", arguments, *literals).key == key  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "returns"),
    [
        (b" ALL", None),
        (b" RETURN () ALL", {Return.ALL}),  # RFC 4731 §3.1
        (b" RETURN (MIN COUNT) ALL", {Return.MIN, Return.COUNT}),
        (b" return (save) ALL", {Return.SAVE}),
    ],
)
def test_search_returns(arguments: bytes, returns: set[Return] | None) -> None:
    expected = None if returns is None else Returns(frozenset(returns))
    assert parse("SEARCH", arguments).returns == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("option", "attrs", "contents"),
    [
        (b"UPDATE", None, None),
        (b"UPDATE (UID)", (Attr.UID,), 0),
        (b"update (UID BODY.PEEK[HEADER.FIELDS (TO FROM)] FLAGS)", (Attr.UID, Attr.FLAGS), 1),  # RFC 5465 §7
    ],
)
@pytest.mark.parametrize("form", [b" RETURN (%b COUNT) ALL", b" RETURN (COUNT %b) ALL"])
def test_what_is_wanted_of_new_results(
    form: bytes, option: bytes, attrs: tuple[Attr, ...] | None, contents: int | None
) -> None:
    returns = parse("SEARCH", form % option).returns  # type: ignore[attr-defined]
    assert returns.options == {Return.UPDATE, Return.COUNT}
    items = returns.fetch
    assert (items and items.attrs, items and len(items.contents)) == (attrs, contents)


@pytest.mark.parametrize("option", [b"UPDATE ()", b"UPDATE (ALL)", b"UPDATE (UID", b"UPDATE(UID)", b"COUNT (UID)"])
def test_what_cannot_be_wanted_of_new_results(option: bytes) -> None:
    with pytest.raises(FormatError):
        parse("SEARCH", b" RETURN (%b) ALL" % option)


PARTIALS = [
    (b"PARTIAL 1:100", Partial(1, 100)),  # RFC 9394 §3.1
    (b"PARTIAL 500:400", Partial(400, 500)),  # §4: the same as 400:500
    (b"partial -1:-100", Partial(1, 100, from_end=True)),
    (b"PARTIAL -500:-400", Partial(400, 500, from_end=True)),
]


@pytest.mark.parametrize(("option", "expected"), PARTIALS)
def test_partial(option: bytes, expected: Partial) -> None:
    returns = parse("SEARCH", b" RETURN (COUNT %b) ALL" % option).returns  # type: ignore[attr-defined]
    assert returns == Returns(frozenset({Return.COUNT}), expected)


@pytest.mark.parametrize(
    ("partial", "expected"),
    [
        (Partial(1, 2), "ab"),
        (Partial(4, 9), "de"),
        (Partial(6, 9), ""),
        (Partial(1, 2, from_end=True), "de"),
        (Partial(4, 9, from_end=True), "ab"),
        (Partial(6, 9, from_end=True), ""),
    ],
)
def test_partial_results(partial: Partial, expected: str) -> None:
    assert partial.of("abcde") == expected


def test_unknown_charset() -> None:
    with pytest.raises(UnknownCharset):
        parse("SEARCH", b" CHARSET X-KLINGON ALL")


LISTS = [
    # RFC 9051 §6.3.9: reference and pattern are joined
    (b' "" ""', ("",), set(), set(), True),
    (b" /usr/staff/ %", ("/usr/staff/%",), set(), set(), False),
    (b' "" "*"', ("*",), set(), set(), False),
    (b' "" ("INBOX" "Drafts" "Sent/%")', ("INBOX", "Drafts", "Sent/%"), set(), set(), False),
    (b' (SUBSCRIBED REMOTE) "" *', ("*",), {ListSelect.SUBSCRIBED, ListSelect.REMOTE}, set(), False),
    (b' "" % RETURN (CHILDREN SPECIAL-USE)', ("%",), set(), {ListReturn.CHILDREN, ListReturn.SPECIAL_USE}, False),
    (b' "" Caf&AOk-', ("Café",), set(), set(), False),
]


@pytest.mark.parametrize(("arguments", "patterns", "select", "returns", "root"), LISTS)
def test_list(
    arguments: bytes, patterns: tuple[str, ...], select: set[ListSelect], returns: set[ListReturn], root: bool
) -> None:
    asked = parse("LIST", arguments)
    assert (asked.patterns, asked.select, asked.returns, asked.root) == (patterns, select, returns, root)  # type: ignore[attr-defined]


def test_list_status() -> None:
    """RFC 5819 §2."""
    asked = parse("LIST", b' "" % RETURN (STATUS (MESSAGES UNSEEN))')
    assert asked.status == (Item.MESSAGES, Item.UNSEEN)  # type: ignore[attr-defined]


def test_append() -> None:
    """RFC 9051 §6.3.12, RFC 3502 §6.3.11 and RFC 3516 §4.4."""
    asked = parse("APPEND", b' saved-messages (\\Seen $k) " 7-Feb-1994 21:52:25 -0800" {3}\n ~{2}\n', b"one", b"\0b")
    first, second = asked.messages  # type: ignore[attr-defined]
    assert (first.content, first.flags, first.received_at) == (b"one", FlagNames(SEEN, ("$k",)), 760686745.0)
    assert (second.content, second.flags, second.received_at, second.literal8) == (b"\0b", FlagNames(0), None, True)


def test_utf8_names_where_they_were_enabled() -> None:
    """RFC 9051 §5.1: then ``&`` is a letter like any other."""
    assert parse("CREATE", b' "Caf\xc3\xa9 & Co"', utf8=True) == Create("Café & Co")
