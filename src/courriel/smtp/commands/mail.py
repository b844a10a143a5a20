"""MAIL FROM.  RFC 5321 §4.1.1.2, §3.3; SIZE RFC 1870 §6.1; RFC 6409 §4.3, §6.1 for submission."""

from __future__ import annotations

from courriel.base.errors import Damaged, Unavailable
from courriel.model.envelope import Door
from courriel.model.refusals import MailRefusal, MessageTooLarge, TryLater
from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Mail


async def run(talk: Talk, mail: Mail) -> None:
    session, service = talk.session, talk.service
    if service.door is Door.SUBMISSION and talk.client.account is None:
        must_secure = not talk.mechanisms() and service.desk.tls is not None and not talk.client.tls
        session.error(replies.NEEDS_TLS if must_secure else replies.NEEDS_LOGIN)
        return
    try:
        if mail.size_octets is not None:
            _check_size(talk, mail.size_octets)
        await service.desk.intake.check_sender(service.door, talk.client, mail.reverse_path)
    except (MailRefusal, Unavailable, Damaged) as reason:
        talk.connection.event("smtp.mail.refused", reason=type(reason).__name__, sender=str(mail.reverse_path))
        session.error(reply_for(reason))
        return
    session.began(mail)
    session.say(replies.SENDER_OK)


def _check_size(talk: Talk, octets: int) -> None:
    desk = talk.service.desk
    if octets > desk.settings.message_octets:
        raise MessageTooLarge
    if not desk.budget.has_room(octets):
        raise TryLater
