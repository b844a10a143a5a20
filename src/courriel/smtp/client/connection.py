"""An SMTP or LMTP client: connect once, hand over message after message.

RFC 5321 §3.3, §4.1.1.4; RFC 2033, RFC 2920, RFC 3030.  Routing, retries and which TLS policy holds belong to the
caller; this tells what became of each recipient, and whether the connection is of further use.

Safe against the server: replies are bounded in octets, lines and time, nothing that came in clear is believed after
STARTTLS, no password travels without TLS (AUTH attack rows 3, 4, 39), and no CR or LF leaves alone (row 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import FormatError
from courriel.model.attempt import Attempt
from courriel.smtp.client import plan
from courriel.smtp.client.errors import Broken
from courriel.smtp.client.link import Trace
from courriel.smtp.client.message import Outgoing
from courriel.smtp.client.opening import Opening, Peer
from courriel.smtp.client.plan import Plan
from courriel.smtp.client.settings import ClientSettings
from courriel.smtp.client.transaction import Transaction
from courriel.smtp.wire.data import stuff, stuffed_blocks
from courriel.smtp.wire.offer import Offer
from courriel.smtp.wire.reply import Answer

Block: TypeAlias = tuple[bytes | memoryview, ...]
"""Octets that are written together."""


class _Ahead(NamedTuple):
    """A message whose commands have been said already, and what the server answered to them."""

    message: Outgoing
    planned: Plan
    transaction: Transaction
    said: list[Answer]


class SmtpClient:
    """One connection to one server; one message at a time."""

    def __init__(self, opening: Opening, settings: ClientSettings) -> None:
        self._opening = opening
        self._link = opening.link
        self._server = opening.server
        self._settings = settings
        self._transactions = 0
        self._needs_reset = False
        self._ahead: _Ahead | None = None

    @classmethod
    async def connect(
        cls,
        peer: Peer,
        *,
        name: str = "localhost",
        settings: ClientSettings = ClientSettings(),  # noqa: B008 - a constant
        trace: Trace | None = None,
        clock: Clock = SystemClock(),  # noqa: B008 - without state
    ) -> SmtpClient:
        """Connect to ``peer`` as host ``name``, with TLS as its policy wants it.  Raises NoSession."""
        opening = Opening(peer, name, settings, clock)
        await opening.run(trace)
        return cls(opening, settings)

    @property
    def offer(self) -> Offer:
        """What the server offers."""
        return self._server.offer

    @property
    def tls(self) -> str:
        """Protocol and cipher, "" in clear."""
        return self._server.tls

    @property
    def is_verified(self) -> bool:
        """Whether the server is who the TLS policy says."""
        return self._server.verified

    @property
    def usable(self) -> bool:
        """Whether another message may be sent: the link holds, and MAILMAX is not reached (RFC 9422 §4.1)."""
        most = self._server.offer.transactions
        return self._link.broken is None and (most is None or self._transactions < most)

    async def login(self, user: str, password: str, *, private_network: bool = False) -> None:
        """AUTH by the best mechanism on offer: SCRAM-SHA-256, PLAIN, LOGIN.

        ``private_network``: the caller answers for it that nobody listens; else there is no login without TLS.
        Raises NoSession; FormatError for a name or password that cannot be sent.
        """
        await self._opening.login(user, password, private_network=private_network)

    async def send(self, message: Outgoing, following: Outgoing | None = None) -> list[Attempt]:
        """Hand over one message; what became of each recipient, in order.  Raises for nothing a server does.

        ``following`` is what the caller sends next: its commands may travel behind this message's last dot (RFC 2920
        §3.1), which saves a round trip.  Is something else sent instead, the link is given up.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.message is not message:
            self._link.give_up(Broken("4.4.2", "the connection was given up"))
            ahead = None
        if ahead is None:
            planned = plan.make(message, self._server)
            ahead = _Ahead(message, planned, Transaction(planned, self._server), [])
        if ahead.planned.commands:
            await self._run(ahead, following)
        return ahead.transaction.attempts()

    async def close(self) -> None:
        """Say good-bye, wait a moment for the answer, and hang up.

        Where the next message's content is waited for, only hanging up is understood.
        """
        if self._ahead is not None:
            self._link.close()
            return
        try:
            self._link.expect([self._settings.quit_s])
            self._link.write(b"QUIT\r\n")
            await self._link.answers()
        finally:
            self._link.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._link.give_up(Broken("4.4.2", "the connection was given up"))

    async def _run(self, this: _Ahead, following: Outgoing | None) -> None:
        link = self._link
        self._transactions += 1
        link.begin_phase(self._settings.commands_s)
        try:
            await self._hand_over(this, following)
        except FormatError as error:
            link.give_up(Broken("4.5.0", str(error)))
        except BaseException:
            link.give_up(Broken("4.4.2", "the connection was given up"))
            raise
        link.end_phase()
        self._needs_reset = this.transaction.is_open and self._ahead is None
        if link.broken is not None:
            self._ahead = None
            if not this.transaction.is_done:
                this.transaction.lose(link.broken)

    async def _hand_over(self, this: _Ahead, following: Outgoing | None) -> None:
        planned, transaction = this.planned, this.transaction
        content, settings = planned.content, self._settings
        if "CHUNKING" in self.offer:
            if len(content) <= settings.eager_octets and "PIPELINING" in self.offer and not self._server.lmtp:
                await self._say_all_at_once(planned, transaction)
                return
            await self._say(planned, transaction, ends_with_data=False)
            if transaction.accepted:
                chunks = -(-len(content) // settings.chunk_octets)
                await self._send_content(_chunks(content, settings), chunks, transaction)
            return
        if this.said:
            answer = _hear(this.said, planned, transaction)
        else:
            answer = await self._say(planned, transaction, ends_with_data=True)
        if answer is not None and transaction.hear_data(answer):
            if transaction.accepted:
                await self._send_content(_dotted(content, settings), 1, transaction, self._plan_ahead(following))
            else:
                await self._send_nothing()

    def _plan_ahead(self, following: Outgoing | None) -> _Ahead | None:
        """What may be said behind the dot; None where the next message has to wait for its turn."""
        if following is None or "PIPELINING" not in self.offer or self._server.lmtp or not self.usable:
            return None
        planned = plan.make(following, self._server)
        return _Ahead(following, planned, Transaction(planned, self._server), []) if planned.commands else None

    # --- commands -------------------------------------------------------------------------------------------------
    async def _say(self, planned: Plan, transaction: Transaction, *, ends_with_data: bool) -> Answer | None:
        """RSET where it is needed, MAIL, RCPTs, DATA: together where the server lets us.  The reply to DATA, if any."""
        if "PIPELINING" not in self.offer:
            return await self._say_one_by_one(planned, transaction, ends_with_data=ends_with_data)
        data = [_DATA] if ends_with_data else []
        limits = self._command_limits(planned) + [self._settings.data_s] * len(data)
        said = await self._exchange([*planned.commands, *data], limits)
        return _hear(said, planned, transaction)

    async def _say_one_by_one(self, planned: Plan, transaction: Transaction, *, ends_with_data: bool) -> Answer | None:
        for line, limit_s in zip(planned.commands, self._command_limits(planned), strict=True):
            said = await self._exchange([line], [limit_s])
            transaction.hear_commands(said)
            if not said or not transaction.is_open:
                return None
        if not ends_with_data or not transaction.accepted:
            return None
        said = await self._exchange([_DATA], [self._settings.data_s])
        return said[0] if said else None

    async def _say_all_at_once(self, planned: Plan, transaction: Transaction) -> None:
        """The message right behind its recipients.  RFC 3030 §4.2."""
        limits = [*self._command_limits(planned), self._settings.final_s]
        transaction.content_begun = self._link.broken is None
        said = await self._exchange(
            [*planned.commands, b"BDAT %d LAST\r\n" % len(planned.content), planned.content], limits
        )
        transaction.hear_commands(said[: len(planned.commands)])
        transaction.hear_content(said[len(planned.commands) :])

    def _command_limits(self, planned: Plan) -> list[float]:
        return [self._settings.mail_s] + [self._settings.rcpt_s] * (len(planned.commands) - 1)

    async def _exchange(self, lines: Sequence[bytes], limits: Sequence[float]) -> list[Answer]:
        """Lines and their replies, fewer when the link broke.  An unfinished transaction is ended before."""
        if not self._needs_reset:
            self._link.expect(limits)
            self._link.write(b"".join(lines))
            return await self._link.answers()
        self._needs_reset = False
        if "PIPELINING" not in self.offer:
            _expect_reset(await self._exchange([b"RSET\r\n"], [self._settings.hello_s]))
            return await self._exchange(lines, limits)
        said = await self._exchange([b"RSET\r\n", *lines], [self._settings.hello_s, *limits])
        _expect_reset(said[:1])
        return said[1:]

    # --- content --------------------------------------------------------------------------------------------------
    async def _send_content(
        self, blocks: Iterator[Block], chunks: int, transaction: Transaction, ahead: _Ahead | None = None
    ) -> None:
        """Blocks, then the replies: one for each chunk but the last, and those to the message.

        With ``ahead``, the commands of the next message are in the last write.
        """
        link, settings = self._link, self._settings
        finals = len(transaction.accepted) if self._server.lmtp else 1
        link.begin_phase(settings.content_s)
        limits = [settings.final_s] * (chunks - 1 + finals)
        link.expect(limits if ahead is None else [*limits, *self._command_limits(ahead.planned), settings.data_s])
        if link.broken is not None:
            return
        transaction.content_begun = True
        block = next(blocks)
        for following in blocks:
            link.write(*block)
            await link.drain()
            if link.broken is not None or _is_over(link.heard, chunks):
                self._stop_early(transaction)
                return
            block = following
        link.write(*block, *(() if ahead is None else (*ahead.planned.commands, _DATA)))
        link.end_phase()
        said = await link.answers()
        if all(map(transaction.hear_chunk, said[: chunks - 1])):
            transaction.hear_content(said[chunks - 1 : chunks - 1 + finals])
        if ahead is not None:
            self._keep_ahead(ahead, said[chunks - 1 + finals :], transaction)

    def _keep_ahead(self, ahead: _Ahead, said: list[Answer], transaction: Transaction) -> None:
        """Keep the next message's replies for its turn.

        A server that refused this message and thinks its transaction open (RFC 5321 §4.1.1.4 has it ended) may say
        503 to the next MAIL.  That is not meant for the next message: it gets a connection of its own.
        """
        if transaction.is_open and said and said[0].code == _BAD_SEQUENCE:
            self._link.give_up(Broken("4.5.0", "the server did not end a transaction"))
        else:
            self._ahead = ahead._replace(said=said)

    def _stop_early(self, transaction: Transaction) -> None:
        """The server has answered to a message it does not have yet: a refusal holds, an acceptance does not."""
        refusals = [answer for answer in self._link.heard if answer.code >= 300]
        if refusals:
            transaction.hear_chunk(refusals[0])
        self._link.give_up(Broken("4.5.0", "the server answered before the end of the message"))

    async def _send_nothing(self) -> None:
        """After 354 although nobody was accepted: an empty message, whatever is said to it.  RFC 2920 §3.1.

        An LMTP server would have no reply to that (RFC 2033 §4.2), so it is left.
        """
        if self._server.lmtp:
            self._link.give_up(Broken("4.5.0", "354 without a recipient"))
            return
        self._link.expect([self._settings.final_s])
        self._link.write(b".\r\n")
        await self._link.answers()


_DATA: Final = b"DATA\r\n"
_BAD_SEQUENCE: Final = 503


def _hear(said: Sequence[Answer], planned: Plan, transaction: Transaction) -> Answer | None:
    """Take the replies to the plan's commands; the one to a DATA behind them, if it came."""
    commands = len(planned.commands)
    transaction.hear_commands(said[:commands])
    return said[commands] if len(said) > commands else None


def _expect_reset(said: Sequence[Answer]) -> None:
    if said and said[0].code // 100 != 2:
        raise FormatError("SMTP reply", 0, "RFC 5321 §4.1.1.5: 250 to RSET")


def _is_over(heard: Sequence[Answer], chunks: int) -> bool:
    return len(heard) >= chunks or any(answer.code >= 300 for answer in heard)


def _dotted(content: bytes, settings: ClientSettings) -> Iterator[Block]:
    """The message as DATA carries it."""
    if len(content) <= settings.block_octets:
        yield (stuff(content),)
    else:
        for block in stuffed_blocks(content, settings.block_octets):
            yield (block,)


def _chunks(content: bytes, settings: ClientSettings) -> Iterator[Block]:
    """The message as BDAT carries it.  RFC 3030 §2."""
    for start in range(0, len(content), settings.chunk_octets):
        chunk = memoryview(content)[start : start + settings.chunk_octets]
        last = b" LAST" if start + len(chunk) == len(content) else b""
        yield b"BDAT %d%b\r\n" % (len(chunk), last), chunk[: settings.block_octets]
        for at in range(settings.block_octets, len(chunk), settings.block_octets):
            yield (chunk[at : at + settings.block_octets],)
