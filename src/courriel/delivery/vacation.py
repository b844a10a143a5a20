"""Whether an absent person's server answers, and what.  RFC 5230 §4.5–4.6 and §5, RFC 3834 §2–3.  Pure.

Never to reports, lists, programs, the owner, or mail that was not written to the owner: each of those would make
letters nobody wants, or a loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.delivery.notices import Wording, moment
from courriel.formats.message.build import Draft, Person, build, header
from courriel.formats.message.parse import header_end
from courriel.formats.path import parse_address
from courriel.sieve.actions import Vacation
from courriel.sieve.message import Message

LIST_FIELDS: Final = (
    *("list-id", "list-post", "list-help", "list-subscribe", "list-unsubscribe", "list-owner", "list-archive"),
)
"""RFC 5230 §4.6; RFC 2369, RFC 2919."""

TO_FIELDS: Final = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
"""RFC 5230 §4.5."""

_PROGRAM: Final = re.compile(
    r"(?:owner-.*|.*-(?:request|owner|bounces?)|listserv|majordomo|mailer-daemon|no-?reply|do-?not-?reply)(?:\+.*)?",
    re.IGNORECASE,
)
"""Local parts of programs.  RFC 5230 §4.6 names most; the last two have become usual."""

SUBJECT_CHARACTERS: Final = 200


def may_answer(message: Message, sender: str, own: Iterable[str]) -> bool:
    """``sender`` is the reverse-path, ``own`` the owner's addresses."""
    mine = {address.lower() for address in own}
    fields = message.fields
    if not sender or sender.lower() in mine or _PROGRAM.fullmatch(sender.rpartition("@")[0]):
        return False
    if any(value.partition(";")[0].strip().lower() != "no" for value in fields.values("auto-submitted")):
        return False
    if any(value.strip().lower() in ("bulk", "list", "junk") for value in fields.values("precedence")):
        return False
    if any(fields.has(name) for name in LIST_FIELDS) or fields.has("x-auto-response-suppress"):
        return False
    named = {f"{local}@{domain}".lower() for field in TO_FIELDS for local, domain in fields.people(field)}
    return any(_plain(address) in mine or address in mine for address in named)


def _plain(address: str) -> str:
    """An address without the detail behind ``+`` (RFC 5233 §4)."""
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def answer(action: Vacation, message: Message, person: Person, to: str, wording: Wording) -> bytes:
    """The whole answer.  ``person`` is who answers; a sender the script names is taken instead."""
    fields = message.fields
    answered = next((one for one in fields.values("message-id") if _MESSAGE_ID.fullmatch(one)), "")
    subject = next(iter(fields.values("subject")), "")
    references = [one for value in fields.values("references") for one in value.split() if _MESSAGE_ID.fullmatch(one)]
    draft = Draft(
        Person(person.name, parse_address(action.sender)) if action.sender else person,
        moment(wording.now),
        f"<{wording.id}@{wording.hostname}>",
        to=(Person("", parse_address(to)),),
        subject=action.subject or f"Auto: {subject[:SUBJECT_CHARACTERS]}",
        text="" if action.mime else action.reason,
        in_reply_to=answered,
        references=(*references[-10:], answered) if answered else (),
        extra=(("Auto-Submitted", "auto-replied"),),
    )
    return header(draft) + _entity(action.reason) if action.mime else build(draft, wording.id)


_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")
_CONTENT: Final = re.compile(rb"content-[!-9;-~]+[ \t]*:", re.IGNORECASE)
_FIELDS: Final = re.compile(rb"[^\n]++\n?(?>(?:[ \t][^\n]*+\n?)*)")


def _entity(reason: str) -> bytes:
    """A MIME entity as the script wrote it; of its header only what describes the content (RFC 5230 §4.4)."""
    raw = reason.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    body = header_end(raw, 0, len(raw))
    kept = [field for field in _FIELDS.findall(raw[:body]) if _CONTENT.match(field)]
    if not raw.isascii() and not any(field.lower().startswith(b"content-transfer-encoding") for field in kept):
        kept.append(b"Content-Transfer-Encoding: 8bit\r\n")
    return b"".join(kept) + b"\r\n" + raw[body:]
