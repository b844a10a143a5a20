"""A conversation with an SMTP or LMTP client: lines, order, state, limits.  RFC 5321 §4.1.4, RFC 2920, RFC 3030.

Pure and pulled: ``receive`` takes bytes, ``next_event`` gives the next command (or message, or line of a login)
whose syntax and order are right, None when more bytes are needed.  What is wrong is answered here.  Replies gather
in ``out``; the owner sends them in one write a burst.  Whoever runs a command tells the session what came of it
(``greeted``, ``began``, ``took_recipient``, …); only that moves the state.

    state    commands beyond EHLO HELO LHLO RSET NOOP QUIT VRFY EXPN HELP, which may always come
    FRESH    -
    READY    MAIL, STARTTLS, AUTH
    MAIL     RCPT
    RCPT     RCPT, DATA, BDAT
    CHUNKS   BDAT (RSET ends it)
    BROKEN   nothing: a chunk was refused, so only RSET (or EHLO) helps.  RFC 3030 §4.2

No clock, no I/O; what is permitted to whom is judged in ``commands``.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import CourrielError
from courriel.model.envelope import Body, Recipient
from courriel.model.refusals import MessageTooLarge, TryLater
from courriel.smtp import replies
from courriel.smtp.budget import Budget
from courriel.smtp.replies import reply_for
from courriel.smtp.settings import SmtpSettings
from courriel.smtp.wire import command
from courriel.smtp.wire.command import Auth, Bdat, Command, Data, Mail, Rcpt, StartTls
from courriel.smtp.wire.data import END_OF_DATA, HOLD_BACK, Pieces, find_end, starts_with_end, unstuff
from courriel.smtp.wire.faults import (
    BadChunk,
    BareLineEnd,
    CommandFault,
    LineTooLong,
    NotOurLanguage,
    OutOfOrder,
)
from courriel.smtp.wire.reply import Reply


class State(Enum):
    """How far a transaction is."""

    FRESH = "fresh"
    READY = "ready"
    MAIL = "mail"
    RCPT = "rcpt"
    CHUNKS = "chunks"
    BROKEN = "broken"


BEFORE: Final[dict[type[Command], tuple[State, ...]]] = {
    Mail: (State.READY,),
    Rcpt: (State.MAIL, State.RCPT),
    Data: (State.RCPT,),
    Bdat: (State.RCPT, State.CHUNKS),
    StartTls: (State.READY,),
    Auth: (State.READY,),
}
"""In which states a command may come; those not named may come in each.  RFC 5321 §4.1.4."""

ADVANCING: Final = frozenset({Mail, Rcpt, Data, Bdat})
"""Commands that bring a message nearer; all others count towards ``idle_commands``."""


class Content(msgspec.Struct, frozen=True):
    """A whole message, dots removed, or the reason for which it cannot be taken.

    ``fatal``: the conversation cannot be trusted after this and ends.
    """

    octets: bytes
    fault: CourrielError | None = None
    fatal: bool = False


class Chunk(msgspec.Struct, frozen=True):
    """A chunk of BDAT that was not the last has come, and was kept."""

    octets: int


class AuthLine(msgspec.Struct, frozen=True):
    """A line of a running login, still base64.  RFC 4954 §4."""

    line: bytes


Event = Command | Content | Chunk | AuthLine


class _Gathering:
    """A message that is coming in: by DATA, or chunk by chunk."""

    __slots__ = ("at_start", "chunk_left", "fault", "is_bdat", "last", "pieces", "taken")

    def __init__(self, is_bdat: bool) -> None:
        self.pieces = Pieces()
        self.is_bdat = is_bdat
        self.at_start = not is_bdat
        self.chunk_left = 0
        self.last = False
        self.taken = 0
        self.fault: CourrielError | None = None


class Session:
    """One client's conversation."""

    __slots__ = (
        "_at",
        "_binary",
        "_budget",
        "_buffer",
        "_errors",
        "_gathering",
        "_idle",
        "_in_data",
        "_settings",
        "_skipping",
        "authenticating",
        "closed",
        "mail",
        "out",
        "recipients",
        "state",
    )

    def __init__(self, settings: SmtpSettings, budget: Budget) -> None:
        self._settings = settings
        self._budget = budget
        self._buffer = b""
        self._at = 0
        self._skipping = False
        self._in_data = False
        self._gathering: _Gathering | None = None
        self._errors = 0
        self._idle = 0
        self._binary = False
        self.authenticating = False
        self.state = State.FRESH
        self.mail: Mail | None = None
        self.recipients: list[Recipient] = []
        self.out: list[bytes] = []
        self.closed = False

    # --- bytes in, events out -------------------------------------------------------------------------------
    def receive(self, data: bytes) -> None:
        """Take what came from the client."""
        if self._at < len(self._buffer):
            self._buffer = self._buffer[self._at :] + data
        else:
            self._buffer = data
        self._at = 0

    @property
    def is_partial(self) -> bool:
        """Whether a line or a message is half here."""
        return self._in_data or self._skipping or self._at < len(self._buffer)

    @property
    def is_receiving_content(self) -> bool:
        return self._in_data

    def next_event(self) -> Event | None:
        """The next thing to do; None when more bytes are needed (or nothing is to be done any more)."""
        while not self.closed:
            event: Event | None
            if self._in_data:
                event = self._next_content()
                if self.closed or (event is None and self._in_data):
                    return None
            elif self._at == len(self._buffer):
                return None
            else:
                end = self._buffer.find(b"\r\n", self._at)
                if end < 0:
                    self._judge_rest()
                    return None
                line = self._buffer[self._at : end]
                self._at = end + 2
                event = self._judge_line(line)
            if event is not None:
                return event
        return None

    # --- lines ----------------------------------------------------------------------------------------------
    def _judge_line(self, line: bytes) -> Event | None:
        """A command or a line of a login; None when it was answered here."""
        if b"\n" in line or b"\r" in line:
            self._refuse(NotOurLanguage() if self._is_tls(line) else BareLineEnd(), fatal=True)
            return None
        if self._skipping:
            self._skipping = False
            self._refuse(LineTooLong())
            return None
        if len(line) > self._settings.line_octets and len(line) > self._line_limit(line):
            is_tls = self._is_tls(line)
            self._refuse(NotOurLanguage() if is_tls else LineTooLong(), fatal=is_tls)
            return None
        if self.authenticating:
            return AuthLine(line)
        mail = self.mail
        try:
            asked = command.parse(line, smtputf8=mail is not None and mail.smtputf8)
        except CommandFault as fault:
            self._refuse(fault, fatal=isinstance(fault, BadChunk | NotOurLanguage))
            return None
        kind = type(asked)
        if kind is Bdat:
            self._open_chunk(asked)  # type: ignore[arg-type]
            return None
        before = BEFORE.get(kind)
        if before is not None and self.state not in before:
            self._refuse(OutOfOrder())
            return None
        if kind not in ADVANCING and self._is_too_idle():
            return None
        return asked

    def _is_too_idle(self) -> bool:
        """Count a command that brings no message nearer; too many of them end the conversation."""
        self._idle += 1
        if self._idle > self._settings.idle_commands:
            self.close(replies.TOO_IDLE)
        return self.closed

    def _line_limit(self, start: bytes) -> int:
        wide = self.authenticating or start[:5].upper() == b"AUTH "
        return self._settings.auth_line_octets if wide else self._settings.line_octets

    def _is_tls(self, start: bytes) -> bool:
        """Whether this is the beginning of a TLS handshake on a port that does not begin with one."""
        return not self.authenticating and start.startswith(b"\x16\x03")

    def _judge_rest(self) -> None:
        """There is no whole line: do not let it grow for ever, and do not wait for ever after a bare LF.

        What is said is the same as if the rest had come in one piece with the beginning.
        """
        rest = self._buffer[self._at :]
        if len(rest) <= 1:
            return
        if not self._skipping and self._is_tls(rest):
            self._refuse(NotOurLanguage(), fatal=True)
        elif b"\n" in rest:
            self._refuse(BareLineEnd(), fatal=True)
        elif self._skipping or len(rest) > self._line_limit(rest[:5]) + 1:
            if b"\r" in rest[:-1]:
                self._refuse(BareLineEnd(), fatal=True)
            self._skipping = True
            self._at = len(self._buffer) - 1

    def _refuse(self, fault: CommandFault, *, fatal: bool = False) -> None:
        self.error(reply_for(fault))
        if fatal:
            self.closed = True

    # --- contents -------------------------------------------------------------------------------------------
    def _open_chunk(self, asked: Bdat) -> None:
        """The octets of a chunk must be taken away whatever we think of it.  RFC 3030 §2."""
        gathering = self._gathering
        if gathering is None:
            gathering = self._gathering = _Gathering(is_bdat=True)
        if self.state not in BEFORE[Bdat]:
            self._spoil(gathering, OutOfOrder())
        elif gathering.pieces.octets + asked.octets > self._settings.message_octets:
            self._spoil(gathering, MessageTooLarge())
        gathering.chunk_left = asked.octets
        gathering.last = asked.last
        if not asked.octets and self._is_too_idle():
            return
        self._in_data = True

    def _next_content(self) -> Event | None:
        gathering = self._gathering
        assert gathering is not None
        return self._next_chunk(gathering) if gathering.is_bdat else self._next_data(gathering)

    def _next_data(self, gathering: _Gathering) -> Event | None:
        buffer, at = self._buffer, self._at
        if gathering.at_start:
            ends = starts_with_end(buffer, at)
            if ends is None:
                return None
            gathering.at_start = False
            if ends:
                self._at = at + 3
                return self._whole(gathering)
        end = find_end(buffer, at)
        if end >= 0:
            self._keep(gathering, buffer[at : end + 2])
            self._at = end + len(END_OF_DATA)
            return self._whole(gathering)
        stop = len(buffer) - HOLD_BACK
        if stop > at:
            self._keep(gathering, buffer[at:stop])
            self._at = stop
        return None

    def _next_chunk(self, gathering: _Gathering) -> Event | None:
        buffer, at = self._buffer, self._at
        if gathering.chunk_left:
            stop = min(len(buffer), at + gathering.chunk_left)
            if stop > at:
                self._keep(gathering, buffer[at:stop])
                self._at = stop
                gathering.chunk_left -= stop - at
            if gathering.chunk_left:
                return None
        self._in_data = False
        if isinstance(gathering.fault, OutOfOrder):
            self._forget_gathering()
            self._refuse(gathering.fault)
            return None
        if gathering.last:
            return self._whole(gathering)
        if gathering.fault is not None:
            self.state = State.BROKEN
            self._forget_gathering()
            self.error(reply_for(gathering.fault))
            return None
        self.state = State.CHUNKS
        return Chunk(gathering.pieces.octets)

    def _keep(self, gathering: _Gathering, piece: bytes) -> None:
        pieces = gathering.pieces
        octets = len(piece)
        if gathering.fault is None:
            if pieces.octets + octets > self._settings.message_octets:
                self._spoil(gathering, MessageTooLarge())
            elif self._budget.take(octets):
                gathering.taken += octets
                pieces.add(piece)
                return
            else:
                self._spoil(gathering, TryLater())
        pieces.count(piece)
        if pieces.octets > 2 * self._settings.message_octets:  # we listened long enough to be polite
            self.close(replies.TOO_LARGE)

    def _spoil(self, gathering: _Gathering, fault: CourrielError) -> None:
        """Nothing of this message is kept any more."""
        gathering.fault = gathering.fault or fault
        gathering.pieces.drop()
        self._budget.give(gathering.taken)
        gathering.taken = 0

    def _whole(self, gathering: _Gathering) -> Event:
        """The end of the message is here.  What it took of the budget stays taken until ``finished``."""
        self._in_data = False
        bare = gathering.pieces.has_bare_line_end and not (gathering.is_bdat and self._binary)
        if bare:
            self._spoil(gathering, BareLineEnd())
            return Content(b"", BareLineEnd(), fatal=True)
        if gathering.fault is not None:
            return Content(b"", gathering.fault)
        content = gathering.pieces.join()
        gathering.pieces.drop()
        return Content(content if gathering.is_bdat else unstuff(content))

    def _forget_gathering(self) -> None:
        gathering, self._gathering = self._gathering, None
        if gathering is not None:
            self._budget.give(gathering.taken)
            gathering.taken = 0

    # --- what commands tell ---------------------------------------------------------------------------------
    def say(self, reply: bytes) -> None:
        """Queue a reply."""
        self.out.append(reply)

    def error(self, reply: Reply) -> None:
        """Queue a negative reply that counts; too many of them end the conversation."""
        self.out.append(reply.render())
        self._errors += 1
        if self._errors >= self._settings.errors:
            self.close(replies.TOO_MANY_ERRORS)

    def close(self, reply: Reply | None = None) -> None:
        """Say a last word; nothing that came after is looked at."""
        if not self.closed:
            if reply is not None:
                self.out.append(reply.render())
            self.closed = True

    def greeted(self) -> None:
        """HELO, EHLO, LHLO were right: a new beginning.  RFC 5321 §4.1.4."""
        self.reset()
        self.state = State.READY

    def began(self, mail: Mail) -> None:
        self.mail = mail
        self._binary = mail.body is Body.BINARY_MIME
        self.state = State.MAIL

    def took_recipient(self, recipient: Recipient) -> None:
        self.recipients.append(recipient)
        self.state = State.RCPT

    def opens_data(self) -> None:
        """DATA was answered 354: the message follows."""
        self._gathering = _Gathering(is_bdat=False)
        self._in_data = True

    def finished(self) -> None:
        """The message was taken or refused; ready for the next.  RFC 5321 §4.1.1.4."""
        self._idle = 0
        self.reset()

    def reset(self) -> None:
        """Forget the transaction, keep the greeting.  RFC 5321 §4.1.1.5."""
        self._forget_gathering()
        self._in_data = False
        self.mail = None
        self._binary = False
        if self.recipients:
            self.recipients = []
        if self.state is not State.FRESH:
            self.state = State.READY

    def secured(self) -> None:
        """TLS stands: what was said before never was.  RFC 3207 §4.2."""
        self.reset()
        self.discard_input()
        self.state = State.FRESH

    def discard_input(self) -> None:
        """Drop what came in and was not looked at (AUTH attack row 2)."""
        self._buffer = b""
        self._at = 0
        self._skipping = False

    def lost(self) -> None:
        """The connection has gone: give back what was taken."""
        self.closed = True
        self._forget_gathering()
