"""RCPT TO.  RFC 5321 §4.1.1.3, §4.5.3.1.8–10.  Those who guess addresses are slowed, then sent away (AUTH row 35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courriel.base.errors import CourrielError, Damaged, Unavailable
from courriel.model.envelope import Door, Recipient
from courriel.model.refusals import MailRefusal, NoSuchAddress, RelayDenied, TooManyRecipients
from courriel.smtp import replies
from courriel.smtp.replies import RECIPIENT_OK, reply_for
from courriel.smtp.wire.command import Rcpt

if TYPE_CHECKING:
    from courriel.smtp.server import SmtpDialogue


async def run(dialogue: SmtpDialogue, rcpt: Rcpt) -> None:
    session, service = dialogue.session, dialogue.service
    mail = session.mail
    assert mail is not None
    recipient = Recipient(rcpt.forward_path, rcpt.notify, rcpt.original)
    try:
        if len(session.recipients) >= service.recipients:
            raise TooManyRecipients
        await service.desk.intake.check_recipient(
            service.door, dialogue.client, mail.reverse_path, recipient, mail.size_octets
        )
    except (MailRefusal, Unavailable, Damaged) as reason:
        await _refuse(dialogue, recipient, reason)
        return
    session.took_recipient(recipient)
    session.say(RECIPIENT_OK)


async def _refuse(dialogue: SmtpDialogue, recipient: Recipient, reason: CourrielError) -> None:
    session, settings = dialogue.session, dialogue.settings
    dialogue.connection.event("smtp.rcpt.refused", reason=type(reason).__name__, rcpt=str(recipient.address))
    if dialogue.door is Door.MX and isinstance(reason, NoSuchAddress | RelayDenied):
        dialogue.unknown_recipients += 1
        if dialogue.unknown_recipients > settings.unknown_recipients:
            dialogue.send()
            await dialogue.service.desk.pause(settings.tarpit_s)
    session.say(reply_for(reason).render())
    if dialogue.unknown_recipients >= settings.refused_recipients:
        session.close(replies.TOO_MANY_ERRORS)
