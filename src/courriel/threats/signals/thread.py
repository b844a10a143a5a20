"""False answers: "Re:" without anything that was answered, or an answer to a message that nobody here has.

A subject with "Re:" or "Fwd:" borrows trust. How it is evaded: a stolen mailbox answers in real threads; then the
references are known, and only what is asked for and the links are left. Good mail: programs that lose References, and
people who type "Re:".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

REFERENCES: Final = 20
"""Message-IDs asked for: the newest."""

_REPLY: Final = re.compile(r"\s*(?:re|aw|sv|rép|rif|odp|antw)\s?(?:\[\d+\])?\s?:", re.IGNORECASE)
_FORWARD: Final = re.compile(r"\s*(?:fwd?|tr|wg|rv|enc|i)\s?:", re.IGNORECASE)
_QUOTED: Final = re.compile(
    r"(?m)^\s*(?:>|-{2,}\s?(?:original|forwarded|message|mensaje|ursprüngliche)|(?:le|on|am|el|em)\b.{5,120}"
    r"\b(?:a écrit|wrote|schrieb|escribió|escreveu)\s?:|_{10,})|\b(?:de|from|von|de la part de)\s?:.{3,200}"
    r"\b(?:sent|date|envoyé|gesendet|enviado|à|to)\s?:",
    re.IGNORECASE,
)
_ID: Final = re.compile(r"<[^<>\s]{1,250}>")

FALSE_REPLY: Final = Signal(
    name="context.false-reply",
    group=Group.CONTEXT,
    seen=N_("The subject says “{prefix}”, but the message answers nothing."),
    why=N_("The two letters make it look like part of a conversation that never was."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.9, Kind.PHISHING: 0.8, Kind.SCAM: 0.5},
)
UNKNOWN_THREAD: Final = Signal(
    name="context.unknown-thread",
    group=Group.CONTEXT,
    seen=N_("It claims to answer messages that you never sent or received."),
    why=N_("Stolen or invented conversations make people trust a link or a file."),
    then=advice.ASK,
    weights={Kind.PHISHING: 0.6, Kind.MALWARE: 0.6, Kind.SPEAR_PHISHING: 0.6},
)
KNOWN_THREAD: Final = Signal(
    name="context.known-thread",
    group=Group.CONTEXT,
    seen=N_("It answers a message that you have."),
    why=N_("Who answers your own message has usually received it."),
    then=advice.NOTHING,
    weights={},
    good=-1.5,
)


def reply(view: View) -> Iterable[Finding]:
    """Compares the subject with the references, and the references with what the account has."""
    if view.channel is not Channel.MAIL:
        return
    references = _ID.findall(f"{view.header('references') or ''} {view.header('in-reply-to') or ''}")[-REFERENCES:]
    if references:
        yield from _known(view, references)
    elif not view.header("message-id"):
        return  # a bare text: nobody knows what its header said
    elif prefix := _REPLY.match(view.subject):
        if not _QUOTED.search(view.plain or view.visible):
            evidence = Evidence("subject", view.subject[:100])
            yield Finding(FALSE_REPLY.name, FALSE_REPLY.group, 1.0, (evidence,), {"prefix": prefix[0].strip()})
    elif (prefix := _FORWARD.match(view.subject)) and not _QUOTED.search(view.plain or view.visible):
        evidence = Evidence("subject", view.subject[:100])
        yield Finding(FALSE_REPLY.name, FALSE_REPLY.group, 0.4, (evidence,), {"prefix": prefix[0].strip()})


def _known(view: View, references: list[str]) -> Iterable[Finding]:
    known = view.context.known_message_ids
    if known is None:
        return
    seen = next((reference for reference in reversed(references) if known(reference)), None)
    if seen is not None:
        yield Finding(KNOWN_THREAD.name, KNOWN_THREAD.group, 1.0, (Evidence("references", seen[:100]),))
    elif not view.header("list-id"):
        yield Finding(UNKNOWN_THREAD.name, UNKNOWN_THREAD.group, 0.8, (Evidence("references", references[-1][:100]),))


SIGNALS: Final[tuple[Signal, ...]] = (FALSE_REPLY, UNKNOWN_THREAD, KNOWN_THREAD)
LOOKS: Final[tuple[Look, ...]] = (reply,)
