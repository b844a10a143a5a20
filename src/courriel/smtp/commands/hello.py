"""HELO, EHLO, LHLO.  RFC 5321 §4.1.1.1, RFC 2033 §4.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courriel.model.envelope import Door
from courriel.smtp.replies import reply_for
from courriel.smtp.wire.command import Hello
from courriel.smtp.wire.faults import UnknownVerb

if TYPE_CHECKING:
    from courriel.smtp.server import SmtpDialogue


async def run(dialogue: SmtpDialogue, hello: Hello) -> None:
    session, service = dialogue.session, dialogue.service
    if (hello.verb == b"LHLO") is not (service.door is Door.LMTP):
        session.error(reply_for(UnknownVerb()))  # RFC 2033 §4.1: LMTP must not take HELO or EHLO
        return
    session.greeted(hello)
    dialogue.met(hello)
    if hello.verb == b"HELO":
        session.say(f"250 {service.desk.hostname}\r\n".encode("ascii"))
        return
    starttls = service.desk.tls is not None and not dialogue.client.tls
    session.say(service.offer(starttls, dialogue.mechanisms()))
