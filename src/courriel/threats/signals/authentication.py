"""Whether the message is from the domain that it names as its author's.

Sees: DMARC's failure against the domain's own policy; no proof at all for a domain that is not its sender's; several
authors or none; our own domain, claimed from outside.  Why: From is what people read, and anybody can write anything
there.  How it is evaded: a domain of one's own passes everything (96 % of trapped phishing does not fail DMARC), so a
pass is no reason for trust, only says whom to blame; who is known by it, or whose name is a brand's own, is.
Good mail: mailing lists and forwarders break proofs; then a failure counts for less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.judgement import Judgement
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.model.verdict import Result
from courriel.threats.lists import brands, words
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.proof import author, bare, from_list, proven, under
from courriel.threats.view import Person, View

_HOST: Final = re.compile(r"[\w.-]+")

DMARC_FAIL: Final = Signal(
    name="authentication.dmarc-fail",
    group=Group.AUTHENTICATION,
    seen=N_("The message says it is from {domain}, but {domain} did not send it."),
    why=N_("The owner of {domain} publishes how to tell true messages from forged ones, and this one fails the test."),
    then=advice.ASK,
    weights={Kind.SPOOFING: 4.5, Kind.PHISHING: 1.6, Kind.SPEAR_PHISHING: 0.8, Kind.WHALING: 0.8, Kind.SPAM: 0.8},
)
UNPROVEN: Final = Signal(
    name="authentication.unproven",
    group=Group.AUTHENTICATION,
    seen=N_("Nothing shows that {domain} has sent this message."),
    why=N_("Most honest senders sign their mail or name the machines that send it; neither is so here."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPOOFING: 1.2, Kind.PHISHING: 0.6, Kind.SPAM: 0.7, Kind.SCAM: 0.4},
)
SPF_FAIL: Final = Signal(
    name="authentication.spf-fail",
    group=Group.AUTHENTICATION,
    seen=N_("The machine that sent it may not send mail for {domain}."),
    why=N_("The owner of {domain} publishes which machines send its mail; this one is not among them."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPOOFING: 1.5, Kind.PHISHING: 0.8, Kind.SPAM: 0.9},
)
MANY_AUTHORS: Final = Signal(
    name="authentication.many-authors",
    group=Group.AUTHENTICATION,
    seen=N_("The message names several senders at once: {names}."),
    why=N_("Mail programs show only one of them, and checks may have been made of another."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPOOFING: 3.0, Kind.PHISHING: 1.2, Kind.SPAM: 1.0},
)
NO_AUTHOR: Final = Signal(
    name="authentication.no-author",
    group=Group.AUTHENTICATION,
    seen=N_("The message names no sender that can be checked."),
    why=N_("Every honest mail program writes a sender's address."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPOOFING: 1.5, Kind.SPAM: 1.2, Kind.PHISHING: 0.8},
)
BROKEN_AUTHOR: Final = Signal(
    name="authentication.broken-author",
    group=Group.AUTHENTICATION,
    seen=N_("The line of the sender is broken: {line}."),
    why=N_("Mail programs write it without faults; who breaks it on purpose wants a false name to be shown."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 1.3, Kind.PHISHING: 1.3, Kind.SPOOFING: 0.6, Kind.SCAM: 0.4},
)
OWN_DOMAIN: Final = Signal(
    name="authentication.own-domain-forged",
    group=Group.AUTHENTICATION,
    seen=N_("It pretends to come from your own organisation ({domain}), but came from outside without proof."),
    why=N_("Messages of colleagues come from your own server; forging your own domain is the oldest trick there is."),
    then=advice.ASK,
    weights={Kind.SPOOFING: 4.5, Kind.SPEAR_PHISHING: 1.2, Kind.WHALING: 1.2, Kind.PHISHING: 0.8, Kind.SPAM: 0.4},
)
BRAND_PROVEN: Final = Signal(
    name="authentication.brand-proven",
    group=Group.AUTHENTICATION,
    seen=N_("It really comes from {brand}: {domain} is its own domain, and that is proven."),
    why=N_("Nobody else can send a message that passes this test."),
    then=advice.NOTHING,
    weights={},
    good=-1.2,
)
PROVEN: Final = Signal(
    name="authentication.proven",
    group=Group.AUTHENTICATION,
    seen=N_("It was really sent by {domain}."),
    why=N_("That tells who answers for the message, not whether its sender is honest."),
    then=advice.LOOK_TWICE,
    weights={},
    good=-0.2,
)


def authors(view: View) -> Iterable[Finding]:
    """From itself: how many it names."""
    if view.channel is not Channel.MAIL:
        return
    values = [value for name, value in view.headers if name == "from"]
    evidence = tuple(Evidence("from", value[:200]) for value in values[:3])
    named = [person for person in view.authors if person.domain]
    if len(values) > 1 or len({person.organisation or person.domain for person in named}) > 1:
        names = ", ".join(dict.fromkeys(f"{one.local}@{one.domain}" for one in named[:5]))
        yield _finding(MANY_AUTHORS, 1.0, evidence, names=names or values[0][:80])
    elif view.headers and not named:
        yield _finding(NO_AUTHOR, 1.0, evidence)
    elif not all(_is_host(person.domain) for person in view.authors):
        strength = 0.3 if _is_reversed_name(view.authors) else 1.0
        yield _finding(BROKEN_AUTHOR, strength, evidence, line=values[0][:80] if values else named[0].domain)


def _is_reversed_name(authors: tuple[Person, ...]) -> bool:
    """ "Doe, John <john@example.net>" without the quotes that it needs: some honest programs forget them."""
    first, last = authors[0], authors[-1]
    return len(authors) == 2 and not first.domain and first.local.isalpha() and last.display.istitle()


def _is_host(domain: str) -> bool:
    """A name that somebody may have: two labels or more, of letters, digits and hyphens (RFC 5321 §2.3.5)."""
    return "." in domain and _HOST.fullmatch(domain) is not None


def checks(view: View) -> Iterable[Finding]:
    """What DMARC, SPF and the signatures say of the author's domain."""
    judgement = view.arrival.judgement
    if view.channel is not Channel.MAIL or judgement is None:
        return
    person = author(view)
    if judgement.dmarc.result is Result.FAIL:
        yield from _failed(view, judgement)
    elif person is not None and proven(view):
        yield from _good(person)
    elif person is not None and not from_list(view):
        if bare(view):
            yield _finding(UNPROVEN, 1.0, (_from(person),), domain=person.domain)
        yield from _spf(view, judgement)


def own_domain(view: View) -> Iterable[Finding]:
    """Our own domain as the author's, from a machine outside and without proof."""
    if view.channel is not Channel.MAIL or view.arrival.judgement is None or proven(view):
        return
    for person in view.authors:
        if any(under(person.domain, own) for own in view.context.own_domains):
            strength = 0.3 if from_list(view) else 1.0
            yield _finding(OWN_DOMAIN, strength, (_from(person),), domain=person.domain)
            return


def _failed(view: View, judgement: Judgement) -> Iterable[Finding]:
    domain = judgement.dmarc.domain or (view.authors[0].domain if view.authors else "")
    asked = 1.0 if judgement.dmarc.policy in ("reject", "quarantine") else 0.8
    strength = 0.3 if from_list(view) else asked
    evidence = tuple(_from(person) for person in view.authors if person.domain == domain) or tuple(
        Evidence("from", value[:200]) for name, value in view.headers if name == "from"
    )
    if domain:
        yield _finding(DMARC_FAIL, strength, evidence[:1], domain=domain)
        yield from _spf(view, judgement)


def _spf(view: View, judgement: Judgement) -> Iterable[Finding]:
    spf = judgement.origin.spf
    domain = spf.domain.rpartition("@")[2]
    if spf.result in (Result.FAIL, Result.SOFTFAIL) and domain and not from_list(view):
        strength = 1.0 if spf.result is Result.FAIL else 0.6
        where = view.arrival.mail_from or domain
        yield _finding(SPF_FAIL, strength, (Evidence("envelope", where[:200]),), domain=domain)


def _good(person: Person) -> Iterable[Finding]:
    yield _finding(PROVEN, 1.0, (_from(person),), domain=person.domain)
    brand = brands.by_domain().get(person.organisation)
    if brand is not None and person.domain not in words("free_mail"):
        yield _finding(BRAND_PROVEN, 1.0, (_from(person),), brand=brand.name, domain=person.organisation)


def _from(person: Person) -> Evidence:
    return Evidence("from", f"{person.local}@{person.domain}")


def _finding(signal: Signal, strength: float, evidence: tuple[Evidence, ...], **facts: str) -> Finding:
    return Finding(signal.name, signal.group, strength, evidence, facts)


SIGNALS: Final[tuple[Signal, ...]] = (
    DMARC_FAIL,
    UNPROVEN,
    SPF_FAIL,
    MANY_AUTHORS,
    NO_AUTHOR,
    BROKEN_AUTHOR,
    OWN_DOMAIN,
    BRAND_PROVEN,
    PROVEN,
)
LOOKS: Final[tuple[Look, ...]] = (authors, checks, own_domain)
