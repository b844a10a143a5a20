"""Messages as signals see them, made by hand: everything has a quiet default, and a test names what it is about."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.threat import Channel, Finding
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.threats.reading.organisation import organisation
from courriel.threats.reading.urls import link as taken_apart
from courriel.threats.signal import Look
from courriel.threats.view import Arrival, Context, Hop, Link, Person, View


def person(address: str, display: str = "") -> Person:
    local, at, domain = address.rpartition("@")
    if not at:
        return Person(display, address, "", "")
    return Person(display, local, domain.lower(), organisation(domain.lower()))


def link(href: str, text: str = "", kind: str = "a") -> Link:
    return taken_apart(kind, text, href)


def hop(
    from_name: str = "", from_ip: str = "", by: str = "mx.example.org", with_: str = "ESMTP", at: float | None = None
) -> Hop:
    return Hop(f"from {from_name} ([{from_ip}]) by {by} with {with_}", from_name, from_ip, by, with_, at)


def judged(
    dmarc: str = "none",
    spf: str = "none",
    dkim: tuple[tuple[str, str], ...] = (),
    *,
    domain: str = "",
    policy: str = "none",
    mail_from: str = "",
    spf_aligned: bool = False,
    dkim_aligned: bool = False,
    reason: str = "",
) -> Judgement:
    """``dkim`` is (result, domain) of each signature."""
    signatures = tuple(DkimVerdict(Result(result), of, "s1", f"@{of}", "rsa-sha256") for result, of in dkim)
    return Judgement(
        Origin(SpfVerdict(Result(spf), mail_from or domain, "mfrom"), None, Iprev(Result.NONE, "192.0.2.1")),
        DkimFindings(signatures),
        DmarcVerdict(Result(dmarc), domain, policy, "none", reason, organisation(domain), spf_aligned, dkim_aligned),
    )


def view(
    *,
    subject: str = "",
    text: str = "",
    plain: str | None = None,
    hidden: str = "",
    html: bool = False,
    sender: str = "",
    author: str = "paul@example.net",
    display: str = "",
    authors: tuple[Person, ...] | None = None,
    reply_to: tuple[Person, ...] = (),
    recipients: tuple[Person, ...] = (person("marie@example.org", "Marie Durand"),),
    return_path: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    links: tuple[Link, ...] = (),
    hops: tuple[Hop, ...] = (),
    arrival: Arrival | None = None,
    context: Context | None = None,
    channel: Channel = Channel.MAIL,
    **others: Any,
) -> View:
    """A message from paul@example.net to Marie.  ``others`` are fields of View as they are."""
    if authors is None:
        authors = (person(author, display),) if author else ()
    written = ", ".join(f"{one.display} <{one.local}@{one.domain}>".strip() for one in authors)
    headers = (*((("from", written),) if authors else ()), ("subject", subject), *headers)
    defaults: dict[str, Any] = {
        "channel": channel,
        "headers": headers,
        "subject": subject,
        "authors": authors,
        "sender": person(sender) if sender else None,
        "reply_to": reply_to,
        "recipients": recipients,
        "return_path": person(return_path) if return_path else None,
        "plain": text if plain is None else plain,
        "visible": text,
        "hidden": hidden,
        "folded": re.sub(r"\s+", " ", unicodedata.normalize("NFKC", f"{subject} {text}").lower()).strip(),
        "links": links,
        "links_in_all": len(links),
        "scripts": (),
        "styles": "",
        "images": 0,
        "has_html": html,
        "attachments": (),
        "hops": hops,
        "language": "en",
        "arrival": arrival or Arrival(),
        "context": context or Context(),
    }
    return View(**(defaults | others))


def found(looks: tuple[Look, ...], message: View) -> dict[str, Finding]:
    """What these look at find, by the name of the signal."""
    return {finding.signal: finding for look in looks for finding in look(message)}
