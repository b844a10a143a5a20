"""A phishing message, its view and a report on it, made by hand: what the doors show is tested apart from judging."""

from __future__ import annotations

from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind, Level, Reason, Report
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.threats.dossier import Dossier, Source, dossier
from courriel.threats.signal import Signal
from courriel.threats.view import Arrival, Attachment, Context, Hop, Link, Person, View

PDF = b"%PDF-1.4 not really"

CATALOGUE = {
    "authentication.dmarc-fail": Signal(
        "authentication.dmarc-fail",
        Group.AUTHENTICATION,
        "The sender's domain {domain} says that this is not from it.",
        "Anybody can write any sender.",
        "Do not trust the name.",
        {Kind.SPOOFING: 3.0},
    ),
    "links.text-differs": Signal(
        "links.text-differs",
        Group.LINKS,
        "A link shows {shown} and leads to {host}.",
        "It hides where it leads.",
        "Do not click.",
        {Kind.PHISHING: 2.0},
    ),
    "context.answered": Signal(
        "context.answered",
        Group.CONTEXT,
        "You have answered this sender.",
        "Strangers are not answered.",
        "Nothing needs to be done.",
        {},
        good=-1.0,
    ),
}


def person(display: str, address: str, organisation: str) -> Person:
    local, _, domain = address.partition("@")
    return Person(display, local, domain, organisation)


def judgement() -> Judgement:
    return Judgement(
        Origin(
            SpfVerdict(Result.PASS, "mass.example", "mfrom"), None, Iprev(Result.PASS, "203.0.113.7", "mass.example")
        ),
        DkimFindings((DkimVerdict(Result.PASS, "mass.example", "s1", "", "rsa-sha256"),)),
        DmarcVerdict(Result.FAIL, "bank.example", "reject", "none"),
    )


def view(**changes: object) -> View:
    """``changes`` replace what they name."""
    fields: dict[str, object] = {
        "channel": Channel.MAIL,
        "headers": (("from", '"Your Bank" <info@bank.example>'), ("date", "Tue, 24 Nov 2026 10:00:00 +0000")),
        "subject": "Your card <b>is</b> blocked",
        "authors": (person("Your Bank", "info@bank.example", "bank.example"),),
        "sender": None,
        "reply_to": (person("", "desk@mass.example", "mass.example"),),
        "recipients": (person("Marie", "marie@home.example", "home.example"),),
        "return_path": person("", "bounce@mass.example", "mass.example"),
        "plain": "Your card is blocked. Go to bank.example now.",
        "visible": "Your card is blo\u200bcked. Go to bank.example now. <script>alert(1)</script>",
        "hidden": "the quick brown fox",
        "folded": "",
        "links": (
            Link(
                "a", "https://bank.example", "http://evil.test/a?b=1", "http", "", "evil.test", None, "/a", "evil.test"
            ),
        ),
        "links_in_all": 1,
        "scripts": (),
        "styles": "",
        "images": 0,
        "has_html": True,
        "attachments": (
            Attachment("invoice\u202efdp.exe", "application/pdf", len(PDF), False, lambda most: PDF[:most]),
        ),
        "hops": (
            Hop("by mx.home.example", "mass.example", "203.0.113.7", "mx.home.example", "ESMTPS", 1_795_514_400.0),
            Hop("by mass.example", "pc", "192.168.1.5", "mass.example", "ESMTP", 1_795_514_700.0),
        ),
        "language": "en",
        "arrival": Arrival(judgement=judgement()),
        "context": Context(),
    }
    return View(**{**fields, **changes})  # type: ignore[arg-type]


def report(level: Level = Level.MALICIOUS, kind: Kind | None = Kind.PHISHING) -> Report:
    reasons = (
        Reason(
            Finding(
                "authentication.dmarc-fail",
                Group.AUTHENTICATION,
                1.0,
                (Evidence("from", '"Your Bank" <info@bank.example>'),),
                {"domain": "bank.example"},
            ),
            3.0,
        ),
        Reason(
            Finding(
                "links.text-differs",
                Group.LINKS,
                1.0,
                (Evidence("link", "http://evil.test/a?b=1"), Evidence("text", "Go to bank.example now")),
                {"shown": "bank.example", "host": "evil.test"},
            ),
            2.0,
        ),
        Reason(Finding("words.phishing", Group.WORDS, 0.9), 1.5),
        Reason(Finding("context.answered", Group.CONTEXT, 1.0, (Evidence("history", "info@bank.example"),)), -1.0),
    )
    return Report(
        channel=Channel.MAIL,
        level=level,
        kind=kind,
        probability=0.97,
        score=3.5,
        prior=-2.0,
        kinds={Kind.PHISHING: 0.95, Kind.SPOOFING: 0.8},
        reasons=reasons,
        groups=4,
    )


def made(language: str = "en", **changes: object) -> Dossier:
    source = Source("card.eml", 4_321, "ab" * 32, checked_by="server", authserv_id="mx.home.example")
    return dossier(source, view(**changes), report(), CATALOGUE, language)
