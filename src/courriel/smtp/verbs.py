"""The table to read first: what comes out of a session, and who runs it.

When a command may come stands in ``session.BEFORE``; how it is written, in ``wire.command.PARSERS``; how its
refusals are said, in ``replies.REPLIES``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from courriel.smtp.commands import auth, content, hello, mail, rcpt, simple, starttls
from courriel.smtp.session import AuthLine, Chunk, Content, Event
from courriel.smtp.wire.command import Auth, Data, Expn, Hello, Help, Mail, Noop, Quit, Rcpt, Rset, StartTls, Vrfy

RUN: Final[dict[type[Event], Callable[[Any, Any], Awaitable[None]]]] = {
    Hello: hello.run,
    StartTls: starttls.run,
    Auth: auth.run,
    AuthLine: auth.run_line,
    Mail: mail.run,
    Rcpt: rcpt.run,
    Data: content.run_data,
    Chunk: content.run_chunk,
    Content: content.run,
    Rset: simple.rset,
    Noop: simple.noop,
    Vrfy: simple.vrfy,
    Expn: simple.expn,
    Help: simple.help_,
    Quit: simple.quit_,
}
"""BDAT has no entry: its octets come out as Chunk, and with LAST as Content."""
