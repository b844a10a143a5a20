"""The part tree: tables, the standard library as oracle, properties.  RFC 2046 §5.1, RFC 2045 §5.2."""

from __future__ import annotations

import email
import re
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.formats.message import transfer
from courriel.formats.message.limits import MessageLimits
from courriel.formats.message.parse import Part, parse
from courriel.formats.message.structure import transfer_encoding
from tests import corpus

# (media type, body) of a leaf; (media type, [inner …]) of a multipart or message.
Tree = tuple[bytes, "bytes | list[Tree]"]


def tree(raw: bytes, part: Part) -> Tree:
    if part.message is not None:
        return part.media.full, [tree(raw, part.message)]
    if part.children:
        return part.media.full, [tree(raw, child) for child in part.children]
    return part.media.full, raw[part.body : part.end]


def mixed(boundary: bytes, body: bytes) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b" % (boundary, body)


PLAIN, MIXED, ALTERNATIVE = b"text/plain", b"multipart/mixed", b"multipart/alternative"
RFC822 = b"message/rfc822"

CASES: list[tuple[str, bytes, Tree]] = [
    (
        "RFC 2046 §5.1.1: the example, with preamble and epilogue",
        b"From: Nathaniel Borenstein <nsb@bellcore.com>\r\nMIME-Version: 1.0\r\n"
        b'Content-type: multipart/mixed; boundary="simple boundary"\r\n\r\n'
        b"This is the preamble.\r\n\r\n--simple boundary\r\n\r\n"
        b"This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.\r\n"
        b"--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n"
        b"This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n"
        b"--simple boundary--\r\n\r\nThis is the epilogue.\r\n",
        (
            MIXED,
            [
                (PLAIN, b"This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak."),
                (PLAIN, b"This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"),
            ],
        ),
    ),
    (
        "RFC 2046 §5.1.5: children of a digest are messages",
        b"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: a\r\n\r\nA\r\n--x\r\n"
        b"Content-Type: text/plain\r\n\r\nB\r\n--x--\r\n",
        (b"multipart/digest", [(RFC822, [(PLAIN, b"A")]), (PLAIN, b"B")]),
    ),
    ("RFC 2045 §5.2: no Content-Type", b"Subject: x\r\n\r\nA\r\n", (PLAIN, b"A\r\n")),
    ("RFC 2045 §5.2: a broken Content-Type", b"Content-Type: text\r\n\r\nA", (PLAIN, b"A")),
    ("LF line ends", b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nA\n--x--\n", (MIXED, [(PLAIN, b"A")])),
    ("no empty line", b"Subject: x", (PLAIN, b"")),
    ("no header", b"\r\nabc", (PLAIN, b"abc")),
    ("nothing", b"", (PLAIN, b"")),
    ("no boundary parameter", b"Content-Type: multipart/mixed\r\n\r\nA", (MIXED, b"A")),
    ("no delimiter", mixed(b"x", b"A\r\n"), (MIXED, b"A\r\n")),
    ("unclosed", mixed(b"x", b"--x\r\n\r\nA\r\nB"), (MIXED, [(PLAIN, b"A\r\nB")])),
    ("cut in the delimiter", mixed(b"x", b"--x\r\n\r\nA\r\n--x"), (MIXED, [(PLAIN, b"A")])),
    ("close at once", mixed(b"x", b"--x--\r\n"), (MIXED, b"--x--\r\n")),
    ("empty part", mixed(b"x", b"--x\r\n\r\n--x--\r\n"), (MIXED, [(PLAIN, b"")])),
    (
        "header cut by a delimiter",
        mixed(b"x", b"--x\r\nContent-Type: text/html\r\n--x\r\n\r\nA\r\n--x--\r\n"),
        (MIXED, [(b"text/html", b""), (PLAIN, b"A")]),
    ),
    ("blanks after a boundary", mixed(b"x", b"--x \t\r\n\r\nA\r\n--x-- \r\n"), (MIXED, [(PLAIN, b"A")])),
    (
        "outer boundary is a prefix of the inner",
        mixed(
            b"x",
            b"--x\r\nContent-Type: multipart/alternative; boundary=xy\r\n\r\n--xy\r\n\r\nA\r\n--xy\r\n\r\nB\r\n"
            b"--xy--\r\n\r\n--x\r\n\r\nC\r\n--x--\r\n",
        ),
        (MIXED, [(ALTERNATIVE, [(PLAIN, b"A"), (PLAIN, b"B")]), (PLAIN, b"C")]),
    ),
    (
        "inner boundary is a prefix of the outer",
        mixed(
            b"xy",
            b"--xy\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nA\r\n--x\r\n\r\nB\r\n"
            b"--x--\r\n\r\n--xy\r\n\r\nC\r\n--xy--\r\n",
        ),
        (MIXED, [(ALTERNATIVE, [(PLAIN, b"A"), (PLAIN, b"B")]), (PLAIN, b"C")]),
    ),
    (
        "the same boundary twice: the inner one goes first",
        mixed(
            b"x",
            b"--x\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\r\nA\r\n--x--\r\n\r\n"
            b"--x\r\n\r\nC\r\n--x--\r\n",
        ),
        (MIXED, [(ALTERNATIVE, [(PLAIN, b"A")]), (PLAIN, b"C")]),
    ),
    (
        "an outer delimiter ends an unclosed inner multipart",
        mixed(
            b"x",
            b"--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n\r\nA\r\n--x\r\n\r\nC\r\n--x--\r\n",
        ),
        (MIXED, [(ALTERNATIVE, [(PLAIN, b"A")]), (PLAIN, b"C")]),
    ),
    (
        "a message in a message",
        b"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nA",
        (RFC822, [(RFC822, [(PLAIN, b"A")])]),
    ),
    (
        "an inner message's header cut by a delimiter",
        mixed(b"x", b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n--x\r\n\r\nB\r\n--x--\r\n"),
        (MIXED, [(RFC822, [(PLAIN, b"")]), (PLAIN, b"B")]),
    ),
]


@pytest.mark.parametrize(("raw", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_tree(raw: bytes, expected: Tree) -> None:
    assert tree(raw, parse(raw)) == expected
    check_offsets(raw, parse(raw))


def check_offsets(raw: bytes, root: Part) -> None:
    """The promise of ``parse``: ordered offsets, children in their parents and after each other."""
    waiting = [(root, 0, len(raw))]
    while waiting:
        part, low, high = waiting.pop()
        assert low <= part.start <= part.body <= part.end <= high
        at = part.body
        for child in part.children:
            assert child.start >= at
            waiting.append((child, part.body, part.end))
            at = child.end
        if part.message is not None:
            assert (part.message.start, part.message.end) == (part.body, part.end)
            waiting.append((part.message, part.body, part.end))


# -- limits: the rest is one opaque part


def test_depth_limit_makes_an_opaque_leaf() -> None:
    raw = b"Content-Type: message/rfc822\r\n\r\n" * 5 + b"\r\nA"
    assert tree(raw, parse(raw, MessageLimits(depth=3)))[0] == RFC822
    root = parse(raw, MessageLimits(depth=3))
    assert root.message and root.message.message and root.message.message.message
    deepest = root.message.message.message
    assert (deepest.media.full, deepest.message, deepest.end) == (b"application/octet-stream", None, len(raw))


def test_parts_limit_gives_the_rest_to_one_part() -> None:
    raw = mixed(b"x", b"--x\r\n\r\nA\r\n" * 9 + b"--x--\r\n")
    root = parse(raw, MessageLimits(parts=4))
    assert [child.media.full for child in root.children] == [PLAIN, PLAIN, b"application/octet-stream"]
    assert raw[root.children[-1].start : root.children[-1].end].endswith(b"--x--\r\n")
    check_offsets(raw, root)


@pytest.mark.parametrize(
    "limits", [MessageLimits(header_octets=20), MessageLimits(header_fields=1)], ids=["octets", "fields"]
)
def test_header_limits_leave_later_fields_unread(limits: MessageLimits) -> None:
    raw = b"Subject: abcdefghijkl\r\nContent-Type: text/html\r\n\r\nA"
    root = parse(raw, limits)
    assert (root.media.full, raw[root.body : root.end]) == (PLAIN, b"A")


def test_boundary_limit() -> None:
    raw = mixed(b"x" * 11, b"--" + b"x" * 11 + b"\r\n\r\nA")
    assert not parse(raw, MessageLimits(boundary_octets=10)).children
    assert parse(raw, MessageLimits(boundary_octets=11)).children


def test_overlap_limit_ends_the_search() -> None:
    raw = mixed(b"x", b"--x\r\nContent-Type: multipart/mixed; boundary=xy\r\n\r\n" + b"--xy\r\n\r\nA\r\n" * 50)
    root = parse(raw, MessageLimits(overlap_steps=20))
    assert 0 < len(root.children[0].children) < 50
    check_offsets(raw, root)


# -- the standard library as oracle, on ordinary mail


# It keeps the blanks at line ends that RFC 2045 §6.7 (3) has us delete from quoted-printable.
BLANKS = re.compile(rb"[ \t]+(?=\r?\n|\Z)")


def oracle_tree(message: Message) -> object:
    kind = message.get_content_type()
    payload = message.get_payload()
    if isinstance(payload, list):
        return kind, [oracle_tree(part) for part in payload if isinstance(part, Message)]
    content = message.get_payload(decode=True)
    assert isinstance(content, bytes)
    return kind, BLANKS.sub(b"", content)


def our_tree(raw: bytes, part: Part) -> object:
    kind = part.media.full.decode("ascii", "surrogateescape")
    if part.message is not None:
        return kind, [our_tree(raw, part.message)]
    if part.children:
        return kind, [our_tree(raw, child) for child in part.children]
    encoding = transfer_encoding((part.fields.get(b"content-transfer-encoding") or [b""])[0]).lower()
    return kind, BLANKS.sub(b"", transfer.decode(raw[part.body : part.end], encoding))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spamassassin", "list-usrp", "list-cake", "csdmc2010"])
def test_same_tree_as_the_standard_library(name: str) -> None:
    """Of ordinary mail; the standard library's own list of defects says which is not."""
    compared = 0
    for raw in corpus.messages(name, 80):
        message = email.message_from_bytes(raw)
        if any(part.defects for part in message.walk()) or message.get_content_type() == "message/partial":
            continue
        kinds = [part.get_content_type() for part in message.walk()]
        if any(kind.startswith("message/") and kind != "message/rfc822" for kind in kinds):
            continue  # it parses delivery reports as headers
        if any("uue" in str(part.get("content-transfer-encoding")) for part in message.walk()):
            continue
        assert our_tree(raw, parse(raw)) == oracle_tree(message)
        compared += 1
    assert compared > 40


# -- properties

BOUNDARIES = st.sampled_from([b"x", b"xy", b"xyz", b"=_1", b"a b", b"--"])


@st.composite
def parts(draw: st.DrawFn, depth: int = 3) -> tuple[bytes, Tree]:
    """(header and body, the tree they mean).  Each level has a boundary of its own, some prefixes of others."""
    text = draw(st.sampled_from([b"", b"A", b"A\r\n", b"-\r\n--\r\n", b"B\r\n\r\nB"]))
    kind = draw(st.sampled_from(["leaf", "multipart", "message"])) if depth else "leaf"
    if kind == "leaf":
        return b"Content-Type: text/html\r\n\r\n" + text, (b"text/html", text)
    if kind == "message":
        raw, inner = draw(parts(depth - 1))
        return b"Content-Type: message/rfc822\r\n\r\n" + raw, (RFC822, [inner])
    boundary = b"b" * (4 - depth) if draw(st.booleans()) else b"level%d" % depth
    children = draw(st.lists(parts(depth - 1), min_size=1, max_size=3))
    delimiter = b"\r\n--" + boundary
    body = b"".join([delimiter + b"\r\n" + child for child, _ in children]) + delimiter + b"--"
    return mixed(boundary, b"pre" + body), (MIXED, [meaning for _, meaning in children])


@settings(max_examples=200, deadline=None)
@given(parts())
def test_a_built_tree_is_read_back(made: tuple[bytes, Tree]) -> None:
    raw, meaning = made
    assert tree(raw, parse(raw)) == meaning
    check_offsets(raw, parse(raw))


PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"--x", b"--xy", b"--", b"\r\n\r\n", b"A", b" ", b":", b";", b'"', b"\0", b"\xff"),
        *(b"Content-Type: multipart/mixed; boundary=x", b"Content-Type: multipart/digest; boundary=xy"),
        *(b"Content-Type: message/rfc822", b"content-type:", b"boundary="),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_anything_is_read_with_ordered_offsets(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    check_offsets(raw, parse(raw))
