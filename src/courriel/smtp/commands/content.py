"""DATA, BDAT and the message they bring.  RFC 5321 §4.1.1.4, RFC 3030 §2; LMTP's answer per recipient RFC 2033 §4.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courriel.base.errors import CourrielError, Damaged, FormatError, Unavailable
from courriel.base.log import Level
from courriel.model.envelope import Body, Door
from courriel.model.refusals import BadMessage, MailRefusal
from courriel.model.transit import Fate, Receipt
from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.session import Chunk, Content
from courriel.smtp.wire.command import Data
from courriel.smtp.wire.data import has_line_longer_than
from courriel.smtp.wire.faults import OutOfOrder

if TYPE_CHECKING:
    from courriel.smtp.server import SmtpDialogue


async def run_data(dialogue: SmtpDialogue, _data: Data) -> None:
    """DATA: ask for the message."""
    session = dialogue.session
    if session.mail is not None and session.mail.body is Body.BINARY_MIME:
        session.error(reply_for(OutOfOrder()))  # RFC 3030 §3: BINARYMIME comes by BDAT only
        return
    session.say(replies.START_INPUT)
    session.opens_data()


async def run_chunk(dialogue: SmtpDialogue, chunk: Chunk) -> None:
    """A chunk before the last."""
    dialogue.session.say(b"250 2.0.0 %d octets received\r\n" % chunk.octets)


async def run(dialogue: SmtpDialogue, content: Content) -> None:
    """The whole message: take it, or say why not."""
    session, octets = dialogue.session, content.octets
    try:
        if content.fault is not None:
            raise content.fault
        limit = dialogue.settings.text_line_octets
        if len(octets) > limit and has_line_longer_than(octets, limit):
            raise BadMessage("smtp.text_line_octets")
        envelope = dialogue.envelope()
        dialogue.send()
        receipt = await dialogue.service.desk.intake.accept(envelope, octets)
    except (MailRefusal, FormatError, Unavailable, Damaged) as reason:
        _refuse(dialogue, reason)
    else:
        _accept(dialogue, receipt)
    session.finished()
    if content.fatal:
        session.close()


def _refuse(dialogue: SmtpDialogue, reason: CourrielError) -> None:
    dialogue.connection.event("smtp.message.refused", Level.WARNING, reason=type(reason).__name__, detail=str(reason))
    reply = reply_for(reason).render()
    for _ in range(_answers(dialogue)):
        dialogue.session.say(reply)


def _answers(dialogue: SmtpDialogue) -> int:
    """How many replies the client waits for."""
    return len(dialogue.session.recipients) if dialogue.door is Door.LMTP else 1


def _accept(dialogue: SmtpDialogue, receipt: Receipt) -> None:
    accepted = b"250 2.0.0 Accepted as %b\r\n" % receipt.id.encode("ascii")
    if dialogue.door is Door.LMTP:
        for outcome in receipt.outcomes:
            dialogue.session.say(accepted if outcome.refusal is None else reply_for(outcome.refusal).render())
        return
    if all(outcome.fate is Fate.REFUSED for outcome in receipt.outcomes):
        refusal = next((outcome.refusal for outcome in receipt.outcomes if outcome.refusal is not None), None)
        dialogue.session.say(reply_for(refusal or MailRefusal()).render())
        return
    dialogue.session.say(accepted)
