"""The client's end of a connection: octets out, replies in, one time limit.  RFC 5321 §4.2, §4.5.3.2; RFC 3207.

What is expected is said first (``expect``); a reply that nobody asked for, too long a one, or none in time breaks
the link, and a broken link stays so.  Nothing here raises for what a server does: whoever asked finds fewer replies
than expected, and the reason in ``broken``.

One timer per connection looks at its deadline now and then; no task, no timer per command.  A message of 4 KB costs
66–73 µs on uvloop, kernel included (``bench.micro_smtp_client``); over asyncio's streams it was 83–87.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from courriel.base.errors import FormatError, LimitExceeded
from courriel.smtp.client.errors import Broken
from courriel.smtp.client.settings import ClientSettings
from courriel.smtp.wire.reply import LINE_OCTETS, Answer, AnswerReader

Trace: TypeAlias = Callable[[str, bytes], None]
"""Called with who spoke ("C" we, "S" the server) and the octets; what belongs to a login is left out."""

CLIENT: Final = "C"
SERVER: Final = "S"
HIDDEN: Final = b"***\r\n"

HIGH_WATER_OCTETS: Final = 256 * 1024
"""Output waiting for a slow server before ``send`` waits."""

CLOSING: Final = 421
"""The server hangs up, whatever was asked.  RFC 5321 §3.8."""


class Link(asyncio.Protocol):
    """One connection.  Whoever opens it expects a greeting at once, unless TLS comes first."""

    __slots__ = (
        "_answers",
        "_buffer",
        "_deadline",
        "_limits",
        "_loop",
        "_phase_ends",
        "_reader",
        "_settings",
        "_timer",
        "_trace",
        "_transport",
        "_waiter",
        "_writable",
        "broken",
        "private",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: ClientSettings, trace: Trace | None, limits: Sequence[float]
    ) -> None:
        self._loop = loop
        self._settings = settings
        self._trace = trace
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reader = AnswerReader()
        self._buffer = b""
        self._answers: list[Answer] = []
        self._limits = limits
        self._deadline = math.inf
        self._phase_ends = math.inf
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self.broken: Broken | None = None
        self.private = False
        """What is said now belongs to a login: it is not traced."""

    # --- what the client uses ---------------------------------------------------------------------------------
    @property
    def peer_ip(self) -> str:
        """The server's address, "" on a unix socket."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]).partition("%")[0] if isinstance(peer, tuple) else ""

    @property
    def tls(self) -> ssl.SSLObject | None:
        return self._transport.get_extra_info("ssl_object") if self._transport else None

    def expect(self, limits: Sequence[float]) -> None:
        """The next replies, as many as there are limits (seconds from one to the next)."""
        self._answers = []
        self._limits = limits
        if self._buffer or self._reader.is_inside:
            self.give_up(_unasked())
        elif limits:
            self._deadline = self._loop.time() + limits[0]

    def begin_phase(self, seconds: float) -> None:
        """From now on at most ``seconds``, however well single replies come; until ``end_phase``."""
        self._phase_ends = self._loop.time() + seconds

    def end_phase(self) -> None:
        self._phase_ends = math.inf

    def write(self, *pieces: bytes | memoryview) -> None:
        """Hand octets to the kernel."""
        if self.broken is not None or self._transport is None:
            return
        if self._trace is not None:
            self._trace(CLIENT, HIDDEN if self.private else b"".join(pieces))
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        else:
            self._transport.writelines(pieces)

    async def drain(self) -> None:
        """Wait while the server reads too slowly, ``block_s`` at most."""
        if self._writable is not None and self.broken is None:
            self._deadline = self._loop.time() + self._settings.block_s
            await self._writable

    @property
    def heard(self) -> Sequence[Answer]:
        """The expected replies that have come so far."""
        return self._answers

    async def answers(self) -> list[Answer]:
        """The expected replies; fewer when the link broke."""
        missing = len(self._limits) - len(self._answers)
        if missing and self.broken is None:
            self._deadline = self._loop.time() + self._limits[-missing]
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._answers

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None, limits: Sequence[float] = ()) -> None:
        """Go over to TLS and expect ``limits`` inside it.  Raises Broken for octets that came before the handshake,
        OSError (``ssl.SSLError``) when it fails; the link is broken then.

        What comes before ``loop.start_tls`` comes in clear, what comes after it went through TLS: the loop exchanges
        the protocol before it gives way.  RFC 3207 §4.2, §6; AUTH attack row 3.
        """
        self.expect(limits)
        if self.broken is not None or self._transport is None:
            raise self.broken or _lost()
        try:
            upgraded = await self._loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=server_name,
                ssl_handshake_timeout=self._settings.handshake_s,
            )
        except OSError as error:
            self.give_up(Broken("4.7.5", str(error)))
            raise
        if upgraded is None or self.broken is not None:
            self.give_up(_lost())
            raise self.broken or _lost()
        self._transport = upgraded
        upgraded.set_write_buffer_limits(high=HIGH_WATER_OCTETS)

    def give_up(self, why: Broken) -> None:
        """Break the link: nothing is said any more, nobody waits any more.  The first reason stays."""
        if self.broken is None:
            self.broken = why
        self._deadline = self._phase_ends = math.inf
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Hang up after what was written."""
        if self.broken is None:
            self.broken = Broken("4.4.2", "the connection is closed")
        if self._transport is not None:
            self._transport.close()

    # --- asyncio's side ---------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER_OCTETS)
        self.expect(self._limits)
        self._timer = self._loop.call_later(self._settings.check_s, self._check)

    def data_received(self, data: bytes) -> None:
        if self.broken is not None:
            return
        if self._trace is not None and not self.private:
            self._trace(SERVER, data)
        if self._buffer:
            data = self._buffer + data
        at = 0
        try:
            while (end := data.find(b"\n", at)) >= 0:
                answer = self._reader.line(data[at : end - 1 if data[end - 1] == _CR and end > at else end])
                at = end + 1
                if answer is not None:
                    self._take(answer)
                    if self.broken is not None:
                        return
        except FormatError as error:
            self.give_up(Broken("4.5.0", str(error)))
        self._buffer = data[at:]
        if len(self._buffer) > LINE_OCTETS + 1:  # a CR may wait for its LF
            self.give_up(Broken("4.5.0", str(LimitExceeded("SMTP reply", LINE_OCTETS, "reply.line_octets"))))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self.give_up(_lost())

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- within -----------------------------------------------------------------------------------------------
    def _take(self, answer: Answer) -> None:
        if self._trace is not None and self.private:
            self._trace(SERVER, b"%d %b" % (answer.code, HIDDEN))
        is_asked = len(self._answers) < len(self._limits)
        if is_asked:
            self._answers.append(answer)
        if answer.code == CLOSING:
            self.give_up(Broken(answer.status, f"{answer.code} {answer.text}"))
        elif not is_asked:
            self.give_up(_unasked())
        elif len(self._answers) < len(self._limits):
            self._deadline = self._loop.time() + self._limits[len(self._answers)]
        else:
            self._deadline = math.inf
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def _check(self) -> None:
        if self._loop.time() >= min(self._deadline, self._phase_ends):
            self.give_up(Broken("4.4.2", "the server took too long"))
        elif self._transport is not None:
            self._timer = self._loop.call_later(self._settings.check_s, self._check)


_CR: Final = 0x0D


def _unasked() -> Broken:
    return Broken("4.5.0", "the server spoke unasked")


def _lost() -> Broken:
    return Broken("4.4.2", "the connection was lost")
