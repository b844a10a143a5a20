"""What this server writes to people about lists, forwarding, devices; in each language.  Nobody answers: RFC 3834 §5.

Words of strangers (addresses, subjects) are put on one line first.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec

from courriel.base.i18n import N_, translator
from courriel.formats.message.build import Attachment, Draft, Person, build
from courriel.formats.path import Path, parse_address
from courriel.formats.reports.dsn import one_line

WIDTH: Final = 72
"""Columns of the text."""


class Notice(Enum):
    """The kinds: subject, then paragraphs."""

    JOIN = (
        N_("Please confirm: join {list}?"),
        N_("Somebody, we hope you, asked that {address} gets the mail of the list {list}."),
        N_("To confirm, reply to this message; what you write in it does not matter."),
        N_("If you do not want this, do nothing: without an answer nothing happens."),
    )
    LEAVE = (
        N_("Please confirm: leave {list}?"),
        N_("Somebody, we hope you, asked that {address} gets no more mail of the list {list}."),
        N_("To confirm, reply to this message; what you write in it does not matter."),
        N_("If you do not want this, do nothing: without an answer nothing happens."),
    )
    JOINED = (
        N_("You are on the list {list}"),
        N_("{address} gets the mail of the list {list} from now on."),
        N_("To leave it, write to {leave}; an empty message is enough."),
    )
    LEFT = (
        N_("You have left the list {list}"),
        N_("{address} gets no more mail of the list {list}."),
    )
    HELD = (
        N_("A post to {list} waits for you: {subject}"),
        N_("{address} has written to the list {list}, and may not post there unasked. The message is attached."),
        N_("To publish it, reply to this message; what you write in it does not matter."),
        N_("To reject it, write to {reject}; an empty message is enough. Nobody is told."),
    )
    SUSPENDED = (
        N_("{address} gets no more mail of {list}"),
        N_(
            "Mail of the list {list} to {address} came back, and is not sent there any more. Days with bounces: {days}."
        ),
        N_("When the address works again: courriel list add-member {list} {address}"),
    )
    HELP = (
        N_("About the list {list}"),
        N_("To write to everyone on it: {list}"),
        N_("To join, write to {join}. To leave, write to {leave}. An empty message is enough; we ask back."),
        N_("The people who look after it: {owner}"),
    )
    FORWARD_FAILS = (
        N_("Your mail cannot be sent on to {target}"),
        N_("Mail for {address} is sent on to {target}, as you wished, and refused there. Days with refusals: {days}."),
        N_("Its last answer: {reply}"),
        N_("Please ask for another address, or for no forwarding: courriel user forward {address} --off"),
    )
    KEYS_WAIT = (
        N_("Please publish: new keys of {domain}"),
        N_("New spare keys of {domain} are to be put into the DNS; until then the old ones sign its mail (DKIM)."),
        N_("This says what to publish: courriel dkim show {domain}"),
        N_("Nothing else is to be done: what is published is noticed by itself."),
    )
    KEYS_GONE = (
        N_("The keys of {domain} are not in the DNS any more"),
        N_("So mail of {domain} leaves without a signature (DKIM), and some servers may refuse it."),
        N_("This says what to publish: courriel dkim show {domain}"),
        N_("Nothing else is to be done: what is published is noticed by itself."),
    )
    SCRIPT_FAILS = (
        N_("Your mail rules stopped at an error"),
        N_("A message for {address} could not be sorted by the script “{script}”, and is in your INBOX: {problem}"),
        N_("Please mend the script; until then all mail it stops at goes to your INBOX."),
        N_("This is told once for each error."),
    )
    NEW_MAIL = (
        N_("New mail: {subject}"),
        N_("{address} has new mail from {sender}: {subject}"),
    )
    DEVICE_TOO_MANY = (
        N_("The device {device} sends too much"),
        N_(
            "The device {device} has sent {hourly} messages within an hour, as many as it may. What it sends beyond is"
            " refused for now."
        ),
        N_(
            "If that is not its usual work, it is broken or in other hands: switch it off, or take it the right to"
            " send: courriel device remove {device}"
        ),
        N_("If it logs in, a new password shuts out whoever has the old one: courriel device passwd {device}"),
        N_("If it is, give it more: remove it, and add it again with a greater --hourly."),
        N_("This is told once an hour at most."),
    )


class Wording(msgspec.Struct, frozen=True):
    """Who writes, and when: ``id`` is fresh, letters and digits; ``languages`` in order."""

    hostname: str
    id: str
    now: float
    languages: tuple[str, ...]


def moment(seconds: float) -> datetime:
    """POSIX time as the Date of what we write."""
    return datetime.fromtimestamp(int(seconds), UTC)


def mailer_daemon(hostname: str) -> Person:
    """The server itself, as it writes of mail."""
    return Person("Mail Delivery System", Path("MAILER-DAEMON", hostname))


def write(
    notice: Notice,
    wording: Wording,
    sender: Person,
    to: str,
    values: Mapping[str, str],
    *,
    reply_to: str = "",
    attached: bytes | None = None,
    submitted: str = "auto-generated",
) -> bytes:
    """A whole message from ``sender`` to an address; ``values`` are what texts name in braces."""
    shown = {name: one_line(value) for name, value in values.items()}
    subject, *paragraphs = notice.value
    return letter(
        wording,
        sender,
        to,
        translator(wording.languages[0])(subject).format(**shown),
        "\n\n-- \n\n".join(_text(paragraphs, language, shown) for language in wording.languages),
        reply_to=reply_to,
        attached=attached,
        submitted=submitted,
    )


def letter(
    wording: Wording,
    sender: Person,
    to: str,
    subject: str,
    text: str,
    *,
    reply_to: str = "",
    attached: bytes | None = None,
    submitted: str = "auto-generated",
) -> bytes:
    """A whole message of which no program is to answer; ``submitted`` says so (RFC 3834 §5)."""
    draft = Draft(
        sender,
        moment(wording.now),
        f"<{wording.id}@{wording.hostname}>",
        to=(Person("", parse_address(to)),),
        reply_to=(Person("", parse_address(reply_to)),) if reply_to else (),
        subject=subject,
        text=text,
        attachments=(Attachment("post.eml", attached),) if attached is not None else (),
        extra=(("Auto-Submitted", submitted), ("Content-Language", ", ".join(wording.languages))),
    )
    return build(draft, wording.id)


def _text(paragraphs: Sequence[str], language: str, values: Mapping[str, str]) -> str:
    say = translator(language)
    filled = [say(one).format(**values) for one in paragraphs]
    return "\n\n".join(textwrap.fill(one, WIDTH, break_long_words=False, break_on_hyphens=False) for one in filled)
