"""STARTTLS.  RFC 3207; nothing received in clear survives it (AUTH attack row 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courriel.smtp import replies
from courriel.smtp.replies import reply_for
from courriel.smtp.wire.command import StartTls
from courriel.smtp.wire.faults import NotOffered, OutOfOrder

if TYPE_CHECKING:
    from courriel.smtp.server import SmtpDialogue


async def run(dialogue: SmtpDialogue, _starttls: StartTls) -> None:
    session, context = dialogue.session, dialogue.service.desk.tls
    if context is None:
        session.error(reply_for(NotOffered()))
        return
    if dialogue.client.tls or dialogue.client.account is not None:
        session.error(reply_for(OutOfOrder()))
        return
    session.say(replies.READY_FOR_TLS)
    dialogue.send()
    session.discard_input()
    try:
        await dialogue.connection.start_tls(context)
    except OSError as error:  # the client's certificate rules, its version, or its patience
        dialogue.connection.event("smtp.starttls.failed", error=type(error).__name__)
        session.close()
        dialogue.connection.abort()
        return
    session.secured()
    dialogue.forget_client()
