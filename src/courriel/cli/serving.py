"""``courriel try`` and ``courriel serve``."""

from __future__ import annotations

import shutil
import sys
from gettext import gettext as _
from pathlib import Path

import click
import msgspec

from courriel.cli.doors import Doors, ServeOptions, TrialOptions, TrialReport
from courriel.cli.options import data_option
from courriel.cli.output import console

SET_HELP = _("Override a setting, as section.key=value. May be repeated.")


@click.command(
    "try",
    help=_(
        "Start a complete mail server for this machine alone.\n\n"
        "No settings, no DNS, no root; nothing leaves the machine.\n\n"
        "Example: courriel try --person alice:secret --person bob:secret"
    ),
)
@click.option(
    "--person", "people", metavar="NAME:PASSWORD", multiple=True, help=_("Who can log in (else alice and bob).")
)
@click.option(
    "--base-port", type=int, default=10_000, show_default=True, help=_("Ports are this plus the standard port.")
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help=_("Keep data here (else it is thrown away).")
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@click.option("--json", "as_json", is_flag=True, help=_("Print what is offered as one line of JSON, for scripts."))
@click.pass_obj
def try_(
    doors: Doors, people: tuple[str, ...], base_port: int, data: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    named = tuple(_person(text) for text in people) or (("alice", None), ("bob", None))

    def announce(report: TrialReport) -> None:
        if as_json:
            click.echo(msgspec.json.encode(report))
        else:
            _show(report)

    doors.trial(TrialOptions(named, base_port, data, overrides), announce)


def _person(text: str) -> tuple[str, str | None]:
    name, colon, password = text.partition(":")
    if not name or (colon and not password):
        raise click.UsageError(_("--person takes NAME:PASSWORD, or NAME for a made-up password."))
    return name, password if colon else None


def _show(report: TrialReport) -> None:
    """What a person needs in order to try it, ready to copy."""
    ports, first = report.ports, report.people[0]
    other = report.people[1] if len(report.people) > 1 else first
    console.print(_("[bold]Courriel is ready.[/bold]  Ctrl-C stops it; nothing leaves this machine."))
    console.print()
    for person in report.people:
        console.print(
            _("  {address}   password: {password}").format(address=person.address, password=person.password),
            markup=False,
        )
    console.print()
    rows = [
        (_("incoming mail (IMAP)"), f"{report.host}:{ports['imaps']} TLS", f"{report.host}:{ports['imap']} STARTTLS"),
        (_("incoming mail (POP3)"), f"{report.host}:{ports['pop3s']} TLS", f"{report.host}:{ports['pop3']} STARTTLS"),
        (
            _("outgoing mail"),
            f"{report.host}:{ports['submissions']} TLS",
            f"{report.host}:{ports['submission']} STARTTLS",
        ),
        (_("from other servers (SMTP)"), f"{report.host}:{ports['smtp']}", ""),
        (_("rules for mail (ManageSieve)"), f"{report.host}:{ports['managesieve']} STARTTLS", ""),
    ]
    width = max(len(title) for title, _tls, _starttls in rows)
    for title, tls, starttls in rows:
        console.print(f"  {title:<{width}}  {tls}  {starttls}".rstrip(), markup=False)
    console.print(_("  certificate authority: {ca}").format(ca=report.ca), markup=False, soft_wrap=True)
    console.print(
        _("  data: {data}   metrics: {metrics}").format(data=report.data, metrics=report.metrics),
        markup=False,
        soft_wrap=True,
    )
    console.print()
    console.print(_("[bold]Try it[/bold] (in another terminal):"))
    for line in _examples(report, first.address, first.password, other.address):
        console.print("  " + line, markup=False, soft_wrap=True)


def _examples(report: TrialReport, sender: str, password: str, receiver: str) -> list[str]:
    ports, host, ca = report.ports, report.host, report.ca
    program = "courriel" if shutil.which("courriel") else sys.argv[0]
    own = f"COURRIEL_PASSWORD={password} {program} mail"
    return [
        f"swaks --server {host}:{ports['smtp']} --to {receiver} --from friend@example.org --header 'Subject: Bonjour'",
        f"curl --cacert {ca} imaps://{host}:{ports['imaps']}/INBOX -u {sender}:{password} -X 'STATUS INBOX (MESSAGES)'",
        f"{own} send --data {report.data} --user {sender} --to {receiver} --subject Bonjour",
        f"{own} list --data {report.data} --user {sender}",
    ]


@click.command(help=_("Run the server until it is told to stop (SIGTERM, Ctrl-C)."))
@data_option
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False, exists=True), help=_("Settings file (TOML)."))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help=SET_HELP)
@click.pass_obj
def serve(doors: Doors, data: Path, config: Path | None, overrides: tuple[str, ...]) -> None:
    doors.serve(ServeOptions(data, config, overrides))
