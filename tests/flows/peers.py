"""Other people's mail servers, with habits; and the host that gives an MTA-STS policy."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Habit:
    """Answer ``reply`` to commands that begin with ``verb`` (DOT: the end of a message) ``left`` times.

    An empty reply hangs up.
    """

    verb: str
    reply: str
    left: float

    def fits(self, command: str) -> bool:
        return self.left > 0 and command.upper().startswith(self.verb.upper())


@dataclass
class Peer:
    """A server; ``got`` has (recipients, content) of each message it took, ``mails`` all MAIL commands it heard.

    ``secret_offers`` are announced over TLS only.
    """

    ip: str
    offers: tuple[str, ...] = ("PIPELINING", "8BITMIME")
    secret_offers: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    habits: list[Habit] = field(default_factory=list)
    absent: bool = False
    calls: int = 0
    got: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    def copies(self, recipient: str) -> int:
        return sum(recipient in recipients for recipients, _ in self.got)

    def _habit(self, command: str) -> str | None:
        for habit in self.habits:
            if habit.fits(command):
                habit.left -= 1
                return habit.reply
        return None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        is_secret = False
        writer.write(b"220 peer ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.partition(" ")[0].upper()
            reply = self._habit(line)
            if reply is None:
                reply = "250 2.0.0 ok"
                if verb == "EHLO":
                    more = self.secret_offers if is_secret else ("STARTTLS",) if self.tls is not None else ()
                    reply = "\r\n".join(f"250-{word}" for word in ("peer", *self.offers, *more)) + "\r\n250 ENHANCED"
                elif verb == "STARTTLS":
                    writer.write(b"220 2.0.0 go\r\n")
                    await writer.start_tls(self.tls)
                    is_secret = True
                    continue
                elif verb == "MAIL":
                    recipients = []
                    self.mails.append(line)
                elif verb == "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                elif verb == "DATA":
                    if not recipients:
                        reply = "554 5.5.1 no valid recipients"
                    else:
                        writer.write(b"354 go on\r\n")
                        content = await reader.readuntil(b"\r\n.\r\n")
                        refused = self._habit("DOT")
                        if not refused:
                            self.got.append((tuple(recipients), content[:-3]))
                        if refused == "":
                            return
                        reply = refused or reply
            if verb == "QUIT":
                return
            writer.write(reply.encode() + b"\r\n")


@dataclass
class PolicyHost:
    """HTTPS server of policies, one text for all."""

    ip: str
    tls: ssl.SSLContext
    text: str

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            body = self.text.encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
        writer.close()


@contextlib.contextmanager
def open_for_mail(peers: Sequence[Peer], smtp: int, policies: Sequence[PolicyHost], https: int) -> Iterator[None]:
    """All of them, in a thread of their own."""
    ready, loop, failed = threading.Event(), asyncio.new_event_loop(), []
    over = asyncio.Event()

    async def main() -> None:
        try:
            for peer in peers:
                if not peer.absent:
                    await asyncio.start_server(peer.talk, peer.ip, smtp)
            for policy in policies:
                await asyncio.start_server(policy.talk, policy.ip, https, ssl=policy.tls)
        except OSError as error:
            failed.append(error)
        ready.set()
        await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    assert ready.wait(10) and not failed, failed
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
