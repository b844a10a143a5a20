"""``vacation``: what a script wants answered.  RFC 5230; ``:seconds`` RFC 6131; ``:fcc`` RFC 8580.

Whether there is an answer at all (never to lists, reports, programs; once a while) is delivery's to judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from courriel.base.i18n import N_
from courriel.sieve.actions import Fcc, Vacation
from courriel.sieve.core import WHERE_TAGS, check_address, check_mailbox, mailbox_or_error, split_flags
from courriel.sieve.run import Run, StepFunction
from courriel.sieve.usage import Given, Tags, TagUsage, Takes, Usage

DAY_S: Final = 86_400

FCC_TAGS: Final[Tags] = {**WHERE_TAGS, "fcc": TagUsage(Takes.STRING, "fcc")}


def fcc_of(given: Given) -> Callable[[Run], Fcc | None]:
    """Where ``:fcc`` files the copy."""
    name, line = given.tag_text("fcc"), given.line
    if name is None:
        if given.one_of("flags", "create", "specialuse"):
            given.compiler.wrong(line, N_("“:flags”, “:create” and “:specialuse” go with “:fcc” here"))
        return lambda _run: None
    check_mailbox(given, name)
    mailbox, flags, create, special = name, given.tag_texts("flags"), given.has("create"), given.tag_text("specialuse")

    def fcc(run: Run) -> Fcc:
        return Fcc(
            mailbox_or_error(mailbox(run), line),
            tuple(split_flags(flags(run))) if flags is not None else (),
            create,
            special(run) if special is not None else "",
        )

    return fcc


def _vacation(given: Given) -> StepFunction:
    reason, subject, sender, handle = given.text(0), *map(given.tag_text, ("subject", "from", "handle"))
    addresses, mime, line = given.tag_texts("addresses"), given.has("mime"), given.line
    days, seconds, fcc = given.tag_number("days"), given.tag_number("seconds"), fcc_of(given)
    if sender is not None:
        check_address(given, sender)

    def step(run: Run) -> None:
        settings = run.settings
        interval_s = (
            seconds if seconds is not None else DAY_S * (settings.vacation_days if days is None else max(1, days))
        )
        about = subject(run) if subject is not None else ""
        own = sender(run) if sender is not None else ""
        text = reason(run)
        name = handle(run) if handle is not None else f"{about}\0{own}\0{int(mime)}\0{text}"
        run.act(
            Vacation(
                text,
                hashlib.sha256(name.encode("utf-8", "replace")).hexdigest(),
                min(interval_s, settings.vacation_days_most * DAY_S),
                about,
                own,
                addresses(run) if addresses is not None else (),
                mime,
                fcc(run),
            ),
            line,
        )

    return step


COMMANDS: Final = {
    "vacation": Usage(
        _vacation,
        (Takes.STRING,),
        {
            **FCC_TAGS,
            "days": TagUsage(Takes.NUMBER, group="interval"),
            "seconds": TagUsage(Takes.NUMBER, "vacation-seconds", "interval"),
            "subject": TagUsage(Takes.STRING),
            "from": TagUsage(Takes.STRING),
            "addresses": TagUsage(Takes.STRINGS),
            "mime": TagUsage(),
            "handle": TagUsage(Takes.STRING),
        },
        ("vacation", "vacation-seconds"),
    )
}
TESTS: Final[dict[str, Usage]] = {}
