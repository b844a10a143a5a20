"""``courriel learn``: a dozen messages; the reader decides, then sees what gives each away.

On a terminal the next message waits for its answer.  Answers can come from a pipe, a line each; where they end, the
lesson ends.  With --json nothing is asked: the exercises come with their answers, for programs that ask themselves.
"""

from __future__ import annotations

from gettext import gettext as _

import click
import msgspec

from courriel.base.i18n import LANGUAGES, spoken
from courriel.cli.options import json_option


@click.command(
    help=_(
        "Learn to recognise malicious messages: you decide about a dozen of them, then see what gives each away."
        " They are invented, and so are their people, companies and addresses.\n\n"
        "Example: courriel learn --lang en"
    )
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--lang", type=click.Choice(LANGUAGES), help=_("Language of the exercises."))
@json_option
def learn(names: tuple[str, ...], lang: str | None, as_json: bool) -> None:
    from courriel.cli import lesson  # what judges messages takes 0.1 s to import: other commands do without

    language = lang or spoken()
    known = lesson.names()
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise click.UsageError(
            _("There is no exercise “{name}”. There are: {names}").format(name=unknown, names=", ".join(known))
        )
    chosen = lesson.exercises(names)
    if as_json:
        for exercise in chosen:
            click.echo(msgspec.json.encode(lesson.plain(exercise, language)))
    else:
        lesson.teach(chosen, language)
