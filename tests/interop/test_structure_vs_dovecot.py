"""ENVELOPE, BODYSTRUCTURE and BODY sections against Debian's Dovecot, byte for byte, on public mail.

Dovecot's ``imap`` binary is run by itself over a pipe (it then says PREAUTH), so no port, no daemon and no
password are needed; only root can start it here, because it drops to ``nobody``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.formats.message.canonical import to_crlf
from courriel.formats.message.index import Node, unpack
from courriel.formats.message.media import Kind
from courriel.formats.message.section import Section, SectionKind, extract
from courriel.formats.message.structure import body_form
from courriel.formats.message.summary import summarise
from tests import corpus
from tests.trial import SHARED

pytestmark = [pytest.mark.interop, pytest.mark.slow]

IMAP = Path("/usr/lib/dovecot/imap")
CONFIG = """\
base_dir = {home}/run
state_dir = {home}/state
mail_location = maildir:{home}/Maildir
log_path = {home}/log
mail_fsync = never
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 0
first_valid_gid = 0
"""
LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class Dovecot:
    """One preauthenticated session; messages go into INBOX and are asked about by number."""

    def __init__(self, home: Path) -> None:
        for name in ("run", "state", "Maildir/cur", "Maildir/new", "Maildir/tmp"):
            (home / name).mkdir(parents=True)
        config = home / "dovecot.conf"
        config.write_text(CONFIG.format(home=home))
        for path in (home, *home.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
        self.process = subprocess.Popen(
            [str(IMAP), "-c", str(config)],
            env={"USER": "nobody", "HOME": str(home), "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.serial = self.messages = 0
        self.read()
        self.ask(b"SELECT INBOX")

    def read(self) -> bytes:
        """One response, its literals included."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        whole = line
        while found := LITERAL.search(line):
            octets = self.process.stdout.read(int(found[1]))
            line = self.process.stdout.readline()
            whole += octets + line
        return whole

    def ask(self, command: bytes, literal: bytes | None = None) -> list[bytes]:
        """The untagged responses; the tagged one must say OK (or the command is refused)."""
        assert self.process.stdin is not None
        self.serial += 1
        tag = b"t%d" % self.serial
        tail = b"" if literal is None else b" {%d+}\r\n%b" % (len(literal), literal)
        self.process.stdin.write(tag + b" " + command + tail + b"\r\n")
        self.process.stdin.flush()
        untagged: list[bytes] = []
        while not (line := self.read()).startswith(tag + b" "):
            if not line:
                raise RuntimeError("dovecot hung up")
            untagged.append(line)
        if not line.startswith(tag + b" OK"):
            raise RuntimeError(line.decode("latin-1"))
        return untagged

    def load(self, raws: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """Put messages in; each with its sequence number."""
        for raw in raws:
            self.append(raw)
            self.messages += 1
            yield self.messages, raw

    def append(self, raw: bytes) -> None:
        self.ask(b"APPEND INBOX", raw)

    def fetch(self, number: int, item: bytes) -> bytes:
        """The value of one FETCH item as it stood on the wire."""
        for line in self.ask(b"FETCH %d %b" % (number, item)):
            head, _, rest = line.partition(b" FETCH (")
            if head == b"* %d" % number:
                return rest[rest.index(b" ", rest.find(b"]") + 1 if b"[" in rest[:8] else 0) + 1 : -3]
        raise RuntimeError("no answer")

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    if not IMAP.exists():
        pytest.skip("Debian's dovecot-imapd is not installed")
    if os.getuid() != 0:
        pytest.skip("Dovecot's imap must be started by root to drop to nobody")
    # Not below pytest's own directory: only root can enter that one.
    with tempfile.TemporaryDirectory(prefix="courriel-dovecot-") as home:
        session = Dovecot(Path(home))
        yield session
        session.close()


# -- comparing values, whatever form (quoted, literal) a string took

_TOKEN = re.compile(rb'[ ]*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([A-Za-z0-9]+))', re.DOTALL)
# What Dovecot writes where there is nothing; for us the empty string.
MISSING = (b"MISSING_DOMAIN", b"MISSING_MAILBOX")
Value = bytes | None | list["Value"]


def read(answer: bytes) -> Value:
    """An answer as nested lists; blanks around strings and runs of them do not count."""
    stack: list[list[Value]] = [[]]
    at = 0
    while at < len(answer):
        match = _TOKEN.match(answer, at)
        assert match is not None, answer[at : at + 80]
        at = match.end()
        opening, closing, quoted, literal, atom = match.groups()
        if opening:
            stack.append([])
        elif closing:
            inner = stack.pop()
            stack[-1].append(inner)
        elif atom is not None:
            stack[-1].append(None if atom == b"NIL" else atom)
        else:
            if quoted is not None:
                text = re.sub(rb"\\(.)", rb"\1", quoted)
            else:
                text = answer[at : at + int(literal)]
                at += int(literal)
            text = b" ".join(text.split())
            stack[-1].append(b"" if text in MISSING else text)
    assert len(stack) == 1
    return stack[0]


def lower(value: Value) -> Value:
    if isinstance(value, list):
        return [lower(inner) for inner in value]
    return None if value is None else value.lower()


# -- what is not well-formed, where readers may differ


def ordinary_header(raw: bytes, answer: bytes) -> bool:
    header = re.sub(rb"\r\n[ \t]", b" ", raw[: raw.find(b"\r\n\r\n") + 2])
    if b"MISSING_" in answer or b"SYNTAX_ERROR" in answer:
        return False  # an address without "@", or none at all
    if any(len(re.findall(rb"(?mi)^%b:" % name, header)) > 1 for name in (b"subject", b"date", b"message-id")):
        return False  # Dovecot takes the last, we the first
    addresses = re.findall(rb"(?mi)^(?:from|sender|reply-to|to|cc|bcc):(.*)$", header)
    # "a@b <a@b>" without quotes, or an encoded word inside quotes split by more quotes
    return not any(re.search(rb'@[^<,;"]*<|@[^<>,;"]*@|""|\0', value) for value in addresses)


# RFC 2045 §5.1: type "/" subtype *( ";" attribute "=" ( token / quoted-string ) )
_PARAMETERS = rb'(?:;[ \t\r\n]*[^\s;=()<>@,:\\"/\[\]?]+=(?:[^\s;=()<>@,:\\"/\[\]?]+|"[^"]*")\s*)*;?\s*'
_CONTENT_TYPE = re.compile(rb"\s*[\w.+-]+/[\w.+-]+\s*" + _PARAMETERS)
_DISPOSITION = re.compile(rb"\s*[\w.+-]+\s*" + _PARAMETERS)


def ordinary_body(raw: bytes) -> bool:
    if b"\0" in raw:
        return False
    for name, value in re.findall(rb"(?mi)^(content-type|content-disposition):([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", raw):
        pattern = _CONTENT_TYPE if name.lower() == b"content-type" else _DISPOSITION
        if not pattern.fullmatch(value) or re.search(rb'(?i)boundary="[^"]* "', value):
            return False
        if re.search(rb"(?i)message/global", value):
            return False  # RFC 9051 shows it like message/rfc822, Dovecot 2.3 does not
    return True


def samples(name: str, count: int) -> list[bytes]:
    return [raw for raw in corpus.messages(name, count) if raw]


def suite() -> list[bytes]:
    root = SHARED / "suites" / "mime"
    if not root.exists():
        pytest.skip(f"no {root}")
    paths = sorted(path for path in root.rglob("*") if path.suffix in (".eml", ".msg", ".txt") and path.is_file())
    return [raw for path in paths if (raw := to_crlf(path.read_bytes())) and b":" in raw[:200]]


def compare_structures(dovecot: Dovecot, raws: list[bytes]) -> tuple[int, int]:
    """How many envelopes and structures were compared; all of them equal."""
    envelopes = structures = 0
    for number, raw in dovecot.load(raws):
        summary = summarise(raw)
        theirs = dovecot.fetch(number, b"ENVELOPE")
        if ordinary_header(raw, theirs):
            envelopes += 1
            assert read(summary.envelope) == read(theirs), raw[:2000]
        theirs = dovecot.fetch(number, b"BODYSTRUCTURE")
        if ordinary_body(raw) and b"MISSING_" not in theirs:
            structures += 1
            # Of plain 7bit text Dovecot keeps only that it is: it shows lower case whatever was written.
            assert lower(read(summary.bodystructure)) == lower(read(theirs)), raw[:2000]
            short = dovecot.fetch(number, b"BODY")
            assert lower(read(body_form(summary.bodystructure))) == lower(read(short)), raw[:2000]
    return envelopes, structures


@pytest.mark.parametrize(
    "name", ["spamassassin", "csdmc2010", "list-usrp", "list-cake", "list-man", "phishing_pot", "enron-spam"]
)
def test_structures_of_ordinary_mail(dovecot: Dovecot, name: str) -> None:
    envelopes, structures = compare_structures(dovecot, samples(name, 60))
    assert structures >= 40
    assert envelopes >= (0 if name == "enron-spam" else 40)


def test_structures_of_the_mime_suites(dovecot: Dovecot) -> None:
    envelopes, structures = compare_structures(dovecot, suite())
    assert envelopes > 60
    assert structures > 60


def sections_of(node: Node, numbers: tuple[int, ...]) -> Iterator[Section]:
    """Every section worth asking for at and below a node that ``numbers`` name (the root: none)."""
    inside = node
    if numbers:
        yield Section(numbers)
        yield Section(numbers, SectionKind.MIME)
        if node.kind is Kind.MESSAGE and node.nodes:
            inside = node.nodes[0]
            yield Section(numbers, SectionKind.HEADER)
            yield Section(numbers, SectionKind.TEXT)
        elif node.kind is not Kind.MULTIPART:
            return
    if inside.kind is Kind.MULTIPART:
        for number, child in enumerate(inside.nodes, 1):
            yield from sections_of(child, (*numbers, number))
    else:
        yield Section((*numbers, 1))


def spelled(section: Section) -> bytes:
    words = [str(number) for number in section.numbers]
    return ".".join(words + ([section.kind.value] if section.kind.value else [])).encode()


@pytest.mark.parametrize("name", ["suite", "list-usrp", "csdmc2010", "phishing_pot"])
def test_sections(dovecot: Dovecot, name: str) -> None:
    """Octets of every part, with its header, of messages whose structure both read alike."""
    raws = suite() if name == "suite" else samples(name, 25)
    compared = 0
    for number, raw in dovecot.load(raws):
        summary = summarise(raw)
        if b"\0" in raw or not ordinary_body(raw):
            continue
        if lower(read(summary.bodystructure)) != lower(read(dovecot.fetch(number, b"BODYSTRUCTURE"))):
            continue
        for section in list(sections_of(unpack(summary.parts), ()))[:60]:
            theirs = dovecot.fetch(number, b"BODY.PEEK[%b]" % spelled(section))
            theirs = theirs[theirs.index(b"\n") + 1 :] if theirs.startswith(b"{") else theirs.strip(b'"')
            ours = extract(raw, summary.parts, 0, section)
            if section.kind in (SectionKind.MIME, SectionKind.HEADER):
                # The empty line right above a delimiter: Dovecot counts it to the delimiter, we to the header.
                ours, theirs = ours.rstrip(b"\r\n"), theirs.rstrip(b"\r\n")
            assert ours == theirs, (section, raw[:2000])
            compared += 1
    assert compared > 30


CRAFTED = [
    b'To: g: a@b, "x y" <c@d>;\r\nCc: undisclosed-recipients:;\r\nBcc: =?utf-8?q?a?= <@r,@s:q@w>\r\n\r\nhi',
    b'Subject: a"b\\c\r\nFrom: "A   \tB" <a@b>\r\nTo: A \t  B <a@b>, a@b (C D)\r\n\r\nhi',
    'Subject: é\r\nFrom: é ü <a@b>, "é\t x" <é@ü>\r\n\r\nhi'.encode(),
    b"Subject: a\r\n b\r\nIn-Reply-To: <1@2>\r\n <3@4>\r\nSender: s@t\r\nFrom: f@g\r\nFrom: h@i\r\n\r\n",
    b'Content-Type: TEXT/HTML; CHARSET=UTF-8; Format="fl\\"owed"; x*0=a; x*1=b; y*0*=utf-8\'\'a%20; y*1=c\r\n'
    b'Content-Transfer-Encoding: Quoted-Printable\r\nContent-ID: <a@b>\r\nContent-Description: a "b"\r\n'
    b'Content-MD5: abc==\r\nContent-Disposition: ATTACHMENT; filename="a b.txt"; size=3\r\n'
    b"Content-Language: en, fr-CA ,de\r\nContent-Location: http://x/y z\r\n\r\nhi\r\n",
    b"Content-Type: multipart/digest; boundary=x; foo=bar\r\nContent-Disposition: inline\r\n\r\n--x\r\n\r\n"
    b"Subject: in\r\nFrom: a@b\r\n\r\nbody\r\n--x\r\nContent-Type: text/plain\r\n\r\nq\r\n--x--\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=xy\r\n\r\n"
    b"--xy\r\n\r\nA\r\n--xy\r\n\r\nB\r\n--xy--\r\n\r\n--x\r\n\r\nC\r\n--x--\r\n",
    b"Content-Type: text/html (comment); (c) charset=(d)utf-8(e)\r\nContent-Transfer-Encoding: (c) base64\r\n\r\nx",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno delimiter",
    b"Content-Type: message/rfc822\r\n\r\nSubject: q\r\n\r\nabc\r\n",
]


def test_crafted(dovecot: Dovecot) -> None:
    for number, raw in dovecot.load(CRAFTED):
        summary = summarise(raw)
        assert read(summary.envelope) == read(dovecot.fetch(number, b"ENVELOPE"))
        assert lower(read(summary.bodystructure)) == lower(read(dovecot.fetch(number, b"BODYSTRUCTURE")))
