"""Domains that look like another's: true and false examples."""

from __future__ import annotations

import time

import pytest

from courriel.threats.lists import brands
from courriel.threats.lists.nearness import Near, one_slip
from courriel.threats.signals import lookalike
from courriel.threats.signals.lookalike import imitated, imitated_own
from courriel.threats.view import Context
from tests.threats.views import found, link, person, view

OURS = frozenset({"northwind-tools.example", "acme.example", "industrie.fr"})


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("paypa1.com", "paypal.com"),
        ("paypaI.com".lower(), "paypal.com"),  # a capital i
        ("xn--pypal-4ve.com", "paypal.com"),  # a Cyrillic а
        ("rnicrosoft.com", "microsoft.com"),
        ("netfIix.com".lower(), "netflix.com"),
        ("amazom.com", "amazon.com"),
        ("amzaon.com", "amazon.com"),
        ("paypal-secure.com", "paypal.com"),
        ("secure-paypal.com", "paypal.com"),
        ("mynetflixbilling.com", "netflix.com"),
        ("costcocpt.com", "costco.com"),
        ("chronopost-livraison.com", "chronopost.fr"),
        ("ameli-remboursement.fr", "ameli.fr"),
        ("verifywellsfargo.ga", "wellsfargo.com"),
        ("paypal.web.app", "paypal.com"),  # a brand's name on a free host
        ("paypal.top", "paypal.com"),
        # Honest ones.
        ("paypal.com", ""),
        ("amazon.se", ""),
        ("example.com", ""),
        ("googleapis.com", ""),
        ("amazonaws.com", ""),
        ("carnell.com", ""),
        ("econofist.com", ""),
        ("freevsd.org", ""),
        ("paypay.ne.jp", ""),
        ("samsungdisplay.com", ""),
        ("applewood.com", ""),
        ("orangeburg.com", ""),
        ("freedom.fr", ""),
        ("", ""),
    ],
)
def test_of_brands(name: str, real: str) -> None:
    assert imitated(name) == real


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("northwindtools-hq.example", "northwind-tools.example"),
        ("northwind-tools.com", "northwind-tools.example"),
        ("northwlnd-tools.example", "northwind-tools.example"),
        ("industrie-paiement.fr", "industrie.fr"),
        ("lndustrie.fr", "industrie.fr"),
        ("shop.northwind-tools.example", ""),
        ("northwind-tools.example", ""),
        ("acne.example", ""),  # too short to tell
        ("industries.gouv.fr", "industrie.fr"),
        ("example.com", ""),
    ],
)
def test_of_our_own(name: str, real: str) -> None:
    assert imitated_own(name, OURS) == real


def test_senders_and_links() -> None:
    message = view(author="a@paypa1.com", links=(link("https://www.netfl1x.com/x"),))
    findings = found(lookalike.LOOKS, message)
    assert findings["identity.lookalike-domain"].facts == {"domain": "paypa1.com", "real": "paypal.com"}
    assert findings["links.lookalike-domain"].evidence[0].words == "https://www.netfl1x.com/x"
    assert not found(lookalike.LOOKS, view(author="a@paypal.com", links=(link("https://www.netflix.com/x"),)))


def test_ours_count_more_than_brands() -> None:
    context = Context(own_domains=OURS)
    message = view(reply_to=(person("a@northwindtools.example"),), context=context)
    assert found(lookalike.LOOKS, message).keys() == {"identity.lookalike-of-yours"}


def test_every_brand_is_itself() -> None:
    assert [domain for domain in brands.by_domain() if imitated(domain)] == []


@pytest.mark.parametrize(
    ("word", "other", "near"),
    [
        ("abcdef", "abcdef", False),
        ("abcdef", "abcde", True),
        ("abcdef", "abXdef", True),
        ("abcdef", "abdcef", True),
        ("abcdef", "abdecf", False),
        ("abcdef", "badcef", False),
        ("abcdef", "abcdefg", True),
        ("abcdef", "abcdefgh", False),
        ("", "a", True),
    ],
)
def test_one_slip(word: str, other: str, near: bool) -> None:
    assert one_slip(word, other) is near is one_slip(other, word)


def test_nearness_finds_each_slip() -> None:
    near = Near(["netflix"])
    word = "netflix"
    for i in range(len(word)):
        for changed in (word[:i] + word[i + 1 :], word[:i] + "q" + word[i + 1 :], word[:i] + "q" + word[i:]):
            assert near.of(changed) == word
    assert near.of(word) == "" == near.of("netfilxx")


def test_hostile_names_cost_little() -> None:
    """A label has at most 63 octets; 500 links of the worst of them."""
    began = time.process_time()
    for i in range(500):
        imitated(f"{'payment' * 8}{i:03d}.com")
    assert time.process_time() - began < 0.25
