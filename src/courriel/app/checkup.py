"""The daily examination of every domain of ours; its postmaster hears of what has changed, and of nothing else."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from typing import Final, Protocol

from courriel.app.installation import Installation
from courriel.app.json_file import JsonFile
from courriel.base.i18n import N_, translator
from courriel.base.log import Level, log
from courriel.delivery.intake import Delivery
from courriel.delivery.notices import WIDTH, Wording, letter, mailer_daemon
from courriel.model.envelope import Address
from courriel.model.finding import Finding, Group
from courriel.model.roster import POSTMASTER
from courriel.zones.change import Change, compare
from courriel.zones.words import GROUPS, sentence

FILE_NAME: Final = "doctor.json"
"""What was ill at the last examination, in the data directory."""

FIRST_S: Final = 300.0
"""``doctor.first_s``: wait after the start, so that a server that is restarted again and again asks nobody."""

SUBJECT: Final = N_("Something has changed with the mail of {domain}")
WORSE: Final = N_("What was not there before:")
BETTER: Final = N_("What is gone:")
LAST: Final = N_("To see everything: courriel doctor {domain}")


class Examiner(Protocol):
    async def examine(self, domain: str) -> list[Finding]: ...


class Checkup:
    """Runs as one task of the server."""

    def __init__(self, doctor: Examiner, home: Installation, intake: Delivery) -> None:
        self._doctor = doctor
        self._directory = home.directory
        self._intake = intake
        self._kept = JsonFile(home.data / FILE_NAME, dict[str, tuple[str, ...]], "doctor.kept_not_read")
        self._every_s = home.settings.doctor.every_h * 3600

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(min(FIRST_S, self._every_s))
        while True:
            await self.examine_all()
            await asyncio.sleep(self._every_s)

    async def examine_all(self) -> None:
        """Every domain once.  What goes wrong with one is logged, and the next has its turn."""
        kept = self._kept.load()
        for domain in self._directory.domains():
            try:
                change = compare(kept.get(domain.name, ()), await self._doctor.examine(domain.name))
                if change:
                    await self._tell(domain.name, change)
                kept[domain.name] = change.marks
                self._kept.save(kept)
            except Exception as error:  # it is tried again tomorrow; the server goes on
                log.event("doctor.failed", Level.WARNING, domain=domain.name, error=f"{type(error).__name__}: {error}")

    async def _tell(self, domain: str, change: Change) -> None:
        log.event("doctor.changed", domain=domain, worse=len(change.worse), better=len(change.better))
        to = Address(POSTMASTER, domain)
        await self._intake.write_to(to, lambda wording: _letter(wording, str(to), domain, change))


def _letter(wording: Wording, to: str, domain: str, change: Change) -> bytes:
    subject = translator(wording.languages[0])(SUBJECT).format(domain=domain)
    text = "\n\n-- \n\n".join([_text(domain, change, translator(language)) for language in wording.languages])
    return letter(wording, mailer_daemon(wording.hostname), to, subject, text)


def _text(domain: str, change: Change, translate: Callable[[str], str]) -> str:
    parts = []
    if change.worse:
        parts += [translate(WORSE), *[_entry(one, translate) for one in change.worse]]
    if change.better:
        parts += [translate(BETTER), *[_gone(mark, translate) for mark in change.better]]
    parts.append(translate(LAST).format(domain=domain))
    return "\n\n".join(parts)


def _gone(mark: str, translate: Callable[[str], str]) -> str:
    group, _, rest = mark.partition(" ")
    return f"- {translate(GROUPS[Group(group)])}: {rest.partition(' ')[2]}"


def _entry(finding: Finding, translate: Callable[[str], str]) -> str:
    said = f"{translate(GROUPS[finding.group])}: {sentence(finding, translate)}"
    text = textwrap.fill(said, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return f"{text}\n  {finding.publish}" if finding.publish else text
