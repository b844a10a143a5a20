"""Filters over real sockets: what becomes of mail, and filters that hang, hang up, flood, or talk nonsense.

The well-behaved ones are libmilter's own (``python3-milter``, OpenDKIM) where they are installed.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from courriel.milter import wire
from courriel.milter.scanner import Milters
from courriel.milter.settings import MilterSettings
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.queued import State
from courriel.model.refusals import BadMessage, FilterDeferred, FilterRefused
from courriel.model.transit import Fate, Receipt
from courriel.smtp.replies import reply_for
from tests.smtp.house import House, build

MAIL = b"From: x@y.example\r\nSubject: %b\r\n\r\nhello\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def settings(address: str, **options: object) -> MilterSettings:
    limits = {"connect_s": 2.0, "command_s": 5.0, "content_s": 5.0}
    return MilterSettings("filter", address, **{**limits, **options})  # type: ignore[arg-type]


async def accept(house: House, subject: bytes, *to: str, door: Door = Door.MX) -> Receipt:
    recipients = tuple(Recipient(Address(*one.split("@"))) for one in to or ("alice@courriel.test",))
    alice = house.directory.by_login("alice")
    assert alice is not None
    client, sender = Client("192.0.2.1", 1, "c.test", esmtp=True), Address("x", "y.example")
    content = MAIL % subject
    if door is Door.SUBMISSION:
        client = Client("192.0.2.1", 1, "c.test", esmtp=True, account=alice.id, login=alice.login)
        content = content.replace(b"x@y.example", b"alice@courriel.test")
    return await house.intake.accept(Envelope(door, client, sender, recipients), content)


def with_filters(test: Callable[[House], Awaitable[None]], *filters: MilterSettings) -> None:
    async def main() -> None:
        milters = Milters(filters, "mail.courriel.test")
        house = await build(scanner=milters)
        try:
            await test(house)
        finally:
            await milters.close()
            await house.close()

    asyncio.run(main())


# --- filters that do harm -------------------------------------------------------------------------------------------
def terms(actions: int = 0xFF, steps: int = 0) -> bytes:
    return wire.packet(b"O", struct.pack(">III", 6, actions, steps))


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def answering(*answers: bytes) -> Serve:
    """Each packet is answered by the next answer, the last one for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = [terms(), *answers]
        while True:
            try:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                packet = await reader.readexactly(length)
            except asyncio.IncompleteReadError:
                break
            if packet[:1] in b"DAKQ":
                continue
            writer.write(left[0])
            if len(left) > 1:
                left.pop(0)
        writer.close()

    return serve


async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(terms())
    while True:
        writer.write(wire.packet(b"p") * 1_000)
        await writer.drain()


HARMFUL = {
    "silence": silence,
    "hangs up": hang_up,
    "flood": flood,
    "garbage": answering(b"\xff" * 100),
    "empty packets": answering(b"\0" * 100),
    "wants what was not offered": answering(),
    "change before its time": answering(wire.packet(b"h", b"X\x001\0")),
    "changes for ever": answering(*[wire.packet(b"c")] * 9, wire.packet(b"h", b"X\x001\0") * 3_000),
    "speaks twice": answering(wire.packet(b"c") * 2),
    "silent at the end": answering(*[wire.packet(b"c")] * 9, b""),
}


async def harmed(house: House, serve: Serve, on_failure: str) -> Receipt:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    limits = {"connect_s": 0.3, "command_s": 0.3, "content_s": 0.3}
    filters = Milters([settings(f"inet:127.0.0.1:{port}", on_failure=on_failure, **limits)], "mail.courriel.test")
    house.intake._scanner = filters  # type: ignore[attr-defined]
    try:
        return await asyncio.wait_for(accept(house, b"x"), 5)
    finally:
        await filters.close()
        server.close()


@pytest.mark.parametrize("kind", HARMFUL)
def test_a_filter_cannot_hurt_us(kind: str) -> None:
    async def test(house: House) -> None:
        with pytest.raises(FilterDeferred):
            await harmed(house, HARMFUL[kind], "tempfail")
        assert await house.mail("alice") == []
        with pytest.raises(FilterRefused):
            await harmed(house, HARMFUL[kind], "reject")
        receipt = await harmed(house, HARMFUL[kind], "accept")
        assert receipt.outcomes[0].fate is Fate.DELIVERED and len(await house.mail("alice")) == 1

    with_filters(test)


def test_nobody_there_and_doors_without_a_filter() -> None:
    async def test(house: House) -> None:
        with pytest.raises(FilterDeferred) as refusal:
            await accept(house, b"x")
        assert reply_for(refusal.value).render() == b"451 4.7.1 A filter wants this message later\r\n"
        assert (await accept(house, b"x", door=Door.SUBMISSION)).outcomes[0].fate is Fate.DELIVERED

    with_filters(test, settings("unix:/nowhere/at/all", doors=frozenset({Door.MX})))


def test_what_a_filter_writes_is_judged_too() -> None:
    async def test(house: House) -> None:
        second = wire.packet(b"h", b"From\0boss@courriel.test\0") + wire.packet(b"c")
        with pytest.raises(BadMessage):
            await harmed(house, answering(*[wire.packet(b"c")] * 9, second), "accept")

    with_filters(test)


# --- libmilter's own --------------------------------------------------------------------------------------------------
FILTER = """
import sys
import Milter

class Filter(Milter.Base):
    def envfrom(self, sender, *words):
        self.subject, self.login = "", self.getsymval("{auth_authen}")
        return Milter.CONTINUE
    def header(self, name, value):
        if name == "Subject":
            self.subject = value
        return Milter.CONTINUE
    def eom(self):
        what = self.subject
        if what == "reject":
            return Milter.REJECT
        if what == "reply":
            self.setreply("550", "5.7.9", "first", "second 100%%")
            return Milter.REJECT
        if what == "later":
            return Milter.TEMPFAIL
        if what == "discard":
            return Milter.DISCARD
        if what == "quarantine":
            self.quarantine("looks odd")
        if what == "change":
            self.addheader("X-Last", "z")
            self.addheader("X-First", "login " + str(self.login) + " i " + self.getsymval("i"), 0)
            self.chgheader("Subject", 1, "changed")
            self.replacebody(b"new\\nbody\\r\\n")
            self.addrcpt("<bob@courriel.test>")
            self.delrcpt("<alice@courriel.test>")
            self.chgfrom("<other@y.example>")
        if what == "slow":
            self.progress()
        return Milter.ACCEPT

Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.CHGBODY | Milter.ADDRCPT | Milter.DELRCPT | Milter.CHGFROM
    | Milter.QUARANTINE)
Milter.runmilter("filter", sys.argv[1], 60)
"""
PYTHON = "/usr/bin/python3"


def has_libmilter() -> bool:
    probe = [PYTHON, "-c", "import Milter"]
    return Path(PYTHON).exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0


def wait_for(path: Path) -> None:
    end = time.monotonic() + 10
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
                return
            except OSError:
                assert time.monotonic() < end, f"{path} does not answer"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def libmilter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not has_libmilter():
        pytest.skip("python3-milter is not installed")
    place = tmp_path_factory.mktemp("milter")
    (place / "filter.py").write_text(FILTER)
    process = subprocess.Popen([PYTHON, str(place / "filter.py"), f"unix:{place}/sock"], stderr=subprocess.DEVNULL)
    try:
        wait_for(place / "sock")
        yield f"unix:{place}/sock"
    finally:
        process.kill()
        process.wait()


@pytest.mark.interop
@pytest.mark.parametrize("reuse", [False, True])
def test_what_a_real_filter_may_say(libmilter: str, reuse: bool) -> None:
    async def test(house: House) -> None:
        for subject, code in (
            (b"reject", b"550 5.7.1"),
            (b"later", b"451 4.7.1"),
            (b"reply", b"550-5.7.9 first\r\n550"),
        ):
            with pytest.raises((FilterRefused, FilterDeferred)) as refusal:
                await accept(house, subject)
            assert reply_for(refusal.value).render().startswith(code)
        assert (await accept(house, b"discard")).outcomes[0].fate is Fate.DISCARDED
        assert await house.mail("alice") == []
        for subject in (b"fine", b"slow", b"fine"):
            await accept(house, subject)
        assert len(await house.mail("alice")) == 3

    with_filters(test, settings(libmilter, reuse=reuse))


@pytest.mark.interop
def test_what_a_real_filter_may_change(libmilter: str) -> None:
    async def test(house: House) -> None:
        receipt = await accept(house, b"change", door=Door.SUBMISSION)
        [mail] = await house.mail("bob")
        assert await house.mail("alice") == [] and mail.startswith(b"Return-Path: <other@y.example>\r\n")
        assert b"X-First: login alice@courriel.test i %b\r\nDate:" % receipt.id.encode() in mail
        assert b"Subject: changed\r\nX-Last: z\r\n\r\nnew\r\nbody\r\n" in mail

    with_filters(test, settings(libmilter))


@pytest.mark.interop
def test_quarantine_is_junk_here_and_held_elsewhere(libmilter: str) -> None:
    async def test(house: House) -> None:
        await accept(house, b"quarantine", "alice@courriel.test", "z@far.test", door=Door.SUBMISSION)
        assert await house.mail("alice") == [] and len(await house.mail("alice", "Junk")) == 1
        [entry] = await house.queue.entries()
        assert entry.progress[0].state is State.HELD and "looks odd" in entry.message.reason

    with_filters(test, settings(libmilter))


@pytest.mark.interop
def test_opendkim_signs(tmp_path: Path) -> None:
    if shutil.which("opendkim") is None or shutil.which("openssl") is None:
        pytest.skip("opendkim is not installed")
    key, sock = tmp_path / "key.pem", tmp_path / "sock"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    conf = tmp_path / "opendkim.conf"
    conf.write_text("RequireSafeKeys no\n")
    words = ["opendkim", "-f", "-x", str(conf), "-b", "s", "-d", "courriel.test", "-s", "sel", "-k", str(key)]
    process = subprocess.Popen([*words, "-p", f"local:{sock}"], stderr=subprocess.DEVNULL)

    async def test(house: House) -> None:
        for _ in range(3):
            await accept(house, b"sign me", "bob@courriel.test", door=Door.SUBMISSION)
        mails = await house.mail("bob")
        assert len(mails) == 3 and all(b"DKIM-Signature: v=1; a=rsa-sha256;" in mail for mail in mails)
        assert all(b"d=courriel.test; s=sel;" in mail for mail in mails)

    try:
        wait_for(sock)
        with_filters(test, settings(f"unix:{sock}"))
    finally:
        process.kill()
        process.wait()
