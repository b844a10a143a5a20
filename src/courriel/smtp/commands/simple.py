"""RSET, NOOP, VRFY, EXPN, HELP, QUIT.  RFC 5321 §4.1.1.5–10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.wire.command import Expn, Help, Noop, Quit, Rset, Vrfy
from courriel.smtp.wire.faults import NotOffered

if TYPE_CHECKING:
    from courriel.smtp.server import SmtpDialogue


async def rset(dialogue: SmtpDialogue, _rset: Rset) -> None:
    dialogue.session.reset()
    dialogue.session.say(replies.OK)


async def noop(dialogue: SmtpDialogue, _noop: Noop) -> None:
    dialogue.session.say(replies.OK)


async def vrfy(dialogue: SmtpDialogue, _vrfy: Vrfy) -> None:
    """Says nothing about who lives here (RFC 5321 §3.5.3, §7.3; AUTH attack row 35)."""
    dialogue.session.say(replies.MAYBE)


async def expn(dialogue: SmtpDialogue, _expn: Expn) -> None:
    """Lists are nobody's business (RFC 5321 §7.3)."""
    dialogue.session.error(reply_for(NotOffered()))


async def help_(dialogue: SmtpDialogue, _help: Help) -> None:
    dialogue.session.say(replies.HELP_TEXT)


async def quit_(dialogue: SmtpDialogue, _quit: Quit) -> None:
    dialogue.session.close()
    dialogue.session.say(f"221 2.0.0 {dialogue.service.desk.hostname} closing connection\r\n".encode("ascii"))
