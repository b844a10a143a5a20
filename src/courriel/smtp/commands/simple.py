"""RSET, NOOP, VRFY, EXPN, HELP, QUIT.  RFC 5321 §4.1.1.5–10."""

from __future__ import annotations

from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Expn, Help, Noop, Quit, Rset, Vrfy
from courriel.smtp.wire.faults import NotOffered


async def rset(talk: Talk, _rset: Rset) -> None:
    talk.session.reset()
    talk.session.say(replies.OK)


async def noop(talk: Talk, _noop: Noop) -> None:
    talk.session.say(replies.OK)


async def vrfy(talk: Talk, _vrfy: Vrfy) -> None:
    """Says nothing about who lives here (RFC 5321 §3.5.3, §7.3; AUTH attack row 35)."""
    talk.session.say(replies.MAYBE)


async def expn(talk: Talk, _expn: Expn) -> None:
    """Lists are nobody's business (RFC 5321 §7.3)."""
    talk.session.error(reply_for(NotOffered()))


async def help_(talk: Talk, _help: Help) -> None:
    talk.session.say(replies.HELP_TEXT)


async def quit_(talk: Talk, _quit: Quit) -> None:
    talk.session.close()
    talk.session.say(f"221 2.0.0 {talk.service.desk.hostname} closing connection\r\n".encode("ascii"))
