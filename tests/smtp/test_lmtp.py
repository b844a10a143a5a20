"""LMTP, logins, and what clients hear when something behind fails."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from courriel.accounts.authenticator import GateSettings
from courriel.base.errors import CourrielError, Damaged, Unavailable
from courriel.model.envelope import Address, Client, Door, Envelope, Recipient
from courriel.model.message import NewMessage, Stored
from courriel.model.queued import Queued
from courriel.model.refusals import OverQuota, TooManyHops, TryLater
from courriel.model.transit import Fate, Outcome, Receipt
from courriel.net.listener import Listener
from courriel.store.memory.queue import MemoryQueue
from courriel.store.memory.store import MemoryStore
from tests.dialogues.runner import MemoryLink
from tests.smtp.house import build, say

EHLO, MAIL, RCPT = b"EHLO c.example\r\n", b"MAIL FROM:<x@y.example>\r\n", b"RCPT TO:<alice@courriel.test>\r\n"
CONTENT = b"DATA\r\nSubject: s\r\n\r\nhello\r\n.\r\n"
HERE = "127.0.0.1"


def _last(said: bytes) -> bytes:
    return said.split(b"\r\n")[-2]


# --- LMTP: RFC 2033 -----------------------------------------------------------------------------------------------
def test_one_answer_per_recipient() -> None:
    """§4.2: in the order of the recipients that were taken, also when one of them is full by then."""
    rcpt = b"RCPT TO:<alice@courriel.test>\r\nRCPT TO:<dave@courriel.test>\r\nRCPT TO:<nobody@courriel.test>\r\n"
    big = b"DATA\r\nSubject: s\r\n\r\n" + b"x" * 3000 + b"\r\n.\r\n"

    async def run() -> tuple[bytes, int, int]:
        house = await build()
        said = await say(house, b"LHLO me\r\n" + MAIL + rcpt + RCPT + big, "lmtp")
        return said, len(await house.mail("alice")), len(await house.mail("dave"))

    said, alice, dave = asyncio.run(run())
    asked = [b"250 2.1.0", b"250 2.1.5", b"250 2.1.5", b"550 5.1.1", b"250 2.1.5", b"354 End d"]
    assert [line[:9] for line in said.split(b"\r\n")[-10:-4]] == asked
    assert [line[:9] for line in said.split(b"\r\n")[-4:-1]] == [b"250 2.0.0", b"552 5.2.2", b"250 2.0.0"]
    assert (alice, dave) == (1, 0)


@pytest.mark.parametrize("verb", [b"HELO", b"EHLO"])
def test_lmtp_takes_neither_helo_nor_ehlo(verb: bytes) -> None:
    async def run() -> tuple[bytes, bytes]:
        lmtp = await say(await build(), verb + b" me\r\n" + MAIL, "lmtp")
        return lmtp, await say(await build(), b"LHLO me\r\n")

    lmtp, smtp = asyncio.run(run())
    assert [line[:3] for line in lmtp.split(b"\r\n")] == [b"500", b"503", b""]
    assert smtp.startswith(b"500 ")


def test_lmtp_refuses_all_with_as_many_answers() -> None:
    bad = b"DATA\r\nFrom: a@b.example\r\nFrom: c@d.example\r\n\r\n.\r\n"
    two = RCPT + b"RCPT TO:<bob@courriel.test>\r\n"
    said = asyncio.run(_say(b"LHLO me\r\n" + MAIL + two + bad + b"NOOP\r\n", "lmtp"))
    assert [line[:9] for line in said.split(b"\r\n")[-4:-1]] == [b"550 5.6.0", b"550 5.6.0", b"250 2.0.0"]


def test_lmtp_without_valid_recipients() -> None:
    said = asyncio.run(_say(b"LHLO me\r\n" + MAIL + b"DATA\r\nBDAT 3 LAST\r\nabcNOOP\r\n", "lmtp"))
    assert [line[:3] for line in said.split(b"\r\n")[-4:-1]] == [b"503", b"503", b"250"]


def test_over_a_unix_socket(tmp_path: Path) -> None:
    async def run() -> tuple[bytes, list[bytes]]:
        house = await build()
        listener = Listener(house.lmtp)
        await listener.open_unix(tmp_path / "lmtp")
        assert (tmp_path / "lmtp").stat().st_mode & 0o777 == 0o660
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "lmtp"))
        writer.write(b"LHLO me\r\n" + MAIL + RCPT + CONTENT + b"QUIT\r\n")
        said = await reader.read()
        writer.close()
        await listener.close()
        return said, await house.mail("alice")

    said, mail = asyncio.run(run())
    assert said.startswith(b"220 mail.courriel.test LMTP ") and b" Accepted as " in said
    assert b"Received: from me\r\n\tby mail.courriel.test with LMTP id " in mail[0]


async def _say(data: bytes, door: str = "mx", ip: str = "192.0.2.1") -> bytes:
    return await say(await build(), data, door, ip)


# --- logins -------------------------------------------------------------------------------------------------------
PLAIN = base64.b64encode(b"\0alice\0secret")
LOGINS = [
    (b"AUTH PLAIN " + PLAIN, [b"235 2.7.0"]),
    (b"AUTH PLAIN\r\n" + PLAIN, [b"334 ", b"235 2.7.0"]),
    (b"AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0", [b"334 VXNlc", b"334 UGFzc", b"235 2.7.0"]),
    (b"AUTH LOGIN YWxpY2U=\r\nc2VjcmV0", [b"334 UGFzc", b"235 2.7.0"]),
    (b"AUTH PLAIN\r\n*", [b"334 ", b"501 5.7.0"]),
    (b"AUTH PLAIN\r\n!!!", [b"334 ", b"501 5.5.2"]),
    (b"AUTH PLAIN =", [b"501 5.5.2"]),
    (b"AUTH PLAIN YWJj", [b"501 5.5.2"]),
    (b"AUTH PLAIN " + base64.b64encode(b"\0alice\0wrong"), [b"535 5.7.8"]),
    (b"AUTH PLAIN " + base64.b64encode(b"\0nobody\0wrong"), [b"535 5.7.8"]),
    (b"AUTH PLAIN " + base64.b64encode(b"\0carol\0secret"), [b"535 5.7.8"]),
    (b"AUTH CRAM-MD5", [b"504 5.5.4"]),
    (b"AUTH PLAIN " + PLAIN + b"\r\nAUTH PLAIN " + PLAIN, [b"235 2.7.0", b"503 5.5.1"]),
    (b"MAIL FROM:<alice@courriel.test>", [b"530 5.7.0"]),
    (b"RSET\r\nAUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<>\r\nAUTH PLAIN", [b"250 2.0.0", b"235 2.7.0", b"250 2.1.0",
                                                                        b"503 5.5.1"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "answers"), LOGINS, ids=lambda value: repr(value)[:40])
def test_logins(lines: bytes, answers: list[bytes]) -> None:
    """RFC 4954 §4, §6; one text for all that is wrong with a name or a password."""
    said = asyncio.run(_say(EHLO + lines + b"\r\n", "submission", HERE))
    rest = [line[:9] for line in said.split(b"\r\n")[:-1] if line[:4] != b"250-"][1:]
    assert rest == answers


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_no_password_in_clear_from_elsewhere(ip: str) -> None:
    said = asyncio.run(_say(EHLO + b"AUTH PLAIN " + PLAIN + b"\r\nAUTH LOGIN\r\n", "submission", ip))
    assert b"250 AUTH SCRAM-SHA-256\r\n" in said
    assert said.count(b"538 5.7.11 ") == 2


def test_unless_the_settings_say_so() -> None:
    async def run() -> bytes:
        house = await build(gate=GateSettings(cleartext_without_tls=True))
        return await say(house, EHLO + b"AUTH PLAIN " + PLAIN + b"\r\n", "submission")

    assert asyncio.run(run()).endswith(b"235 2.7.0 Authentication successful\r\n")


def test_scram_over_the_wire() -> None:
    """RFC 7677; RFC 4954 §4: the last server message is a challenge, answered by an empty line."""
    from tests.accounts.test_sasl import client_final

    async def run() -> list[bytes]:
        link = MemoryLink((await build()).submission, "192.0.2.1")
        first, said = b"n,,n=alice,r=abc", []
        link.send(EHLO + b"AUTH SCRAM-SHA-256 " + base64.b64encode(first) + b"\r\n")
        while not (line := await link.line() or b"").startswith(b"334"):
            pass
        link.send(base64.b64encode(client_final("secret", "sha256", first, base64.b64decode(line[4:]))) + b"\r\n")
        said.append(base64.b64decode((await link.line() or b"")[4:]))
        link.send(b"\r\nMAIL FROM:<alice@courriel.test>\r\n")
        said += [await link.line() or b"", await link.line() or b""]
        link.close()
        return said

    said = asyncio.run(run())
    assert said[0].startswith(b"v=") and said[1].startswith(b"235 ") and said[2].startswith(b"250 2.1.0")


@pytest.mark.parametrize("door", ["mx", "lmtp"])
def test_no_logins_elsewhere(door: str) -> None:
    hello = b"LHLO x\r\n" if door == "lmtp" else EHLO
    said = asyncio.run(_say(hello + b"AUTH PLAIN " + PLAIN + b"\r\n", door, HERE))
    assert b"AUTH" not in said and _last(said).startswith(b"502 5.5.1 ")


# --- failures behind ----------------------------------------------------------------------------------------------
class FullDisk(MemoryStore):
    """A store that keeps nothing."""

    async def append(self, messages: Sequence[NewMessage]) -> Sequence[Stored]:
        raise Unavailable("disk full")


class DeadQueue(MemoryQueue):
    async def put_all(self, messages: Sequence[tuple[Queued, bytes]]) -> None:
        raise Unavailable("disk full")


def test_a_full_disk_is_said_and_nothing_stays_behind() -> None:
    async def run() -> tuple[bytes, int, int]:
        house = await build(store=FullDisk())
        login = b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<alice@courriel.test>\r\n" + RCPT
        message = b"DATA\r\nFrom: alice@courriel.test\r\n\r\nx\r\n.\r\n"
        said = await say(house, EHLO + login + b"RCPT TO:<a@far.example>\r\n" + message, "submission", HERE)
        return said, len(await house.queue.entries()), house.budget.used

    said, queued, in_flight = asyncio.run(run())
    assert _last(said).startswith(b"451 4.3.0 ") and (queued, in_flight) == (0, 0)


def test_a_queue_that_fails_keeps_the_message_out_of_mailboxes() -> None:
    async def run() -> tuple[bytes, int]:
        house = await build(queue=DeadQueue())
        login = b"AUTH PLAIN " + PLAIN + b"\r\nMAIL FROM:<alice@courriel.test>\r\n" + RCPT
        message = b"DATA\r\nFrom: alice@courriel.test\r\n\r\nx\r\n.\r\n"
        said = await say(house, EHLO + login + b"RCPT TO:<a@far.example>\r\n" + message, "submission", HERE)
        return said, len(await house.mail("alice"))

    said, delivered = asyncio.run(run())
    assert _last(said).startswith(b"451 4.3.0 ") and delivered == 0


class Intake:
    """Fails where it is told to."""

    def __init__(self, where: str, error: Exception) -> None:
        self.where, self.error = where, error

    async def check_sender(self, door: Door, client: Client, reverse_path: Address) -> None:
        self._fail("MAIL")

    async def check_recipient(
        self, door: Door, client: Client, sender: Address, recipient: Recipient, declared_octets: int | None = None
    ) -> None:
        self._fail("RCPT")

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        self._fail("DATA")
        raise AssertionError("told to fail")

    def _fail(self, where: str) -> None:
        if where == self.where:
            raise self.error


FAILURES: list[tuple[CourrielError, bytes]] = [
    (Unavailable("detail"), b"451 4.3.0"),
    (Damaged("detail"), b"451 4.3.0"),
    (TryLater("detail"), b"452 4.3.1"),
    (OverQuota("detail"), b"552 5.2.2"),
    (TooManyHops("detail"), b"554 5.4.6"),
]


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("error", "answer"), FAILURES, ids=lambda value: repr(value)[:20])
def test_failures_are_answered_in_smtp(where: str, error: CourrielError, answer: bytes) -> None:
    async def run() -> bytes:
        house = await build(intake=Intake(where, error))
        said = await say(house, EHLO + MAIL + RCPT + (CONTENT if where == "DATA" else b"") + b"NOOP\r\n")
        assert house.budget.used == 0
        return said

    said = asyncio.run(run())
    assert b"\r\n" + answer in said and _last(said) == b"250 2.0.0 OK" and b"detail" not in said


def test_a_bug_ends_the_conversation_with_421() -> None:
    async def run() -> bytes:
        house = await build(intake=Intake("DATA", ZeroDivisionError("oops")))
        said = await say(house, EHLO + MAIL + RCPT + CONTENT + b"NOOP\r\n")
        assert house.budget.used == 0
        return said

    assert _last(asyncio.run(run())).startswith(b"421 4.3.0 ")


class Slow(Intake):
    """Takes each message when told to."""

    def __init__(self) -> None:
        super().__init__("nowhere", AssertionError())
        self.turns: list[asyncio.Future[None]] = []

    async def accept(self, envelope: Envelope, content: bytes) -> Receipt:
        self.turns.append(asyncio.get_running_loop().create_future())
        await self.turns[-1]
        outcomes = tuple(Outcome(recipient, Fate.DELIVERED) for recipient in envelope.recipients)
        return Receipt("id", outcomes)


def test_a_message_is_answered_when_it_is_kept_not_later() -> None:
    """Three messages in one burst (RFC 3030 §4.2): each reply leaves before the next commit is waited for."""

    async def run() -> None:
        intake = Slow()
        link = MemoryLink((await build(intake=intake)).mx)
        link.send(EHLO + (MAIL + RCPT + b"BDAT 3 LAST\r\nabc") * 3 + b"QUIT\r\n")
        for number in range(3):
            for _ in range(3):
                await asyncio.sleep(0)
            said = link.waiting()
            assert said.count(b"Accepted as") == number and said.count(b"250 2.1.5") == number + 1
            intake.turns[number].set_result(None)
        while (line := await link.line()) is not None:
            last = line
        assert last.startswith(b"221 ")

    asyncio.run(run())


def test_a_client_that_leaves_while_its_message_is_kept_gives_all_back() -> None:
    async def run() -> None:
        intake = Slow()
        house = await build(intake=intake)
        link = MemoryLink(house.mx)
        link.send(EHLO + MAIL + RCPT + CONTENT)
        assert house.budget.used > 0 and len(intake.turns) == 1
        link.close()
        for _ in range(3):
            await asyncio.sleep(0)
        assert house.budget.used == 0 and intake.turns[0].cancelled()

    asyncio.run(run())
