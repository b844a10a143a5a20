"""DATA, BDAT and the message they bring.  RFC 5321 §4.1.1.4, RFC 3030 §2; LMTP's answer per recipient RFC 2033 §4.2."""

from __future__ import annotations

from courriel.base.errors import CourrielError, Damaged, FormatError, Unavailable
from courriel.base.log import Level
from courriel.model.envelope import Body, Door
from courriel.model.refusals import BadMessage, MailRefusal
from courriel.model.transit import Fate, Receipt
from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.session import Chunk, Content
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Data
from courriel.smtp.wire.data import has_line_longer_than
from courriel.smtp.wire.faults import OutOfOrder


async def run_data(talk: Talk, _data: Data) -> None:
    """DATA: ask for the message."""
    session = talk.session
    if session.mail is not None and session.mail.body is Body.BINARY_MIME:
        session.error(reply_for(OutOfOrder()))  # RFC 3030 §3: BINARYMIME comes by BDAT only
        return
    session.say(replies.START_INPUT)
    session.opens_data()


async def run_chunk(talk: Talk, chunk: Chunk) -> None:
    """A chunk before the last."""
    talk.session.say(b"250 2.0.0 %d octets received\r\n" % chunk.octets)


async def run(talk: Talk, content: Content) -> None:
    """The whole message: take it, or say why not."""
    session, octets = talk.session, content.octets
    try:
        if content.fault is not None:
            raise content.fault
        limit = talk.settings.text_line_octets
        if len(octets) > limit and has_line_longer_than(octets, limit):
            raise BadMessage("smtp.text_line_octets")
        envelope = talk.envelope()
        talk.send()
        receipt = await talk.service.desk.intake.accept(envelope, octets)
    except (MailRefusal, FormatError, Unavailable, Damaged) as reason:
        _refuse(talk, reason)
    else:
        _accept(talk, receipt)
    session.finished()
    if content.fatal:
        session.close()


def _refuse(talk: Talk, reason: CourrielError) -> None:
    talk.connection.event("smtp.message.refused", Level.WARNING, reason=type(reason).__name__, detail=str(reason))
    reply = reply_for(reason).render()
    for _ in range(_answers(talk)):
        talk.session.say(reply)


def _answers(talk: Talk) -> int:
    """How many replies the client waits for."""
    return len(talk.session.recipients) if talk.door is Door.LMTP else 1


def _accept(talk: Talk, receipt: Receipt) -> None:
    accepted = b"250 2.0.0 Accepted as %b\r\n" % receipt.id.encode("ascii")
    if talk.door is Door.LMTP:
        for outcome in receipt.outcomes:
            talk.session.say(accepted if outcome.refusal is None else reply_for(outcome.refusal).render())
        return
    refusal: MailRefusal | None = None
    for outcome in receipt.outcomes:
        if outcome.fate is not Fate.REFUSED:
            talk.session.say(accepted)
            return
        refusal = refusal or outcome.refusal
    talk.session.say(reply_for(refusal or MailRefusal()).render())
