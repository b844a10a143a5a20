"""``courriel analyze``: is this message malicious, of what kind, and how does one see it?

Nothing that a message names is fetched or opened.  Only ``--dns`` asks anybody anything: the DNS, who may send.
"""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path
from typing import Final

import click

from courriel.base.i18n import LANGUAGES, spoken
from courriel.cli.doors import Doors
from courriel.cli.options import json_option
from courriel.model.threat import Channel

EXIT_UNREADABLE: Final = 3
"""A message could not be read, or the command line is wrong: 1 and 2 are verdicts here."""


class Wrong(click.UsageError):
    """A wrong command line.  It ends with EXIT_UNREADABLE, so that it is never taken for a verdict."""

    exit_code = EXIT_UNREADABLE


class Analyze(click.Command):
    """Says ``Wrong`` where click would say UsageError."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise Wrong(error.format_message(), ctx) from error


@click.command(
    cls=Analyze,
    help=_(
        "Say whether a message is malicious, of what kind, and how one sees it: a file as mail programs save it"
        " (.eml, .msg), an mbox, a Maildir, a folder, or - for standard input. Nothing in it is opened or fetched.\n\n"
        "The exit code is 0 when nothing was found (also for a mailing), 1 when it is suspicious, 2 when it is"
        " malicious, 3 when it could not be read; of several messages the worst counts.\n\n"
        "Example: courriel analyze suspect.eml --html report.html"
    ),
)
@click.argument("paths", nargs=-1, metavar="[FILE|MBOX|MAILDIR|-]...", type=click.Path(path_type=Path))
@click.option("--sms", type=click.Path(path_type=Path), metavar="FILE|-", help=_("A text message (SMS), as text."))
@click.option("--call", type=click.Path(path_type=Path), metavar="FILE|-", help=_("A telephone call, written down."))
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help=_("Write a page that stands alone."))
@json_option
@click.option("--csv", "as_csv", is_flag=True, help=_("Print a line of CSV for each message."))
@click.option("--lang", type=click.Choice(LANGUAGES), help=_("Language of the report."))
@click.option(
    "--executive",
    "executives",
    multiple=True,
    metavar="NAME",
    help=_("Somebody in whose name money could be asked for: “Anne Martin”, or “Anne Martin <anne@example.org>”."),
)
@click.option("--own-domain", "own_domains", multiple=True, metavar="DOMAIN", help=_("A domain of your own house."))
@click.option(
    "--authserv-id",
    default="",
    metavar="NAME",
    help=_("Believe the Authentication-Results of this server, the one that received the message for you."),
)
@click.option("--dns", is_flag=True, help=_("Check SPF, DKIM and DMARC now, by asking the DNS."))
@click.pass_obj
def analyze(
    doors: Doors,
    paths: tuple[Path, ...],
    sms: Path | None,
    call: Path | None,
    html: Path | None,
    as_json: bool,
    as_csv: bool,
    lang: str | None,
    executives: tuple[str, ...],
    own_domains: tuple[str, ...],
    authserv_id: str,
    dns: bool,
) -> None:
    from courriel.cli import analyze_run  # what judges messages takes 0.1 s to import: other commands do without

    told = [given for given in (sms, call) if given is not None]
    if bool(paths) + len(told) != 1:
        raise Wrong(_("Give messages, or one --sms, or one --call."))
    if as_json and as_csv:
        raise Wrong(_("Choose --json or --csv."))
    channel = Channel.MAIL if not told else Channel.SMS if sms is not None else Channel.CALL
    context = analyze_run.context(own_domains, executives)
    wishes = analyze_run.Wishes(channel, context, authserv_id, doors if dns else None, lang or spoken())
    chosen = paths or tuple(told)
    missing = next((path for path in chosen if str(path) != "-" and not path.exists()), None)
    if missing is not None:
        raise Wrong(_("There is no {path}.").format(path=missing))
    form = "json" if as_json else "csv" if as_csv else ""
    raise click.exceptions.Exit(analyze_run.tell(chosen, wishes, html, form))
