"""Whether the author's domain sent it: true and false examples."""

from __future__ import annotations

import pytest

from courriel.threats.signals import authentication
from courriel.threats.signals.proof import proven
from courriel.threats.view import Arrival, Context, View
from tests.threats.views import found, judged, person, view

LIST = (("list-id", "<talk.example.org>"),)
OURS = Context(own_domains=frozenset({"example.org"}))


def came(author: str = "paul@example.net", *, headers: tuple[tuple[str, str], ...] = (), **judgement: object) -> View:
    verdicts = judged(**{"domain": author.rpartition("@")[2]} | judgement)  # type: ignore[arg-type]
    arrival = Arrival(client_ip="192.0.2.9", mail_from=author, judgement=verdicts)
    return view(author=author, headers=headers, arrival=arrival, context=OURS)


CASES: list[tuple[str, View, set[str]]] = [
    ("nobody judged", view(), set()),
    ("DMARC fails", came(dmarc="fail", policy="reject"), {"dmarc-fail"}),
    ("and SPF", came(dmarc="fail", spf="fail"), {"dmarc-fail", "spf-fail"}),
    ("softly", came(dmarc="fail", spf="softfail"), {"dmarc-fail", "spf-fail"}),
    ("DMARC passes", came(dmarc="pass", spf="pass"), {"proven"}),
    ("SPF passes for it", came(spf="pass", mail_from="example.net"), {"proven"}),
    ("a signature of the domain below", came(dkim=(("pass", "mail.example.net"),)), {"proven"}),
    ("a signature of another's", came(dkim=(("pass", "example.com"),)), set()),
    ("a name that only ends so", came(dkim=(("pass", "badexample.net"),)), set()),
    ("nothing at all", came(), {"unproven"}),
    ("a broken signature is a signature", came(dkim=(("fail", "example.net"),)), set()),
    ("SPF fails, no policy", came(spf="fail"), {"unproven", "spf-fail"}),
    ("a list sends it", came(spf="fail", headers=LIST), set()),
    ("a brand, proven", came("service@paypal.com", dmarc="pass"), {"proven", "brand-proven"}),
    ("a brand's free mail is anybody's", came("x@gmail.com", dmarc="pass"), {"proven"}),
    ("a brand, forged", came("service@paypal.com", dmarc="fail"), {"dmarc-fail"}),
    ("our own domain from outside", came("chief@example.org"), {"unproven", "own-domain-forged"}),
    ("below our own", came("chief@shop.example.org", dmarc="fail"), {"dmarc-fail", "own-domain-forged"}),
    ("our own, proven", came("chief@example.org", dmarc="pass"), {"proven"}),
    ("no author", view(author=""), {"no-author"}),
    ("a name for an author", view(authors=(person("", "Paul"),)), {"no-author"}),
    ("a comma in the name", view(authors=(person("Bank"), person("a@example.net", "x"))), {"broken-author"}),
    ("a domain that is none", view(author="a@%shop.example"), {"broken-author"}),
    ("one label", view(author="a@posts"), {"broken-author"}),
    ("two of one house", view(authors=(person("a@example.net"), person("b@mail.example.net"))), set()),
    ("two of two", view(authors=(person("a@example.net"), person("b@example.com"))), {"many-authors"}),
    ("two fields", view(headers=(("from", "x@example.net"),)), {"many-authors"}),
]


@pytest.mark.parametrize(("message", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_found(message: View, expected: set[str]) -> None:
    names = {name.removeprefix("authentication.") for name in found(authentication.LOOKS, message)}
    assert names == expected - ({"no-author"} if not message.headers else set())


def test_the_failing_domain_is_named() -> None:
    finding = found(authentication.LOOKS, came(dmarc="fail", policy="reject"))["authentication.dmarc-fail"]
    assert finding.facts == {"domain": "example.net"} and finding.evidence[0].words == "paul@example.net"
    assert finding.strength == 1.0


def test_a_forgotten_quote_is_no_crime() -> None:
    def strength(name: str, display: str) -> float:
        message = view(authors=(person(name), person("x@example.net", display)))
        return found(authentication.LOOKS, message)["authentication.broken-author"].strength

    assert strength("Doe", "John") < 0.5 < strength("Nutella partner", "jehd")


def test_a_list_breaks_proofs_in_good_faith() -> None:
    finding = found(authentication.LOOKS, came(dmarc="fail", policy="reject", headers=LIST))[
        "authentication.dmarc-fail"
    ]
    assert finding.strength < 0.5


@pytest.mark.parametrize(
    "message",
    [
        view(
            authors=(person("a@example.net"), person("b@example.com")),
            arrival=Arrival(judgement=judged("pass", domain="example.net")),
        ),
        view(headers=(("from", "x@example.com"),), arrival=Arrival(judgement=judged("pass", domain="example.net"))),
        view(author="x@example.com", arrival=Arrival(judgement=judged("pass", domain="example.net"))),
        view(author="", arrival=Arrival(judgement=judged("pass", domain="example.net"))),
    ],
    ids=["two mailboxes", "two fields", "judged another", "nobody"],
)
def test_ambiguous_authors_are_never_proven(message: View) -> None:
    assert not proven(message)
    assert not {"authentication.proven", "authentication.brand-proven"} & found(authentication.LOOKS, message).keys()
