"""What people read of an examination: a name for each group, a sentence for each symptom.

Keys of the catalogue, in English; whoever shows them translates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.finding import Finding, Group, Symptom

GROUPS: Final = {
    Group.DNSSEC: N_("Signed names (DNSSEC)"),
    Group.ADDRESS: N_("Address of the server"),
    Group.REVERSE: N_("Name of the address (PTR)"),
    Group.MX: N_("Way of the mail (MX)"),
    Group.PORT_IN: N_("Mail can come in (port 25)"),
    Group.PORT_OUT: N_("Mail can go out (port 25)"),
    Group.TLS: N_("Encryption and certificate"),
    Group.DANE: N_("Promised key (DANE)"),
    Group.SPF: N_("Who may send (SPF)"),
    Group.DKIM: N_("Signatures (DKIM)"),
    Group.DMARC: N_("What becomes of forgeries (DMARC)"),
    Group.TLS_REPORTS: N_("Reports of broken encryption (TLS-RPT)"),
    Group.MTA_STS: N_("Promised encryption (MTA-STS)"),
    Group.SERVICE: N_("Mail programs find the server (SRV)"),
    Group.AUTOCONFIG: N_("Settings for Thunderbird (autoconfig)"),
    Group.AUTODISCOVER: N_("Settings for Outlook (autodiscover)"),
    Group.CAA: N_("Who may give certificates (CAA)"),
    Group.BLOCKLISTS: N_("Block lists"),
}

SENTENCES: Final = {
    Symptom.RIGHT: N_("{subject}"),
    Symptom.MISSING: N_("{subject} is missing."),
    Symptom.DIFFERENT: N_("{subject} says something else: {detail}"),
    Symptom.NO_ANSWER: N_("{subject}: no answer. {detail}"),
    Symptom.NOT_SIGNED: N_("{subject} is not signed. Switch DNSSEC on where the domain is registered; DANE needs it."),
    Symptom.LOOKUPS: N_(
        "Reading the SPF record takes {detail} look-ups, and receivers stop at 10: take unused senders out."
    ),
    Symptom.LONG: N_("The SPF record has {detail} octets; with more than 450 some receivers cannot read it."),
    Symptom.ANYONE: N_("The SPF record lets anybody send: “+all” must become “~all”."),
    Symptom.NO_REPLY_THERE: N_(
        "No mail server answers at {subject}: {detail}. Look at the firewall, and ask the provider to open port 25."
    ),
    Symptom.NO_STARTTLS: N_("{subject} offers no encryption (STARTTLS)."),
    Symptom.BAD_CERTIFICATE: N_(
        "The certificate of {subject} does not convince others: {detail}. Set tls.certificate to one they know."
    ),
    Symptom.NO_KEY: N_("{subject} has no key: mail leaves without a signature."),
    Symptom.LISTED: N_("{subject} lists the address ({detail}). It says there why, and how to get off."),
    Symptom.NO_FILE: N_(
        "Others cannot have {subject}: {detail}. Look at the firewall (port 443), and set tls.certificate to one "
        "that has this name."
    ),
    Symptom.OTHER_FILE: N_("{subject} is not what this server says: {detail}"),
    Symptom.STRAY: N_("{subject} promises what this server does not offer. Remove it, or keep it elsewhere."),
}
"""``{subject}`` and ``{detail}`` are filled in."""


def sentence(finding: Finding, translate: Callable[[str], str]) -> str:
    """What was seen, and what to do."""
    return translate(SENTENCES[finding.symptom]).format(subject=finding.subject, detail=finding.detail).rstrip()
