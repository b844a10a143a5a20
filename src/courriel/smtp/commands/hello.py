"""HELO, EHLO, LHLO.  RFC 5321 §4.1.1.1, RFC 2033 §4.1."""

from __future__ import annotations

from courriel.model.envelope import Door
from courriel.smtp.replies import reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import Hello
from courriel.smtp.wire.faults import UnknownVerb


async def run(talk: Talk, hello: Hello) -> None:
    session, service = talk.session, talk.service
    if (hello.verb == b"LHLO") is not (service.door is Door.LMTP):
        session.error(reply_for(UnknownVerb()))  # RFC 2033 §4.1: LMTP must not take HELO or EHLO
        return
    session.greeted()
    talk.met(hello)
    if hello.verb == b"HELO":
        session.say(f"250 {service.desk.hostname}\r\n".encode("ascii"))
        return
    session.say(service.offer(bool(talk.client.tls), talk.mechanisms()))
