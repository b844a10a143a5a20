"""The words of a report on delivery: its subject, and what happened to each recipient, in each language.

Words of strangers are on one line, without control characters, and short; of a login nothing but its code is told.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec

from courriel.base.i18n import LANGUAGES, N_, translator
from courriel.delivery.explain import explain, is_reply
from courriel.formats import encoded_word
from courriel.formats.message.fields import first, message_fields
from courriel.formats.path import Path
from courriel.formats.reports.dsn import one_line
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Recipient
from courriel.model.queued import Queued

RECIPIENTS_TOLD: Final = 50
"""``bounce.recipients_told``: recipients explained in words, in each language; the fields name all of them."""
REPLY_CHARACTERS: Final = 300
"""``bounce.reply_characters``: of a server's answer that are shown."""
SUBJECT_CHARACTERS: Final = 100
"""``bounce.subject_characters``: of the original subject that are shown."""
WIDTH: Final = 72
"""Columns of the text."""


class Tried(msgspec.Struct, frozen=True):
    """A recipient, the last attempt for it, and when that was (POSIX seconds)."""

    recipient: Recipient
    attempt: Attempt
    at: float


class Origin(msgspec.Struct, frozen=True):
    """Who reports: ``hostname`` (A-labels), a fresh ``id`` of letters and digits, POSIX time, languages in order."""

    hostname: str
    id: str
    now: float
    languages: tuple[str, ...] = LANGUAGES


class Story(Enum):
    """The kinds of report: word of NOTIFY, subject for one and for several recipients, first sentence."""

    FAILURE = (
        "FAILURE",
        N_("Your message to {recipient} was not delivered"),
        N_("Your message was not delivered to {count} recipients"),
        N_("Your message was not delivered to:"),
    )
    DELAY = (
        "DELAY",
        N_("Your message to {recipient} is delayed"),
        N_("Your message to {count} recipients is delayed"),
        N_("Your message is not lost, but could not be delivered yet to:"),
    )
    SUCCESS = (
        "SUCCESS",
        N_("Your message to {recipient} was handed over"),
        N_("Your message was handed over to {count} recipients"),
        N_("As you asked, this says what became of your message to:"),
    )

    def __init__(self, word: str, subject: str, subject_of_many: str, opening: str) -> None:
        self.word = word
        self.subject = subject
        self.subject_of_many = subject_of_many
        self.opening = opening


class Case(msgspec.Struct, frozen=True):
    """All that one report tells.  ``told`` is not empty; ``header`` is the message's own."""

    story: Story
    message: Queued
    told: tuple[Tried, ...]
    header: bytes
    complete: bool
    """The whole message comes back, not its header alone."""
    origin: Origin
    retry_until: float | None = None
    """When a delayed message is given up (POSIX seconds)."""


_UNTIL: Final = N_("Our server keeps trying until {date}.")
_GIVEN_UP: Final = N_("Our server has tried since {date} and has now given up.")
_MORE: Final = N_("{count} more recipients are named in the second part of this report.")
_ABOUT: Final = N_("This is about your message “{subject}” of {date}.")
_ALL_ATTACHED: Final = N_("It is attached.")
_HEADER_ATTACHED: Final = N_("Its header is attached.")
_WRITTEN_BY: Final = N_("The mail system of {hostname} wrote this by itself: nobody reads answers to it.")
_ANSWER: Final = N_("Answer of {host}: {reply}")
_DETAIL: Final = N_("Technical detail: {reply}")
_BETWEEN_LANGUAGES: Final = "\n" + "-" * WIDTH + "\n\n"


def subject(case: Case) -> str:
    """What happened in a few words, in the first language."""
    say = translator(case.origin.languages[0])
    if len(case.told) == 1:
        return say(case.story.subject).format(recipient=address(case.told[0].recipient))
    return say(case.story.subject_of_many).format(count=len(case.told))


def text(case: Case) -> str:
    """The first part of the report: the same in each language, one after the other."""
    return _BETWEEN_LANGUAGES.join(["\n".join(_lines(case, language)) + "\n" for language in case.origin.languages])


def shown_reply(attempt: Attempt) -> str:
    """The answer, fit to be shown; of a refused login its code alone, since the words may name the account."""
    reply = one_line(attempt.reply, REPLY_CHARACTERS)
    if attempt.stage is Stage.AUTH:
        return f"{reply[:3]} {attempt.status}".rstrip() if is_reply(reply) else ""
    return reply


def address(recipient: Recipient) -> str:
    """As it is written, quoted where needed."""
    return Path(recipient.address.local, recipient.address.domain).address


def _lines(case: Case, language: str) -> Iterator[str]:
    say = translator(language)
    yield from _wrapped(say(case.story.opening))
    for one in case.told[:RECIPIENTS_TOLD]:
        yield ""
        yield from _recipient_lines(case, one, language)
    if len(case.told) > RECIPIENTS_TOLD:
        yield ""
        yield from _wrapped(say(_MORE).format(count=len(case.told) - RECIPIENTS_TOLD))
    yield ""
    if case.retry_until is not None:
        yield from _wrapped(say(_UNTIL).format(date=_shown_time(case.retry_until)))
    about = say(_ABOUT).format(subject=_original_subject(case.header), date=_shown_time(case.message.queued_at))
    yield from _wrapped(f"{about} {say(_ALL_ATTACHED if case.complete else _HEADER_ATTACHED)}")
    yield from _wrapped(say(_WRITTEN_BY).format(hostname=case.origin.hostname))


def _recipient_lines(case: Case, one: Tried, language: str) -> Iterator[str]:
    say = translator(language)
    given_up = case.story is Story.FAILURE and one.attempt.result is Result.DEFERRED
    happened, advice, again = explain(one.attempt, given_up=given_up).in_language(language)
    yield address(one.recipient)
    yield from _wrapped(happened, "    ")
    if given_up:
        yield from _wrapped(say(_GIVEN_UP).format(date=_shown_time(case.message.queued_at)), "    ")
    yield from _wrapped(f"{advice} {again}", "    ")
    reply = shown_reply(one.attempt)
    if reply and case.story is not Story.SUCCESS:
        words = say(_ANSWER if is_reply(reply) else _DETAIL)
        yield from _wrapped(words.format(host=one_line(one.attempt.host) or "?", reply=reply), "    ")


def _original_subject(header: bytes) -> str:
    raw = first(message_fields(header, 0, len(header)), b"subject") or b""
    return one_line(encoded_word.decode(raw), SUBJECT_CHARACTERS)


def _wrapped(line: str, indent: str = "") -> list[str]:
    wrapper = textwrap.TextWrapper(WIDTH, initial_indent=indent, subsequent_indent=indent)
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.wrap(line)


def _shown_time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
