"""Dialogues with a server that follows a script: what the client says is checked, what becomes of the mail too.

One step a line; blank lines and lines that begin with ``#`` are passed over.

======================  ======================================================================================
``given word …``        what is sent, before anything else: ``key=value`` of ``GIVEN`` below; several lines add up
``S: text``             the server says ``text`` and CRLF
``S| text``             the same without CRLF, with Python's backslash escapes
``S starttls``          the server makes the TLS handshake now
``S hangs up``          the server closes the connection
``S silent``            the server says nothing more (the client's time limits end it)
``C: pattern``          the client's next line; ``…`` stands for anything in it
``C closes``            the client has closed the connection, after nothing more
``=> pattern``          outcome of the next recipient: result, status, stage, reply; ``…`` stands for anything
``=> none pattern``     there was no session: the same of its attempt
``= usable`` / ``= not usable``   the connection afterwards
``then given …``        another message over the same connection: a new block of the same kind
``then behind given …`` the same, and the client is told of it with the message before (its ``following``)
======================  ======================================================================================

The first message ends with QUIT unless the script says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import msgspec

from courriel.model.attempt import Attempt
from courriel.model.envelope import Body, Recipient
from courriel.model.wishes import Deadline
from courriel.net.tls_policy import CLEAR, TlsPolicy
from courriel.smtp.client import ClientSettings, NoSession, Outgoing, Peer, SmtpClient, outgoing
from tests.dialogues.runner import matches

SHORT = ClientSettings(
    connect_s=5.0,
    handshake_s=5.0,
    greeting_s=0.4,
    hello_s=0.4,
    mail_s=0.4,
    rcpt_s=0.4,
    data_s=0.4,
    block_s=0.4,
    final_s=0.4,
    quit_s=0.05,
    commands_s=2.0,
    content_s=2.0,
    check_s=0.02,
)
"""Time limits for servers that say nothing."""

PATIENT = replace(SHORT, greeting_s=5.0, hello_s=5.0, mail_s=5.0, rcpt_s=5.0, data_s=5.0, block_s=5.0, final_s=5.0)
"""For servers that do: never waited for when all is well."""

QUICK_S = 10.0
"""Everything a script does has happened by then, or the test has failed."""


@dataclass
class Given:
    """What is handed over.  Words: from, to (repeatable), content (escapes), dsn, body, smtputf8, require_tls, …"""

    sender: str = "a@here.example"
    recipients: list[str] = field(default_factory=list)
    content: bytes = b"S: x\r\n\r\nhi\r\n"
    more: dict[str, object] = field(default_factory=dict)
    notify: frozenset[str] | None = None
    original: str | None = None
    lmtp: bool = False
    behind: bool = False
    eager: int = 0
    chunk: int = 4_194_304

    def add(self, word: str) -> None:
        key, _, value = word.partition("=")
        match key:
            case "from":
                self.sender = value
            case "to":
                self.recipients.append(value)
            case "content":
                self.content = _octets(value)
            case "downgraded":
                self.more["downgraded"] = _octets(value)
            case "body":
                self.more["body"] = Body(value)
            case "ret" | "envid":
                self.more[key] = value
            case "require_tls" | "smtputf8":
                self.more[key] = True
            case "priority":
                self.more[key] = int(value)
            case "by":
                seconds, _, mode = value.partition(";")
                self.more[key] = Deadline(float(seconds), "R" in mode, "T" in mode)
            case "notify":
                self.notify = frozenset(value.split(","))
            case "original":
                self.original = value
            case "lmtp":
                self.lmtp = True
            case "eager":
                self.eager = int(value)
            case "chunk":
                self.chunk = int(value)
            case _:
                raise AssertionError(f"unknown word {word!r}")

    def message(self) -> Outgoing:
        plain = outgoing(self.sender, self.recipients, b"")
        people = tuple(Recipient(one.address, self.notify, self.original) for one in plain.recipients)
        return msgspec.structs.replace(plain, content=self.content, recipients=people, **self.more)


def _octets(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")


@dataclass
class Script:
    """The parts of a dialogue: ``server`` is its lines in order, one list of outcomes for each message."""

    messages: list[Given] = field(default_factory=list)
    server: list[tuple[int, str]] = field(default_factory=list)
    outcomes: list[list[str]] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)


def parse(text: str) -> Script:
    script = Script([Given()], [], [[]], [""])
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("then "):
            script.messages.append(Given())
            script.outcomes.append([])
            script.endings.append("")
            line = line.removeprefix("then ")
            script.messages[-1].behind = line.startswith("behind ")
            line = line.removeprefix("behind ")
        if line.startswith("given "):
            for word in shlex.split(line.removeprefix("given "), posix=True):
                script.messages[-1].add(word)
        elif line.startswith("=> "):
            script.outcomes[-1].append(line.removeprefix("=> "))
        elif line.startswith("= "):
            script.endings[-1] = line.removeprefix("= ")
        else:
            assert line[0] in "SC", f"line {number}: {line!r}"
            script.server.append((number, line))
    return script


class ScriptedServer:
    """Plays the server's side; ``faults`` says where the client differed."""

    def __init__(self, steps: list[tuple[int, str]], tls: ssl.SSLContext | None) -> None:
        self._steps = steps
        self._tls = tls
        self.faults: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number, step in self._steps:
                if not await self._step(number, step, reader, writer):
                    break
        except OSError as error:
            self.faults.append(f"{type(error).__name__}: {error}")
        finally:
            writer.close()

    async def _step(self, number: int, step: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if step.startswith("S: "):
            writer.write(step[3:].encode() + b"\r\n")
        elif step.startswith("S| "):
            writer.write(_octets(step[3:]))
        elif step == "S starttls":
            assert self._tls is not None
            with contextlib.suppress(ConnectionError):  # seen by whoever reads next
                await writer.start_tls(self._tls)
        elif step == "S hangs up":
            return False
        elif step == "S silent":
            await reader.read()
            return False
        elif step == "C closes":
            rest = b""
            with contextlib.suppress(ConnectionError):
                rest = await reader.read()
            if rest:
                self.faults.append(f"line {number}: the client said {rest!r}")
        else:
            line = await reader.readline()
            if not matches(step[3:], line.removesuffix(b"\r\n")):
                self.faults.append(f"line {number}: expected {step[3:]!r}, got {line!r}")
                return False
        return True


@contextlib.asynccontextmanager
async def serving(server: ScriptedServer) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await server.serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
        if tasks:
            await asyncio.wait(tasks, timeout=QUICK_S)
    finally:
        listening.close()


async def play(text: str, *, policy: TlsPolicy = CLEAR, tls: ssl.SSLContext | None = None) -> None:
    """Raises AssertionError with the script's line where client or outcome differ."""
    script = parse(text)
    silent = any(line == "S silent" for _, line in script.server)
    first = script.messages[0]
    settings = replace(SHORT if silent else PATIENT, eager_octets=first.eager, chunk_octets=first.chunk)
    server = ScriptedServer(script.server, tls)
    async with asyncio.timeout(QUICK_S), serving(server) as port:
        peer = Peer("127.0.0.1", port, "mx.there.example", policy, lmtp=first.lmtp)
        try:
            client = await SmtpClient.connect(peer, name="here.example", settings=settings)
        except NoSession as failure:
            _compare(script.outcomes[0], [failure.attempt], server, "none ")
        else:
            messages = [given.message() for given in script.messages]
            behind = [
                message if given.behind else None for given, message in zip(script.messages, messages, strict=True)
            ]
            steps = zip(messages, [*behind[1:], None], script.outcomes, script.endings, strict=True)
            for message, following, wanted, ending in steps:
                attempts = await client.send(message, following)
                _compare(wanted, attempts, server, "")
                if ending:
                    assert client.usable is (ending == "usable"), f"usable: {client.usable}"
            await client.close()
    assert server.faults == []


def _compare(wanted: list[str], attempts: list[Attempt], server: ScriptedServer, prefix: str) -> None:
    said = [prefix + described(one) for one in attempts]
    assert len(said) == len(wanted), (said, server.faults)
    for pattern, one in zip(wanted, said, strict=True):
        assert matches(pattern, one.encode()), f"expected {pattern!r}, got {one!r}; {server.faults}"


def described(attempt: Attempt) -> str:
    marks = "*" * attempt.another_transaction + "+" * attempt.passed_dsn
    return f"{attempt.result.value}{marks} {attempt.status} {attempt.stage.value} {attempt.reply}"
