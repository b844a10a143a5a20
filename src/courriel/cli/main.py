"""The command ``courriel`` and its index of commands."""

from __future__ import annotations

import errno
from gettext import gettext as _
from typing import Any

import click

from courriel import __version__
from courriel.base.errors import CourrielError, FormatError
from courriel.base.i18n import LANGUAGES
from courriel.cli import (
    analyze,
    care,
    device,
    directory,
    dkim,
    dns,
    doctor,
    journey,
    learn,
    lists,
    mail,
    mail_away,
    mailboxes,
    migrate,
    queue,
    reports,
    search,
    serving,
    sieve,
)
from courriel.cli.output import refuse
from courriel.ports.administration import Failure


class Courriel(click.Group):
    """The top of the command line: turns what we raise on purpose into a sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FormatError as error:
            refuse(Failure("FormatError", str(error)))
        except CourrielError as error:
            refuse(Failure(type(error).__name__, str(error)))
        except OSError as error:
            refuse(Failure(_os_reason(error), str(error)))


def _os_reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "PortTaken"
    return "PermissionDenied" if error.errno in (errno.EACCES, errno.EPERM) else "Unavailable"


@click.group(
    cls=Courriel,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_("Courriel: a complete mail system in one command.\n\nBegin with: courriel try"),
)
@click.option("--lang", type=click.Choice(LANGUAGES), help=_("Language of texts (else LANG decides)."))
@click.version_option(__version__, prog_name="courriel")
def courriel(lang: str | None) -> None:
    """``--lang`` has been read before this module was imported (``app.main``)."""


for command in (mail.servers_, *mail_away.COMMANDS):
    mail.mail.add_command(command)

for command in (
    serving.try_,
    serving.serve,
    care.status,
    analyze.analyze,
    learn.learn,
    directory.domain,
    directory.user,
    directory.alias,
    mailboxes.mailbox,
    dkim.dkim,
    lists.list_,
    sieve.sieve,
    device.device,
    dns.dns,
    doctor.doctor,
    reports.reports,
    mail.mail,
    care.import_,
    migrate.migrate,
    care.export,
    care.restore,
    queue.queue,
    journey.trace,
    care.check,
    search.search,
    care.wiretrace,
):
    courriel.add_command(command)
