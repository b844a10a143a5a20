"""Names against addresses: true and false examples."""

from __future__ import annotations

import pytest

from courriel.threats.signals import identity
from courriel.threats.signals.identity import looks_random
from courriel.threats.view import Arrival, Context, Executive, View
from tests.threats.views import found, judged, person, view

HOUSE = Context(
    own_domains=frozenset({"example.org"}),
    owner_names=("Marie Durand",),
    executives=(Executive("Hélène Martin", "PDG", ("helene@example.org", "h.martin@perso.example")),),
    colleagues=("Anna Keller", "Cher"),
)
PROVEN = Arrival(judgement=judged("pass", domain="example.org"))


def named(display: str, address: str = "x@example.net", **others: object) -> View:
    return view(display=display, author=address, context=HOUSE, **others)  # type: ignore[arg-type]


CASES: list[tuple[View, set[str]]] = [
    # A name that shows another's address or domain.
    (named("service@paypal.com", "a@example.net"), {"address-in-name", "brand-name"}),
    (named("paypal.com", "a@example.net"), {"address-in-name", "brand-name"}),
    (named("anna@example.net"), set()),
    (named("News.com Daily"), set()),
    (named("bob@elsewhere.example via Talk"), {"address-in-name"}),
    (named("A. B. Smith"), set()),
    # A brand's name.
    (named("PayPal"), {"brand-name"}),
    (named("PayPal Service Client"), {"brand-name"}),
    (named("Ρаурal Security"), {"brand-name"}),  # Greek and Cyrillic letters
    (named("U P S"), {"brand-name"}),
    (named("McAfee™"), {"brand-name"}),
    (named("L'Assurance Maladie"), {"brand-name"}),
    (named("Crédit Agricole"), {"brand-name"}),
    (named("Credit Agricole", "info@credit-agricole.fr"), set()),
    (named("PayPal", "service@intl.paypal.com"), set()),
    (named("Amazon", "x@amazon.pl"), set()),  # its name with a country's ending
    (named("Amazon", "x@amazon.top"), {"brand-name", "suspicious-ending"}),
    (named("Anna via PayPal"), set()),
    (view(authors=(person("PayPal"), person("a@example.net", "x"))), {"brand-name"}),
    (named("Trustwallet"), {"brand-name"}),
    (named("Orange"), {"brand-name"}),
    (named("Michael Orange"), set()),
    (named("Jason Slack"), set()),
    (named("Apple Picking Club of Kent"), set()),
    (named("PayPal", headers=(("list-id", "<talk.example.org>"),)), set()),
    # People.
    (named("Helene MARTIN"), {"executive-name"}),
    (named("Martin, Hélène"), {"executive-name"}),
    (named("Hélène Martin", "helene@example.org"), set()),
    (named("Hélène Martin", "H.Martin@perso.example"), set()),
    (named("Hélène Martineau"), set()),
    (named("Anna Keller"), {"colleague-name"}),
    (named("Anna Keller", "anna@example.org"), set()),
    (named("Cher"), set()),  # one name is everybody's
    (named("Marie Durand"), {"your-name"}),
    (named("Marie Durand", "marie@example.org", arrival=PROVEN), set()),
    (view(author="Marie@example.org", arrival=Arrival(judgement=judged())), {"your-name"}),
    (view(author="marie@example.org", arrival=PROVEN), set()),
    (view(author="marie@example.org"), set()),  # nobody judged
    # Offices and titles on free mail.
    (named("Jean Petit, PDG", "jeanpetit@gmail.com"), {"title-on-free-mail"}),
    (named("John Smith CEO", "x@gmail.com"), {"title-on-free-mail"}),
    (named("John Smith CEO", "x@smith.example"), set()),
    (named("Customer Support Team", "x@gmail.com"), {"office-on-free-mail"}),
    (named("Service Client", "x@laposte.net"), {"office-on-free-mail"}),
    (named("Jean Petit", "x@gmail.com"), set()),
    # Answers.
    (view(reply_to=(person("boss@gmail.com"),)), {"reply-to-free-mail"}),
    (view(reply_to=(person("x@elsewhere.example"),)), {"reply-to-elsewhere"}),
    (view(reply_to=(person("x@mail.example.net"),)), set()),
    (view(author="a@gmail.com", reply_to=(person("b@yahoo.com"),)), {"reply-to-elsewhere"}),
    (view(reply_to=(person("x@gmail.com"),), headers=(("list-id", "<talk>"),)), set()),
    (
        view(
            display="Anna via Talk",
            author="talk@example.net",
            recipients=(person("talk@example.net"),),
            reply_to=(person("anna@gmail.com"),),
        ),
        set(),
    ),
    (view(reply_to=(person("marie@example.org"),)), set()),  # to where it was sent
    (view(return_path="b@elsewhere.example"), set()),  # nobody judged
    (view(return_path="b@elsewhere.example", arrival=Arrival(judgement=judged())), {"return-path-elsewhere"}),
    (view(return_path="b@elsewhere.example", arrival=Arrival(judgement=judged(spf="pass"))), set()),
    (view(return_path="b@bounce.example.net", arrival=Arrival(judgement=judged())), set()),
    # The domain by itself.
    (view(author="a@casino-86008.firebaseapp.com"), {"free-host-sender"}),
    (view(author="a@offers.xyz"), {"suspicious-ending"}),
    (view(author="a@qktfxthukmwf.com"), {"random-domain"}),
    (view(author="a@rhythm-section.com"), set()),
]


@pytest.mark.parametrize(("message", "expected"), CASES)
def test_what_is_found(message: View, expected: set[str]) -> None:
    assert {name.removeprefix("identity.") for name in found(identity.LOOKS, message)} == expected


def test_a_brand_is_named_with_its_own_domain() -> None:
    facts = found(identity.LOOKS, named("Netflix"))["identity.brand-name"].facts
    assert facts == {"brand": "Netflix", "domain": "example.net", "own": "netflix.com"}


@pytest.mark.parametrize(
    ("label", "random"),
    [
        ("example", False),
        ("a1b2c3d4e5", True),
        ("bcdfghjklm", True),
        ("deutschland", False),
        ("borschtsch", False),
        ("xn--bcher-kva", False),
        ("4chan", False),
        ("office365", False),
    ],
)
def test_letters_thrown_together(label: str, random: bool) -> None:
    assert looks_random(label) is random
