"""MAIL FROM.  RFC 5321 §4.1.1.2, §3.3; SIZE RFC 1870 §6.1; RFC 6409 §4.3, §6.1 for submission."""

from __future__ import annotations

from courriel.base.errors import Damaged, Unavailable
from courriel.model.envelope import Door
from courriel.model.refusals import MailRefusal, MessageTooLarge, TryLater
from courriel.model.wishes import NO_WISHES
from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Mail
from courriel.smtp.wire.faults import UnknownParameter


async def run(talk: Talk, mail: Mail) -> None:
    session, service = talk.session, talk.service
    if service.door is Door.SUBMISSION and not talk.client.is_logged_in:
        must_secure = not talk.mechanisms() and service.desk.tls is not None and not talk.client.tls
        session.error(replies.NEEDS_TLS if must_secure else replies.NEEDS_LOGIN)
        return
    if mail.wishes is not NO_WISHES and not _may_wish(talk, mail):
        session.error(reply_for(UnknownParameter()))
        return
    try:
        if mail.size_octets is not None:
            _check_size(talk, mail.size_octets)
        await service.desk.intake.check_sender(talk.door, talk.client, mail.reverse_path)
        if mail.wishes is not NO_WISHES:
            service.desk.intake.check_wishes(mail.wishes)
    except (MailRefusal, Unavailable, Damaged) as reason:
        talk.connection.event("smtp.mail.refused", reason=type(reason).__name__, sender=str(mail.reverse_path))
        session.error(reply_for(reason))
        return
    session.began(mail)
    session.say(_welcome(talk, mail))


def _may_wish(talk: Talk, mail: Mail) -> bool:
    """Whether all parameters were announced at this door."""
    wishes, service = mail.wishes, talk.service
    if wishes.is_for_submission and service.door is not Door.SUBMISSION:
        return False
    return not wishes.require_tls or service.takes_require_tls(bool(talk.client.tls))


def _welcome(talk: Talk, mail: Mail) -> bytes:
    """RFC 6710 §4.1: a priority other than the one asked for is told."""
    highest = talk.service.desk.wishes.highest_priority
    if mail.wishes.priority is None or mail.wishes.priority <= highest:
        return replies.SENDER_OK
    return b"250 2.3.6 OK, with priority %d\r\n" % highest


def _check_size(talk: Talk, octets: int) -> None:
    desk = talk.service.desk
    if octets > desk.settings.message_octets:
        raise MessageTooLarge
    if not desk.budget.has_room(octets):
        raise TryLater
