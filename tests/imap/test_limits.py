"""What a client may not do: sizes, borders, states, TLS.  AUTH attack rows 2, 26–28, 30; issue 2, "Bad input"."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest

from courriel.base.errors import Damaged, Unavailable
from courriel.imap import replies
from courriel.imap.server import ImapService
from courriel.imap.settings import ImapSettings
from courriel.model import refusals
from courriel.net.tls import client_context, private_authority, server_context
from tests.dialogues.runner import MemoryLink, SocketLink
from tests.imap.house import House, listening, make_house

LOGIN = b"a LOGIN alice secret\r\n"


async def talk(house: House, sent: bytes, chunk: int = 0) -> bytes:
    """All the server says to ``sent`` (and to the end of input behind it)."""
    link = MemoryLink(house.service)
    step = chunk or len(sent)
    for at in range(0, len(sent), step):
        link.send(sent[at : at + step])
        await asyncio.sleep(0)
    link.eof()
    lines = []
    while (line := await link.line()) is not None:
        lines.append(line)
    return b"".join(lines)


def say(sent: bytes, settings: ImapSettings | None = None) -> bytes:
    async def main() -> bytes:
        return await talk(await make_house(settings=settings), sent)

    return asyncio.run(main())


BEFORE_LOGIN = [
    pytest.param(b"a LOGIN {999999999+}\r\n", b"a BAD [TOOBIG]", True, id="giant-nonsync-literal"),
    pytest.param(b"a LOGIN {999999999}\r\nb NOOP\r\n", b"a BAD [TOOBIG]", False, id="giant-literal-is-refused"),
    pytest.param(b"a LOGIN {4097}\r\nb NOOP\r\n", b"a BAD [TOOBIG]", False, id="literal-minus"),
    pytest.param(b"a LOGIN {99999999999999999999999999}\r\n", b"a BAD", False, id="number-without-end"),
    pytest.param(b"a LOGIN " + b"(" * 10_000 + b"\r\n", b"* BYE", True, id="parentheses"),
    pytest.param(b"a LOGIN " + b"(" * 5_000 + b"\r\n", b"a BAD", False, id="parentheses-in-a-line"),
    pytest.param(b"x" * 9_000, b"* BYE", True, id="line-without-end"),
    pytest.param(b'a LOGIN "al\0ice" secret\r\n', b"a BAD", False, id="nul-in-quoted"),
    pytest.param(b"a LOGIN {3}\r\na\0b secret\r\n", b"a NO [AUTHENTICATIONFAILED]", False, id="nul-in-literal"),
    pytest.param(b"a LOGIN \xff\xfe secret\r\n", b"a BAD", False, id="8-bit-atom"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"* BYE", True, id="http"),
    pytest.param(b"a SELECT INBOX\r\n", b"a BAD Not in this state", False, id="wrong-state"),
    pytest.param(b"a FETCH 1 FLAGS\r\n", b"a BAD", False, id="fetch-before-login"),
    pytest.param(b"+ NOOP\r\n", b"* BAD", False, id="tag"),
    pytest.param(b"\r\n", b"* BAD", False, id="empty-line"),
    pytest.param(b"a\r\n", b"a BAD", False, id="tag-only"),
    pytest.param(b"a AUTHENTICATE PLAIN !!!\r\n", b"a BAD", False, id="bad-base64"),
    pytest.param(b"a AUTHENTICATE NTLM\r\n", b"a NO [CANNOT]", False, id="unknown-mechanism"),
    pytest.param(b"a AUTHENTICATE PLAIN\r\n*\r\n", b"a BAD", False, id="taken-back"),
    pytest.param(b"a NOOP\r\n" * 1, b"a OK", False, id="noop"),
    pytest.param(b"x\r\n" * 5, b"* BYE Too many bad commands", True, id="bad-commands"),
    pytest.param(b"a LOGIN alice no\r\n" * 3, b"* BYE Too many failed logins", True, id="failed-logins"),
]


@pytest.mark.parametrize(("sent", "answer", "closes"), BEFORE_LOGIN)
def test_before_login(sent: bytes, answer: bytes, closes: bool) -> None:
    said = say(sent + b"\r\nzz CAPABILITY\r\n" if not sent.endswith(b"\n") else sent + b"zz CAPABILITY\r\n")
    assert b"\r\n" + answer in said
    assert (b"zz OK" in said) is not closes, said


AFTER_LOGIN = [
    pytest.param(b"b APPEND INBOX {50000001}\r\nc NOOP\r\n", b"b NO [TOOBIG]", id="append-limit"),
    pytest.param(b"b SEARCH " + b"OR " * 10_000 + b"ALL\r\n", b"b NO [LIMIT]", id="search-10,000-or"),
    pytest.param(b"b SEARCH " + b"(" * 5_000 + b"ALL\r\n", b"b NO [LIMIT]", id="search-depth"),
    pytest.param(b"b SEARCH " + b"NOT " * 5_000 + b"ALL\r\n", b"b NO [LIMIT]", id="search-not"),
    pytest.param(b"b SEARCH " + b"ALL " * 2_000 + b"ALL\r\n", b"b NO [LIMIT]", id="search-keys"),
    pytest.param(b"b FETCH " + b"1," * 20_000 + b"1 FLAGS\r\n", b"b NO [LIMIT]", id="set-ranges"),
    pytest.param(b"b FETCH 1 (" + b"UID " * 1_000 + b"UID)\r\n", b"b NO [LIMIT]", id="fetch-items"),
    pytest.param(b"b FETCH 0 FLAGS\r\n", b"b BAD", id="zero"),
    pytest.param(b"b FETCH 4294967296 FLAGS\r\n", b"b BAD", id="beyond-32-bits"),
    pytest.param(b"b FETCH 7 FLAGS\r\n", b"b BAD", id="no-such-seq"),
    pytest.param(b"b FETCH 1 BODY[" + b"1." * 500 + b"1]\r\n", b"b NO [LIMIT]", id="section-depth"),
    pytest.param(b"b FETCH 1 BODY[MIME]\r\n", b"b BAD", id="mime-without-part"),
    pytest.param(b"b FETCH 1 BODY[]<0.0>\r\n", b"b BAD", id="partial-zero"),
    pytest.param(b"b " + b"x" * 70_000 + b"\r\n", b"b BAD [TOOBIG]", id="long-line"),
    pytest.param(b'b LIST "" "' + b"*%" * 100 + b'x"\r\n', b"b OK", id="collapsing-wildcards"),
    pytest.param(b'b LIST "" "' + b"*a" * 100 + b'"\r\n', b"b NO [LIMIT]", id="wildcards"),
    pytest.param(b"b STORE 1 +FLAGS (" + b"k" * 129 + b")\r\n", b"b NO [LIMIT]", id="keyword-octets"),
    pytest.param(
        b"b STORE 1 +FLAGS (" + b" ".join(b"k%d" % n for n in range(58)) + b")\r\n", b"b NO [LIMIT]", id="keywords"
    ),
    pytest.param(b"b STORE 1 +FLAGS (\\Bogus)\r\n", b"b BAD", id="system-flag"),
    pytest.param(b"b CREATE ../../x\r\n", b"b NO [CANNOT]", id="traversal"),
    pytest.param(b"b CREATE a/../b\r\n", b"b NO [CANNOT]", id="traversal-inside"),
    pytest.param(b"b CREATE .\r\n", b"b NO [CANNOT]", id="dot"),
    pytest.param(b"b CREATE {3+}\r\na\0b\r\n", b"b BAD", id="nul-in-name"),
    pytest.param(b"b CREATE " + b"a" * 1_001 + b"\r\n", b"b NO [CANNOT]", id="name-octets"),
    pytest.param(b"b CREATE &AAA-\r\n", b"b BAD", id="utf7-nul"),
    pytest.param(b"b CREATE &AGE-\r\n", b"b BAD", id="utf7-not-needed"),
    pytest.param(b'b CREATE "&AOk"\r\n', b"b BAD", id="utf7-cut"),
    pytest.param(b'b CREATE "\xc3"\r\n', b"b BAD", id="utf8-cut"),
    pytest.param(b"b CREATE inbox\r\n", b"b NO [ALREADYEXISTS]", id="inbox-twin"),
    pytest.param(b"b CREATE a%b\r\n", b"b BAD", id="wildcard-atom"),
    pytest.param(b"b DELETE INBOX\r\n", b"b NO [CANNOT]", id="delete-inbox"),
    pytest.param(b"b DELETE Nowhere\r\n", b"b NO [NONEXISTENT]", id="delete-missing"),
    pytest.param(b"b RENAME Nowhere There\r\n", b"b NO [NONEXISTENT]", id="rename-missing"),
    pytest.param(b"b RENAME Sent Trash\r\n", b"b NO [ALREADYEXISTS]", id="rename-onto"),
    pytest.param(b"b COPY 1 Nowhere\r\n", b"b NO [TRYCREATE]", id="copy-trycreate"),
    pytest.param(b"b SEARCH CHARSET KLINGON SUBJECT x\r\n", b"b NO [BADCHARSET", id="charset"),
    pytest.param(b"b SEARCH ON 31-Feb-2026\r\n", b"b BAD", id="no-such-day"),
    pytest.param(b"b APPEND INBOX {0+}\r\n\r\n", b"b NO", id="empty-message"),
    pytest.param(b"b APPEND INBOX {3+}\r\na\0b\r\n", b"b NO [CANNOT]", id="nul-in-message"),
    pytest.param(b'b APPEND INBOX "99-Foo-2026 00:00:00 +0000" {1+}\r\na\r\n', b"b BAD", id="bad-date"),
    pytest.param(b"b IDLE\r\nnonsense\r\n", b"b BAD", id="idle-not-done"),
    pytest.param(b"b STATUS INBOX (BOGUS)\r\n", b"b BAD", id="status-item"),
    pytest.param(b"b UID FROB 1\r\n", b"b BAD", id="unknown-uid-verb"),
    pytest.param(b"b LOGIN alice secret\r\n", b"b BAD Not in this state", id="login-twice"),
]


@pytest.mark.parametrize(("sent", "answer"), AFTER_LOGIN)
def test_after_login_the_connection_stays_usable(sent: bytes, answer: bytes) -> None:
    async def main() -> bytes:
        house = await make_house()
        await house.deliver("alice")
        return await talk(house, LOGIN + b"s SELECT INBOX\r\n" + sent + b"zz NOOP\r\n")

    said = asyncio.run(main())
    assert b"\r\n" + answer in said, said
    assert b"zz OK" in said, said


def test_a_refused_append_that_comes_anyway_is_thrown_away() -> None:
    settings = ImapSettings(append_octets=1000)
    said = say(LOGIN + b"b APPEND INBOX {2000+}\r\n" + b"c NOOP\r\n" * 250 + b"\r\nzz NOOP\r\n", settings)
    assert b"b NO [TOOBIG]" in said
    assert b"c OK" not in said
    assert b"zz OK" in said


def test_messages_being_received_are_counted_over_all_connections() -> None:
    async def main() -> tuple[bytes, bytes]:
        house = await make_house(settings=ImapSettings(append_memory_octets=150))
        first, second = MemoryLink(house.service), MemoryLink(house.service)
        first.send(LOGIN + b"b APPEND INBOX {100}\r\n")
        second.send(LOGIN + b"b APPEND INBOX {100}\r\n")
        refused = second.waiting()
        first.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second.send(b"c APPEND INBOX {100}\r\n")
        return refused, second.waiting()

    refused, taken = asyncio.run(main())
    assert b"b NO [LIMIT]" in refused
    assert taken.endswith(b"+ OK\r\n")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_any_cut_gives_the_same_replies(chunk: int) -> None:
    sent = (
        LOGIN
        + b"b CREATE {4}\r\nWork\r\nc APPEND Work {12+}\r\nSubject: x\r\n NOOP\r\nd SELECT Work\r\n"
        + b"e FETCH 1 (FLAGS BODY[HEADER.FIELDS ({7+}\r\nSubject)])\r\nf IDLE\r\nDONE\r\ng STORE 1 +FLAGS.SILENT a\r\n"
        + b"h SEARCH KEYWORD a SUBJECT {1+}\r\nx\r\ni AUTHENTICATE PLAIN\r\nj LOGOUT\r\n"
    )

    async def main(size: int) -> bytes:
        return await talk(await make_house(), sent, size)

    assert asyncio.run(main(chunk)) == asyncio.run(main(0))


def test_every_refusal_has_a_reply() -> None:
    for kind in refusals.MailRefusal.__subclasses__():
        assert replies.reply(kind("detail")).startswith(b"NO ["), kind
        assert b"detail" not in replies.reply(kind("detail"))
    assert replies.reply(Unavailable("disk")).startswith(b"NO [UNAVAILABLE]")
    assert replies.reply(Damaged("sum")).startswith(b"NO [SERVERBUG]")


def _tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    files = private_authority(tmp_path, ("localhost",), datetime.datetime.now(datetime.UTC))
    return server_context(files.server), client_context(files.ca)


def test_starttls_drops_what_came_in_clear(tmp_path: Path) -> None:
    server, client = _tls(tmp_path)

    async def main() -> list[bytes | None]:
        house = await make_house()
        house.gate.clear_text = False
        house.service = ImapService(house.store, house.gate, None, house.clock, server)
        async with listening(house) as port:
            link = await SocketLink.connect("127.0.0.1", port, client)
            said = [await link.line()]
            link.send(b"a LOGIN alice secret\r\n")
            said.append(await link.line())
            link.send(b"b STARTTLS\r\nc NOOP\r\n")  # one segment: the second is not answered, ever
            said.append(await link.line())
            await link.start_tls()
            link.send(b"d CAPABILITY\r\n")
            said += [await link.line(), await link.line()]
            link.send(b"e STARTTLS\r\nf AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n")
            said += [await link.line(), await link.line()]
            link.close()
            return said

    greeting, login, ok, capability, done, again, authenticated = (line or b"" for line in asyncio.run(main()))
    assert b"STARTTLS" in greeting
    assert b"LOGINDISABLED" in greeting
    assert login.startswith(b"a NO [PRIVACYREQUIRED]")
    assert ok.startswith(b"b OK")
    assert b"STARTTLS" not in capability
    assert b"AUTH=PLAIN" in capability
    assert done.startswith(b"d OK")
    assert again.startswith(b"e BAD")
    assert authenticated.startswith(b"f OK [CAPABILITY ")


def test_login_has_its_time() -> None:
    async def main() -> tuple[float, float, float]:
        house = await make_house(settings=ImapSettings(login_s=10.0))
        link = MemoryLink(house.service)
        loop = asyncio.get_running_loop()
        server = link._server
        link.send(b"a NOOP\r\n")
        before = server.deadline - loop.time()
        link.send(LOGIN)
        return before, server.deadline - loop.time(), server.patience_s

    before, after, patience = asyncio.run(main())
    assert before <= 10.0
    assert after > 1_800
    assert patience == ImapSettings().autologout_s


def test_a_client_that_does_not_read_gets_no_more_answers() -> None:
    """AUTH attack row 28: a hundred pipelined FETCHes of everything cost what one costs."""

    async def main() -> tuple[int, int]:
        house = await make_house()
        await house.deliver("alice", b"Subject: x\r\n\r\n" + b"y" * 300_000)
        link = MemoryLink(house.service)
        link.send(LOGIN + b"s SELECT INBOX\r\n")
        link._server.pause_writing()
        link.send(b"".join(b"f%d FETCH 1 BODY.PEEK[]\r\n" % n for n in range(100)))
        await asyncio.sleep(0)
        held = len(link.waiting())
        link._server.resume_writing()
        for _ in range(10):
            await asyncio.sleep(0)
        return held, len(link.waiting())

    held, all_of_them = asyncio.run(main())
    assert held < 1_000_000
    assert all_of_them > 30_000_000


def test_pipelined_appends_are_answered_in_order_and_each_for_itself() -> None:
    sent = LOGIN + b"s SELECT INBOX\r\n"
    for n in range(70):
        path, text = (b"INBOX", b"Subject: %d\r\n\r\n" % n) if n != 5 else (b"Nowhere", b"x")
        sent += b"m%d APPEND %b {%d+}\r\n%b\r\n" % (n, path, len(text), text)
    said = say(sent + b"f FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n")
    replies_in_order = [line for line in said.split(b"\r\n") if line.startswith(b"m")]
    assert [line.split()[0] for line in replies_in_order] == [b"m%d" % n for n in range(70)]
    assert replies_in_order[5].startswith(b"m5 NO [TRYCREATE]")
    assert all(b"OK [APPENDUID " in line for line in replies_in_order[:5] + replies_in_order[6:])
    subjects = [line for line in said.split(b"\r\n") if line.startswith(b"Subject: ")]
    assert subjects == [b"Subject: %d" % n for n in range(70) if n != 5]
