"""Fuzz targets for IMAP: any octets give a value or a FormatError, and whoever is logged in may say anything.

Each ``fuzz_*`` takes octets, so that a coverage-guided fuzzer can drive it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.imap.verbs import VERBS
from courriel.imap.wire import list as wire_list
from courriel.imap.wire import sets, url
from courriel.imap.wire.fragments import Announced, Command, Event, Fragments
from courriel.imap.wire.grammar import Reader
from courriel.model.mailbox import canonical_path
from courriel.model.rights import ALL, RightsChange
from courriel.net.deflate import FREE_OCTETS, RATIO, Deflate
from tests.dialogues.runner import MemoryLink
from tests.imap.house import make_house

LINE_OCTETS = 4_096


def fuzz_parsers(data: bytes) -> None:
    """Every parser on the same arguments, with literals to take where they are announced."""
    command = Command(b" " + data, (b"Caf\xc3\xa9", b"&bad", b"From: a@b\r\n\r\n\0"))
    for verb in VERBS.values():
        for utf8 in (False, True):
            # StopIteration: more literals announced than there are, which borders never let through.
            with contextlib.suppress(FormatError, StopIteration):
                verb.parse(command, 0, utf8)


def fuzz_sets(data: bytes) -> None:
    """What is read is rendered again as the same numbers."""
    try:
        numbers = sets.read(Reader(Command(data)))
    except FormatError:
        return
    for low, high in sets.merged(numbers, 9):
        assert 0 < low <= high
    if all(high - low < 1000 for low, high in sets.merged(numbers, 9)):
        full = [one for low, high in sets.merged(numbers, 9) for one in range(low, high + 1)]
        again = sets.parse(sets.render(full)) if full else numbers
        assert [one for low, high in sets.merged(again, 9) for one in range(low, high + 1)] == full


def events(data: bytes, cuts: list[int]) -> list[Event]:
    """What the borders say of ``data`` when it comes in pieces; literals up to 100 octets are taken."""
    fragments = Fragments(LINE_OCTETS)
    found: list[Event] = []
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        fragments.feed(data[start:end])
        while (event := fragments.next()) is not None:
            found.append(event)
            if isinstance(event, Announced):
                if event.octets <= 100:
                    fragments.accept()
                else:
                    fragments.skip(comes=not event.waits)
        assert len(fragments.buffer) <= 2 * LINE_OCTETS + end - start
    return found


def fuzz_fragments(data: bytes) -> None:
    middle = len(data) // 2
    assert events(data, []) == events(data, [middle]) == events(data, list(range(len(data))))


def fuzz_patterns(data: bytes) -> None:
    pattern, _, path = data.decode("latin-1").partition("\n")
    with contextlib.suppress(FormatError):
        matches = wire_list.Matcher((pattern,))
        assert matches(path) == matches(path)


def fuzz_session(data: bytes) -> None:
    """One who is logged in and has a mailbox says anything: the server answers, and never finds a bug in itself."""

    async def main() -> None:
        house = await make_house()
        await house.deliver("alice")
        bob = house.gate.accounts["bob"].id
        shared = await house.store.mailbox(bob, "INBOX")
        await house.store.change_rights(bob, shared.id, "anyone", RightsChange(0, ALL))
        link = MemoryLink(house.service)
        link.send(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n")
        for number, line in enumerate(data.split(b"\n")[:10]):
            link.send(b"t%d %b\r\n" % (number, line.rstrip(b"\r")))
        for _ in range(20):
            await asyncio.sleep(0)
        said = link.waiting()
        assert b"SERVERBUG" not in said
        assert b"b OK" in said
        link.close()
        await asyncio.sleep(0)

    asyncio.run(main())


def fuzz_urls(data: bytes) -> None:
    """Whatever a URL says, it names a mailbox that could be here, or is refused."""
    for text in (data, b"/INBOX/;UID=1" + data, b"/" + data + b"/;UID=1", b"/a/;UID=1/;SECTION=" + data):
        with contextlib.suppress(FormatError):
            assert canonical_path(url.parse(text).path)


def fuzz_inflating(data: bytes) -> None:
    """Any octets: pieces of bounded size, or a refusal, never more than there may be."""
    deflate, made = Deflate(), 0
    deflate.feed(data)
    with contextlib.suppress(FormatError):
        while deflate.waiting:
            made += len(deflate.take())
    assert made <= FREE_OCTETS + RATIO * len(data)


TARGETS: tuple[Callable[[bytes], None], ...] = (
    fuzz_parsers,
    fuzz_sets,
    fuzz_fragments,
    fuzz_patterns,
    fuzz_urls,
    fuzz_inflating,
)

VERB = st.sampled_from([name for name in VERBS if name not in (b"LOGOUT", b"IDLE")])
SET = st.sampled_from(b"1 1:* 2,1 * $ 4294967295 0 1:1000000".split())
FLAG = st.sampled_from(b"(\\Seen $k) \\Deleted () (\\Recent) $k".split())
ITEM = st.sampled_from(
    b"FLAGS UID MODSEQ BODY[] BODY.PEEK[1.2.HEADER] BODY[HEADER.FIELDS(To)]<0.9> BINARY[1] BINARY.SIZE[1] BODY".split()
    + b"ENVELOPE PREVIEW BODYSTRUCTURE RFC822 RFC822.HEADER SAVEDATE EMAILID THREADID INTERNALDATE BODY[1.MIME]".split()
)
NAME = st.sampled_from(
    [
        *b"INBOX nowhere Public/x Public inbox/sub &AOQ- &bad Archive a/b/c \xff % * {3+} ~{2+} NIL".split(),
        b'""',
        b'"\\"',
        b'"Other Users/bob/INBOX"',
    ]
)
WHO = st.sampled_from([*b"anyone alice bob -bob @courriel.test - nobody {3+}".split(), b'""', b'"\xc3\xa9"'])
KEY = st.sampled_from(
    [
        b"OR SEEN SUBJECT x",
        b"NOT (SEEN)",
        b"SINCE 1-Jan-2026",
        b"MODSEQ 1",
        b"YOUNGER 5",
        b"KEYWORD $k",
        b"UID 1:*",
        b"SENTON 1-Jan-2026",
        b"HEADER X {3+}",
        b"BODY hello",
        b"TEXT x",
        b"EMAILID M1",
        b"THREADID T1",
        b"1:*",
        b"$",
        b"RECENT",
        b"LARGER 1",
        b"SAVEDSINCE 1-Jan-2026",
        b"SAVEDATESUPPORTED",
        b"RETURN (SAVE)",
        b"CHARSET utf-8 ALL",
    ]
)
WORDS = st.one_of(VERB, SET, FLAG, ITEM, NAME, KEY, st.sampled_from(b'( ) [ ] " \\ UID RETURN (1 \0 (()'.split()))


def command(*parts: st.SearchStrategy[bytes] | bytes) -> st.SearchStrategy[bytes]:
    """Parts with a space between."""
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts)).map(b" ".join)


UID = st.sampled_from([b"UID FETCH", b"FETCH"])
ORDER = st.sampled_from([b"(DATE)", b"(REVERSE SUBJECT CC)", b"(DISPLAYFROM SIZE)", b"(REVERSE)", b"()"])
COMMANDS = st.one_of(
    command(UID, SET, st.lists(ITEM, min_size=1, max_size=4).map(lambda items: b"(%b)" % b" ".join(items))),
    command(UID, SET, ITEM, st.sampled_from([b"(CHANGEDSINCE 1)", b"(CHANGEDSINCE 1 VANISHED)"])),
    command(st.sampled_from([b"STORE", b"UID STORE"]), SET, st.sampled_from([b"FLAGS", b"+FLAGS.SILENT"]), FLAG),
    command(b"STORE", SET, b"(UNCHANGEDSINCE 0)", b"-FLAGS", FLAG),
    command(st.sampled_from([b"SEARCH", b"UID SEARCH", b"SEARCH RETURN (MIN MAX SAVE)"]), KEY, KEY),
    command(st.sampled_from([b"SORT", b"UID SORT RETURN (UPDATE PARTIAL -1:-9)"]), ORDER, b"UTF-8", KEY, KEY),
    command(b"UID THREAD", st.sampled_from([b"REFERENCES", b"ORDEREDSUBJECT", b"REFS", b"X"]), b"UTF-8", KEY),
    command(b"ESEARCH IN (personal subtree", NAME, b") RETURN (MIN PARTIAL 1:2)", KEY),
    command(b"SEARCH RETURN (UPDATE CONTEXT)", KEY),
    command(b"SEARCH RETURN (COUNT UPDATE", ITEM.map(lambda item: b"(UID %b))" % item), KEY),
    command(b"CANCELUPDATE", st.sampled_from([b'"t"', b'"x" "y"', b"t", b""])),
    command(st.sampled_from([b"COPY", b"MOVE", b"UID COPY", b"UID MOVE"]), SET, NAME),
    command(st.sampled_from([b"CREATE", b"DELETE", b"SELECT", b"EXAMINE", b"SUBSCRIBE", b"UNSUBSCRIBE"]), NAME),
    command(b"RENAME", NAME, NAME),
    command(b"SETACL", NAME, WHO, st.sampled_from([b"lrs", b"+kxa", b"-d", b'""', b"q", b"\xff"])),
    command(st.sampled_from([b"DELETEACL", b"LISTRIGHTS"]), NAME, WHO),
    command(st.sampled_from([b"GETACL", b"MYRIGHTS"]), NAME),
    command(b"SETMETADATA", NAME, st.sampled_from([b'(/private/a "x")', b"(/shared/b NIL)", b"(/x y)"])),
    command(b"GETMETADATA (DEPTH 1 MAXSIZE 2)", NAME, st.sampled_from([b"/private", b"(/private/a /shared)"])),
    command(
        b"NOTIFY SET STATUS",
        st.sampled_from(
            [b"(SELECTED (MessageNew (UID BODY[]) MessageExpunge FlagChange))", b"(SELECTED-DELAYED NONE)"]
        ),
        st.sampled_from(
            [b"(PERSONAL (MessageNew MessageExpunge MailboxName))", b"(SUBTREE INBOX (SubscriptionChange))"]
        ),
    ),
    command(st.sampled_from([b"REPLACE", b"UID REPLACE"]), SET, NAME, b'CATENATE (URL "/INBOX/;UID=1")'),
    command(b"GETQUOTAROOT", NAME),
    command(st.sampled_from([b"LIST", b"LSUB", b"LIST (SUBSCRIBED RECURSIVEMATCH)"]), NAME, NAME),
    command(b"LIST", NAME, NAME, b"RETURN (STATUS (UNSEEN HIGHESTMODSEQ RECENT) SUBSCRIBED)"),
    command(b"SELECT", NAME, st.sampled_from([b"(CONDSTORE)", b"(QRESYNC (1800000000 1 1:9 (1 1)))"])),
    command(b"APPEND", NAME, FLAG, st.sampled_from([b"{3+}", b"{0+}", b"~{5+}", b"{99999999999+}"])),
    st.sampled_from([b"ENABLE QRESYNC IMAP4rev2", b"EXPUNGE", b"UID EXPUNGE 1:*", b"CLOSE", b"NOOP", b"UNSELECT"]),
    st.lists(WORDS, min_size=1, max_size=6).map(b" ".join),
)
OCTETS = st.one_of(COMMANDS, st.binary(max_size=200), st.lists(WORDS, max_size=30).map(b"".join))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_fuzz(target: Callable[[bytes], None]) -> None:
    @settings(max_examples=200, deadline=None)
    @given(OCTETS)
    @example(b"(" * 10_000)
    @example(b"SEARCH " + b"NOT " * 5_000)
    @example(b"1," * 20_000)
    @example(b"%*" * 2_000 + b"\n" + b"a" * 2_000)
    @example(b"a {99999999999999999999+}\r\nb {3}\r\nabc {2+}\r\nxy\r\n")
    def run(data: bytes) -> None:
        target(data)

    run()


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=8).map(b"\n".join))
def test_fuzz_session(data: bytes) -> None:
    fuzz_session(data)
