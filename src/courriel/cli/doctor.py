"""``courriel doctor``: what is good with a domain's mail, what is not, and exactly what to change."""

from __future__ import annotations

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import Any, Final

import click

from courriel.cli.doors import Doors
from courriel.cli.options import data_option, json_option
from courriel.cli.output import ask, console, show
from courriel.model.finding import Health, Symptom
from courriel.ports import administration as do

EXIT_BAD: Final = 1
"""Something is bad; warnings alone are no failure."""

_MARKS: Final = {
    Health.GOOD.value: ("✓", "green"),
    Health.WARNING.value: ("!", "yellow"),
    Health.BAD.value: ("✗", "red"),
    Health.UNKNOWN.value: ("?", "cyan"),
}


def _groups() -> dict[str, str]:
    return {
        "dnssec": _("Signed names (DNSSEC)"),
        "address": _("Address of the server"),
        "reverse": _("Name of the address (PTR)"),
        "mx": _("Way of the mail (MX)"),
        "port-25-in": _("Mail can come in (port 25)"),
        "port-25-out": _("Mail can go out (port 25)"),
        "tls": _("Encryption and certificate"),
        "dane": _("Promised key (DANE)"),
        "spf": _("Who may send (SPF)"),
        "dkim": _("Signatures (DKIM)"),
        "dmarc": _("What becomes of forgeries (DMARC)"),
        "tls-reports": _("Reports of broken encryption (TLS-RPT)"),
        "mta-sts": _("Promised encryption (MTA-STS)"),
        "service": _("Mail programs find the server (SRV)"),
        "autoconfig": _("Settings for Thunderbird (autoconfig)"),
        "autodiscover": _("Settings for Outlook (autodiscover)"),
        "caa": _("Who may give certificates (CAA)"),
        "blocklists": _("Block lists"),
    }


def _sentences() -> dict[str, str]:
    """What was seen, and what to do; ``{subject}`` and ``{detail}`` are filled in."""
    return {
        Symptom.RIGHT.value: _("{subject}"),
        Symptom.MISSING.value: _("{subject} is missing."),
        Symptom.DIFFERENT.value: _("{subject} says something else: {detail}"),
        Symptom.NO_ANSWER.value: _("{subject}: no answer. {detail}"),
        Symptom.NOT_SIGNED.value: _(
            "{subject} is not signed. Switch DNSSEC on where the domain is registered; DANE needs it."
        ),
        Symptom.LOOKUPS.value: _(
            "Reading the SPF record takes {detail} look-ups, and receivers stop at 10: take unused senders out."
        ),
        Symptom.LONG.value: _("The SPF record has {detail} octets; with more than 450 some receivers cannot read it."),
        Symptom.ANYONE.value: _("The SPF record lets anybody send: “+all” must become “~all”."),
        Symptom.NO_REPLY_THERE.value: _(
            "No mail server answers at {subject}: {detail}. Look at the firewall, and ask the provider to open port 25."
        ),
        Symptom.NO_STARTTLS.value: _("{subject} offers no encryption (STARTTLS)."),
        Symptom.BAD_CERTIFICATE.value: _(
            "The certificate of {subject} does not convince others: {detail}. Set tls.certificate to one they know."
        ),
        Symptom.NO_KEY.value: _("{subject} has no key: mail leaves without a signature."),
        Symptom.LISTED.value: _("{subject} lists the address ({detail}). It says there why, and how to get off."),
        Symptom.STRAY.value: _("{subject} promises what this server does not offer. Remove it, or keep it elsewhere."),
    }


@click.command(
    help=_(
        "Examine a domain: its records, encryption, port 25 in and out, block lists.\n\n"
        "The exit code is 1 when something is bad.\n\nExample: courriel doctor example.org"
    )
)
@click.argument("domain")
@click.option("--outside", default="", metavar="DOMAIN", help=_("Whose servers are asked whether port 25 is open."))
@data_option
@json_option
@click.pass_obj
def doctor(doors: Doors, domain: str, outside: str, data: Path, as_json: bool) -> None:
    found = ask(doors.administration(data), do.Doctor(domain, outside))
    if as_json:
        show(found, as_json, "")
    else:
        _tell(found)
    if any(finding["health"] == Health.BAD.value for finding in found):
        raise click.exceptions.Exit(EXIT_BAD)


def _tell(found: list[dict[str, Any]]) -> None:
    groups, sentences = _groups(), _sentences()
    last = ""
    for finding in found:
        if finding["group"] != last:
            last = finding["group"]
            console.print(groups[last], style="bold")
        mark, style = _MARKS[finding["health"]]
        sentence = sentences[finding["symptom"]].format(subject=finding["subject"], detail=finding["detail"])
        console.print(f"  {mark} {sentence.rstrip()}", style=style, markup=False)
        if finding["publish"]:
            console.print("      " + _("publish: {record}").format(record=finding["publish"]), markup=False)
    console.print()
    bad = sum(finding["health"] == Health.BAD.value for finding in found)
    console.print(
        ngettext("{count} thing must change.", "{count} things must change.", bad).format(count=bad)
        if bad
        else _("Nothing must change.")
    )
