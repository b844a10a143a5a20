"""STARTTLS.  RFC 3207; nothing received in clear survives it (AUTH attack row 2)."""

from __future__ import annotations

from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.talk import Talk
from courriel.smtp.wire.command import StartTls
from courriel.smtp.wire.faults import NotOffered, OutOfOrder


async def run(talk: Talk, _starttls: StartTls) -> None:
    session, context = talk.session, talk.service.desk.tls
    if context is None:
        session.error(reply_for(NotOffered()))
        return
    if talk.client.tls or talk.client.is_logged_in:
        session.error(reply_for(OutOfOrder()))
        return
    session.say(replies.READY_FOR_TLS)
    talk.send()
    session.discard_input()
    try:
        await talk.connection.start_tls(context)
    except OSError as error:  # the client's certificate rules, its version, or its patience
        talk.connection.event("smtp.starttls.failed", error=type(error).__name__)
        session.close()
        talk.connection.abort()
        return
    session.secured()
    talk.forget_client()
