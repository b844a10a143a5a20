"""What kind of answer a server gave: enhanced codes, reply codes, stages, and texts that say more than their code.

Texts go first: big providers put many reasons behind one code (5.7.1), or use a registered one for something else
(Gmail: 5.7.30 for DKIM, which is REQUIRETLS in the registry).  Then the enhanced code (RFC 3463, and the registry of
RFC 5248: RFC 7372 for authentication, RFC 7505 for null MX, RFC 7293 for owners), the reply code (RFC 5321 §4.2.3),
the subject of the enhanced code, and last how far the attempt came.  Pure.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from courriel.delivery.explanations import EXPLANATIONS, Again, Explanation, Kind
from courriel.delivery.reply_texts import kind_of_text
from courriel.model.attempt import Attempt, Result, Stage

REPLY_CHARACTERS: Final = 1_000
"""``explain.reply_characters``: of a reply that are looked at; one line has 512 octets (RFC 5321 §4.5.3.1.5)."""


def explain(attempt: Attempt, *, given_up: bool = False) -> Explanation:
    """The meaning of an attempt; ``given_up``: a deferred one after which nobody will try again."""
    explanation = EXPLANATIONS[kind_of(attempt)]
    if attempt.result is not Result.DEFERRED:
        return explanation
    return msgspec.structs.replace(explanation, again=Again.LATER if given_up else Again.ITSELF)


def is_reply(text: str) -> bool:
    """Whether ``Attempt.reply`` is what the other side said, or our own words where it said nothing."""
    return _REPLY.match(text) is not None


def kind_of(attempt: Attempt) -> Kind:
    """The row of the table that fits best."""
    if attempt.result is Result.DELIVERED:
        return Kind.RELAYED if attempt.host else Kind.DELIVERED
    if attempt.stage in _BY_STAGE_ALONE:
        return _BY_STAGE_ALONE[attempt.stage]
    reply = attempt.reply[:REPLY_CHARACTERS]
    if is_reply(reply):
        return _of_reply(attempt, reply)
    if attempt.stage is Stage.CONTENT:
        return Kind.MAYBE_ARRIVED
    return _of_status(attempt.status) or _BY_STAGE.get(attempt.stage, Kind.BROKEN_CONNECTION)


def _of_reply(attempt: Attempt, reply: str) -> Kind:
    told = kind_of_text(reply)
    if told is not None:
        return told
    found = _STATUS.search(reply)
    code, status = reply[:3], found[1] if found else attempt.status
    return (
        _of_status(status)
        or _of_code(_BY_CODE, code, attempt.stage)
        or _BY_SUBJECT.get(status[2:3])
        or _of_code(_BY_VAGUE_CODE, code, attempt.stage)
        or Kind.UNCLEAR
    )


def _of_status(status: str) -> Kind | None:
    return _BY_STATUS.get(status) or _BY_STATUS.get(status[2:])


def _of_code(table: dict[str | tuple[str, Stage], Kind], code: str, stage: Stage) -> Kind | None:
    return table.get((code, stage)) or table.get(code)


_REPLY: Final = re.compile(r"[2-5][0-9]{2}(?![0-9])")
# Where servers write it: behind the reply code, or as qmail does, "(#5.1.1)"; elsewhere it may be a version.
_STATUS: Final = re.compile(r"(?:^[2-5][0-9]{2}[ -]#?|\(#)([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")

_BY_STAGE_ALONE: Final = {
    Stage.POLICY: Kind.TLS_POLICY,
    Stage.STARTTLS: Kind.TLS_FAILED,
    Stage.AUTH: Kind.LOGIN_REFUSED,
}
_BY_STAGE: Final = {Stage.DNS: Kind.DNS_TROUBLE, Stage.CONNECT: Kind.NO_ANSWER, Stage.GREETING: Kind.NO_ANSWER}

# The enhanced code, mostly without its class; those that say too little (X.0.0, X.3.0, X.7.1) are by subject.
_BY_STATUS: Final[dict[str, Kind]] = {
    "1.1": Kind.NO_SUCH_USER,
    "1.2": Kind.NO_SUCH_DOMAIN,
    "1.3": Kind.BAD_ADDRESS,
    "1.4": Kind.AMBIGUOUS,
    "1.6": Kind.MOVED,
    "1.7": Kind.SENDER_REFUSED,
    "1.8": Kind.SENDER_REFUSED,
    "1.10": Kind.TAKES_NO_MAIL,
    "2.1": Kind.DISABLED,
    "4.2.1": Kind.UNAVAILABLE,  # a mailbox that is closed for a while, or so servers say when they mean us
    "2.2": Kind.FULL,
    "2.3": Kind.TOO_BIG,
    "2.4": Kind.LIST_TROUBLE,
    "2.121": Kind.RECIPIENT_BUSY,  # quirk: Exchange Online, as are the other details of three digits
    "2.122": Kind.RECIPIENT_BUSY,
    "3.1": Kind.SYSTEM_FULL,
    "3.2": Kind.NOT_NOW,
    "3.3": Kind.CONTENT,
    "3.4": Kind.TOO_BIG,
    "3.5": Kind.SERVER_TROUBLE,
    "4.1": Kind.NO_ANSWER,
    "5.4.1": Kind.POLICY,  # who does not answer cannot say so for ever
    "4.2": Kind.BROKEN_CONNECTION,
    "4.3": Kind.DNS_TROUBLE,
    "4.4": Kind.NO_ROUTE,
    "4.5": Kind.BUSY,
    "4.6": Kind.LOOP,
    "4.7": Kind.EXPIRED,
    "5.1": Kind.PROTOCOL,  # X.5.0 is left to the reply code: Outlook.com has it for mailboxes
    "5.2": Kind.PROTOCOL,
    "5.3": Kind.TOO_MANY_RECIPIENTS,
    "5.4": Kind.PROTOCOL,
    "5.5": Kind.PROTOCOL,
    "5.6": Kind.PROTOCOL,
    "6.7": Kind.NEEDS_UTF8,
    "6.8": Kind.NEEDS_UTF8,
    "6.9": Kind.NEEDS_UTF8,
    "6.10": Kind.NEEDS_UTF8,
    "7.2": Kind.LIST_CLOSED,
    "7.3": Kind.ENCRYPTION,
    "7.4": Kind.ENCRYPTION,
    "7.5": Kind.ENCRYPTION,
    "7.6": Kind.ENCRYPTION,
    "7.7": Kind.ENCRYPTION,
    "7.8": Kind.LOGIN_REFUSED,
    "7.9": Kind.POLICY,  # quirk: Yahoo and mail.ru; with a login it would be another stage
    "7.10": Kind.TLS_WANTED,
    "7.11": Kind.TLS_WANTED,
    "7.12": Kind.LOGIN_REFUSED,
    "7.13": Kind.DISABLED,
    "7.14": Kind.LOGIN_REFUSED,
    "7.16": Kind.TOO_BIG,
    "7.17": Kind.OWNER_CHANGED,
    "7.18": Kind.OWNER_CHANGED,
    "7.20": Kind.DKIM,
    "7.21": Kind.DKIM,
    "7.22": Kind.DKIM,
    "7.23": Kind.SPF,
    "7.24": Kind.SPF,
    "7.25": Kind.REVERSE_DNS,
    "7.26": Kind.UNPROVEN,
    "7.27": Kind.SENDER_REFUSED,
    "7.28": Kind.RATE_LIMITED,
    "7.29": Kind.UNPROVEN,
    "7.30": Kind.TLS_POLICY,
    "7.124": Kind.RESTRICTED,
    "7.133": Kind.RESTRICTED,
    "7.134": Kind.RESTRICTED,
    "7.136": Kind.RESTRICTED,
    "7.508": Kind.RATE_LIMITED,
    "7.509": Kind.DMARC,
    "7.511": Kind.BLOCKLISTED,
    "7.515": Kind.UNPROVEN,
    "7.606": Kind.BLOCKLISTED,
    "7.649": Kind.BLOCKLISTED,
}

# Reply codes, some of them at one stage only, that say more than the subject of an enhanced code does.
_BY_CODE: Final[dict[str | tuple[str, Stage], Kind]] = {
    "452": Kind.SYSTEM_FULL,
    "500": Kind.PROTOCOL,
    "501": Kind.PROTOCOL,
    "502": Kind.PROTOCOL,
    "503": Kind.PROTOCOL,
    "504": Kind.PROTOCOL,
    "521": Kind.TAKES_NO_MAIL,  # RFC 7504 §3, as 556
    "530": Kind.LOGIN_REFUSED,
    "535": Kind.LOGIN_REFUSED,
    ("550", Stage.MAIL): Kind.SENDER_REFUSED,
    "551": Kind.NO_SUCH_USER,
    ("553", Stage.MAIL): Kind.SENDER_REFUSED,
    ("554", Stage.GREETING): Kind.REPUTATION,
    "555": Kind.PROTOCOL,
    "556": Kind.TAKES_NO_MAIL,
}
_BY_SUBJECT: Final = {
    "1": Kind.UNAVAILABLE,
    "2": Kind.UNAVAILABLE,
    "3": Kind.SERVER_TROUBLE,
    "4": Kind.BROKEN_CONNECTION,
    "6": Kind.CONTENT,
    "7": Kind.POLICY,
}
# And those that say less.
_BY_VAGUE_CODE: Final[dict[str | tuple[str, Stage], Kind]] = {
    "421": Kind.NOT_NOW,
    "450": Kind.UNAVAILABLE,
    "451": Kind.SERVER_TROUBLE,
    "550": Kind.UNAVAILABLE,
    "552": Kind.TOO_BIG,
    ("552", Stage.RCPT): Kind.FULL,
    "553": Kind.BAD_ADDRESS,
    "554": Kind.POLICY,
}
