"""What a dialogue file cannot say: TLS, strangers' networks, chunks, slow readers, time-outs, failing stores."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.accounts.authenticator import GateSettings
from courriel.base.errors import Unavailable
from courriel.model.ids import AccountId, MailboxId
from courriel.net.connection import Connection, Dialogue
from courriel.net.tls import PrivateAuthority, client_context, private_authority, server_context
from courriel.pop3.client import Pop3Client, Refused
from courriel.pop3.settings import Pop3Settings
from courriel.store.memory.store import MemoryStore
from tests.dialogues.runner import MemoryLink
from tests.pop3.house import House, build, listening


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)


async def _say(house: House, data: bytes, ip: str = "127.0.0.1") -> bytes:
    """Everything the server says to these bytes, then a half-close."""
    link = MemoryLink(house.service)
    link._server.peer_ip = ip
    link.send(data)
    link.eof()
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    return b"".join(said)


# --- TLS --------------------------------------------------------------------------------------------------------
def test_stls_then_everything_and_nothing_from_before(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        await house.deliver("alice", b"a\r\n\r\nx\r\n")
        async with listening(house) as port:
            client = await Pop3Client.connect("127.0.0.1", port)
            assert "STLS" in await client.capabilities()
            await client._one("USER alice")
            await client.start_tls(client_context(authority.ca), "localhost")
            assert "STLS" not in await client.capabilities()
            with pytest.raises(Refused, match="USER first"):
                await client._one("PASS secret")
            await client.authenticate_plain("alice", "secret")
            assert await client.retrieve(1) == b"a\r\n\r\nx\r\n"
            await client.quit()

    asyncio.run(run())


@pytest.mark.parametrize("injected", [b"USER alice\r\nPASS secret\r\n", b"CAPA\r\n", b"x" * 300])
def test_what_comes_in_clear_behind_stls_is_dropped(authority: PrivateAuthority, injected: bytes) -> None:
    """AUTH row 2: one segment, ``STLS CRLF`` and more."""

    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            writer.write(b"STLS\r\n" + injected)
            assert (await reader.readline()).startswith(b"+OK")
            await writer.start_tls(client_context(authority.ca), server_hostname="localhost")
            writer.write(b"STAT\r\nQUIT\r\n")
            assert await reader.readline() == b"-ERR Not in this state\r\n"
            assert (await reader.readline()).startswith(b"+OK")
            writer.close()

    asyncio.run(run())


def test_tls_from_the_first_byte(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await build()
        async with listening(house, server_context(authority.server)) as port:
            client = await Pop3Client.connect("localhost", port, client_context(authority.ca))
            await client.log_in("alice@one.test", "secret")
            assert await client.status() == (0, 0)
            await client.quit()

    asyncio.run(run())


def test_a_failed_handshake_ends_the_connection(authority: PrivateAuthority) -> None:
    async def run() -> None:
        house = await build(tls=server_context(authority.server))
        async with listening(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"STLS\r\n")
            await reader.readline()
            await reader.readline()
            writer.write(b"no handshake at all\r\n")
            with contextlib.suppress(ConnectionError):
                while await reader.read(1000):
                    pass
            writer.close()

    asyncio.run(run())


# --- who may log in how -----------------------------------------------------------------------------------------
def test_no_password_in_clear_from_elsewhere() -> None:
    async def run() -> None:
        house = await build()
        said = await _say(house, b"CAPA\r\nUSER alice\r\nPASS secret\r\nAUTH PLAIN\r\nAUTH LOGIN\r\n", "192.0.2.1")
        assert b"\r\nUSER\r\n" not in said
        assert b"\r\nSASL SCRAM-SHA-256\r\n" in said
        assert said.count(b"-ERR [AUTH] Cleartext login needs TLS") == 4

    asyncio.run(run())


def test_unless_the_settings_say_so() -> None:
    async def run() -> None:
        house = await build(gate=GateSettings(cleartext_without_tls=True))
        assert b"+OK 0 messages" in await _say(house, b"USER alice\r\nPASS secret\r\n", "192.0.2.1")

    asyncio.run(run())


def test_scram_over_the_wire() -> None:
    """RFC 5034 §4 with RFC 5802: the last server message is a challenge, answered by an empty line."""
    from tests.accounts.test_sasl import client_final

    async def run() -> None:
        house = await build()
        link = MemoryLink(house.service)
        link._server.peer_ip = "192.0.2.1"
        await link.line()
        first = b"n,,n=alice,r=abc"
        link.send(b"AUTH SCRAM-SHA-256 " + base64.b64encode(first) + b"\r\n")
        answer = await link.line()
        assert answer is not None
        server_first = base64.b64decode(answer[2:])
        link.send(base64.b64encode(client_final("secret", "sha256", first, server_first)) + b"\r\n")
        answer = await link.line()
        assert answer is not None
        assert base64.b64decode(answer[2:]).startswith(b"v=")
        link.send(b"\r\n")
        assert await link.line() == b"+OK 0 messages (0 octets)\r\n"
        link.close()

    asyncio.run(run())


def test_a_long_sasl_line_is_bounded_and_survived() -> None:
    async def run() -> None:
        house = await build()
        said = await _say(house, b"AUTH PLAIN\r\n" + b"A" * 100_000 + b"\r\nCAPA\r\n")
        assert b"-ERR Line too long\r\n+OK Capabilities" in said

    asyncio.run(run())


# --- chunks -----------------------------------------------------------------------------------------------------
SESSION = (
    b"CAPA\r\nUSER alice\r\nPASS wrong\r\nAUTH PLAIN\r\nAGFsaWNlAHNlY3JldA==\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n"
    b"TOP 2 1\r\nBOGUS\r\nRETR x\r\n" + b"y" * 300 + b"\r\nDELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\nNOOP\r\n"
)


async def _chunked(chunks: Sequence[bytes]) -> bytes:
    house = await build()
    await house.deliver("alice", b"A: 1\r\n\r\n.dot\r\n", b"B: 2\r\n\r\nb\r\nc\r\n")
    link = MemoryLink(house.service)
    for chunk in chunks:
        link.send(chunk)
        await asyncio.sleep(0)
    said = []
    while (line := await link.line()) is not None:
        said.append(line)
    assert await house.inbox("alice") == [1]
    return b"".join(said)


@given(st.lists(st.integers(0, len(SESSION)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_chunking_gives_the_same_replies(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SESSION)]
    chunks = [SESSION[a:b] for a, b in itertools.pairwise(edges) if a < b]
    assert asyncio.run(_chunked(chunks)) == asyncio.run(_chunked([SESSION]))


def test_byte_by_byte() -> None:
    chunks = [SESSION[at : at + 1] for at in range(len(SESSION))]
    assert asyncio.run(_chunked(chunks)) == asyncio.run(_chunked([SESSION]))


# --- slow, silent, gone -----------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_slow_reader_gets_it_all_and_costs_little() -> None:
    async def run() -> None:
        house = await build()
        content = b"H: x\r\n\r\n" + b"0123456789abcdef" * 64 * 1024 * 8 + b"\r\n"
        await house.deliver("alice", content)
        connections: list[Connection] = []
        begin = house.service.dialogue

        def noting(connection: Connection) -> Dialogue:
            connections.append(connection)
            return begin(connection)

        house.service.dialogue = noting  # type: ignore[method-assign]
        async with listening(house) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
            writer.write(b"USER alice\r\nPASS secret\r\nRETR 1\r\nRETR 1\r\nRETR 1\r\nQUIT\r\n")
            async with asyncio.timeout(10):
                while not connections or connections[0]._writable is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            transport = connections[0]._transport
            assert transport is not None
            assert transport.get_write_buffer_size() < 1024 * 1024
            said = await reader.read()
            assert said.count(content) == 3
            writer.close()

    asyncio.run(run())


def test_silence_ends_without_a_word_and_frees_the_maildrop() -> None:
    """RFC 1939 §3: the autologout timer is of at least ten minutes and closes without deleting."""
    assert Pop3Settings().patience_s >= 600

    async def run() -> None:
        house = await build()
        await house.deliver("alice", b"a\r\n\r\nx\r\n")
        link = MemoryLink(house.service)
        link.send(b"USER alice\r\nPASS secret\r\nDELE 1\r\n")
        for _ in range(5):
            await link.line() if b"Deleted" not in link.waiting() else None
        link._server.expire()
        said = link.waiting()
        await asyncio.sleep(0.01)
        assert link.waiting() == said
        assert await house.inbox("alice") == [1]
        assert b"+OK 1 messages" in await _say(house, b"USER alice\r\nPASS secret\r\n")

    asyncio.run(run())


def test_a_lively_client_must_log_in_in_time() -> None:
    async def run() -> bytes:
        house = await build(settings=Pop3Settings(login_s=-1.0))
        return await _say(house, b"CAPA\r\n")

    assert asyncio.run(run()) == b"+OK Courriel POP3 ready\r\n"


def test_a_client_that_leaves_while_the_maildrop_opens_frees_it() -> None:
    async def run() -> None:
        house = await build()
        for _ in range(3):
            link = MemoryLink(house.service)
            link.send(b"USER alice\r\nPASS secret\r\n")
            link.close()
            for _ in range(50):
                await asyncio.sleep(0.001)
        assert b"+OK 0 messages" in await _say(house, b"USER alice\r\nPASS secret\r\nQUIT\r\n")

    asyncio.run(run())


class FullDisk(MemoryStore):
    """A store that removes nothing."""

    async def expunge(self, account: AccountId, mailbox: MailboxId, uids: Sequence[int]) -> Sequence[int]:
        raise Unavailable("disk full")


def test_quit_says_when_deleting_failed() -> None:
    async def run() -> None:
        house = await build()
        house.store.__class__ = FullDisk
        await house.deliver("alice", b"a\r\n\r\nx\r\n")
        said = await _say(house, b"USER alice\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
        assert said.endswith(b"-ERR [SYS/TEMP] Some deleted messages were not removed\r\n")
        assert await house.inbox("alice") == [1]
        assert b"+OK 1 messages" in await _say(house, b"USER alice\r\nPASS secret\r\n")

    asyncio.run(run())


def test_what_was_deleted_can_be_restored() -> None:
    async def run() -> None:
        house = await build()
        await house.deliver("alice", b"a\r\n\r\nx\r\n", b"b\r\n\r\nx\r\n")
        await _say(house, b"USER alice\r\nPASS secret\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n")
        assert await house.inbox("alice") == []
        gone = await house.store.expunged(AccountId(1))
        await house.store.restore(AccountId(1), [message.id for message in gone])
        assert len(await house.inbox("alice")) == 2

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_unique_id_stays_with_its_message(kind: str, tmp_path: Path) -> None:
    """Restored, or moved away and back: a client that remembers unique-ids does not fetch it twice; and no other
    message ever has it, so that none is passed over."""

    async def run() -> None:
        house = await build(kind, tmp_path)
        await house.deliver("alice", *(b"n: %d\r\n\r\nx\r\n" % number for number in range(4)))
        alice, store = AccountId(1), house.store
        inbox, archive = await store.mailbox(alice, "INBOX"), await store.mailbox(alice, "Archive")

        async def unique_ids() -> dict[bytes, bytes]:
            reply = await _say(
                house, b"USER alice\r\nPASS secret\r\nUIDL\r\nTOP 1 0\r\nTOP 2 0\r\nTOP 3 0\r\nTOP 4 0\r\n"
            )
            ids = [line.split(b" ")[1] for line in reply.split(b"+OK\r\n")[2].split(b"\r\n")[:4]]
            return dict(zip((line for line in reply.split(b"\r\n") if line.startswith(b"n: ")), ids, strict=True))

        first = await unique_ids()
        assert len(set(first.values())) == 4
        await _say(house, b"USER alice\r\nPASS secret\r\nDELE 1\r\nDELE 3\r\nQUIT\r\n")
        gone = await store.expunged(alice)
        await store.restore(alice, [message.id for message in gone])
        await store.move(alice, inbox.id, [2], archive.id)
        await store.move(alice, archive.id, [1], inbox.id)
        assert await unique_ids() == first
        await store.expunge(alice, inbox.id, [4])
        await house.deliver("alice", b"n: 4\r\n\r\nx\r\n")
        assert set((await unique_ids()).values()) - set(first.values()) != set()
        await house.maildrops.carry(alice, {gone[0].id: b"brought-along"})
        assert b"brought-along" in (await unique_ids()).values()
        await store.close()

    asyncio.run(run())


# --- our client -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_our_client_reads_everything(kind: str, tmp_path: Path) -> None:
    contents = [b"H: 1\r\n\r\n", b"H: 2\r\n\r\n.\r\n..\r\n", b"H: 3\r\n\r\n" + b"0123456789\r\n" * 30_000]

    async def run() -> None:
        house = await build(kind, tmp_path)
        await house.deliver("alice", *contents)
        async with listening(house) as port:
            client = await Pop3Client.connect("127.0.0.1", port)
            await client.log_in("alice", "secret")
            assert await client.status() == (3, sum(map(len, contents)))
            assert await client.sizes() == {n: len(content) for n, content in enumerate(contents, 1)}
            first = await client.unique_ids()
            assert [await client.retrieve(number) for number in (1, 2, 3)] == contents
            assert await client.top(3, 1) == b"H: 3\r\n\r\n0123456789\r\n"
            await client.delete(2)
            await client.noop()
            await client.quit()
            client = await Pop3Client.connect("127.0.0.1", port)
            await client.log_in("alice", "secret")
            assert await client.unique_ids() == {1: first[1], 2: first[3]}
            await client.delete(1)
            await client.reset()
            await client.quit()
            client = await Pop3Client.connect("127.0.0.1", port)
            with pytest.raises(Refused, match="Wrong name"):
                await client.log_in("alice", "wrong")
            client.abandon()

    asyncio.run(run())
