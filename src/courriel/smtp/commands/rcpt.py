"""RCPT TO.  RFC 5321 §4.1.1.3, §4.5.3.1.8–10.  Those who guess addresses are slowed, then sent away (AUTH row 35)."""

from __future__ import annotations

from courriel.base.errors import CourrielError, Damaged, Unavailable
from courriel.model.envelope import Door, Recipient
from courriel.model.refusals import MailRefusal, NoSuchAddress, RelayDenied, TooManyRecipients
from courriel.smtp import replies
from courriel.smtp.replies import RECIPIENT_OK, reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Rcpt


async def run(talk: Talk, rcpt: Rcpt) -> None:
    session, service = talk.session, talk.service
    mail = session.mail
    assert mail is not None
    recipient = Recipient(rcpt.forward_path, rcpt.notify, rcpt.original)
    try:
        if len(session.recipients) >= service.recipients:
            raise TooManyRecipients
        await service.desk.intake.check_recipient(
            talk.door, talk.client, mail.reverse_path, recipient, mail.size_octets
        )
    except (MailRefusal, Unavailable, Damaged) as reason:
        await _refuse(talk, recipient, reason)
        return
    session.took_recipient(recipient)
    session.say(RECIPIENT_OK)


async def _refuse(talk: Talk, recipient: Recipient, reason: CourrielError) -> None:
    session, settings = talk.session, talk.settings
    talk.connection.event("smtp.rcpt.refused", reason=type(reason).__name__, rcpt=str(recipient.address))
    if talk.door is Door.MX and isinstance(reason, NoSuchAddress | RelayDenied):
        talk.unknown_recipients += 1
        if talk.unknown_recipients > settings.unknown_recipients:
            talk.send()
            await talk.service.desk.pause(settings.tarpit_s)
    session.say(reply_for(reason).render())
    if talk.unknown_recipients >= settings.refused_recipients:
        session.close(replies.TOO_MANY_ERRORS)
