"""Where links lead: true and false examples."""

from __future__ import annotations

import time

import pytest

from courriel.model.threat import Channel
from courriel.threats.signals import links
from courriel.threats.signals.links import is_number, text_organisation
from courriel.threats.view import Link, View
from tests.threats.views import found, link, person, view


def linked(*several: Link, **others: object) -> View:
    return view(links=several, **{"author": "a@shop.example", "html": True} | others)  # type: ignore[arg-type]


HOME = link("https://www.shop.example/")

CASES: list[tuple[str, set[str]]] = [
    ("https://www.shop.example/x", set()),
    ("https://elsewhere.example/x", set()),
    ("https://bit.ly/3abc", {"shortener"}),
    ("https://bit.ly/", set()),  # the service itself
    ("https://login-x.web.app/", {"free-host"}),
    ("https://sites.google.com/view/x", {"free-host"}),
    ("https://www.google.com/maps", set()),
    ("https://www.google.com/url?q=https://x.example", {"open-redirector"}),
    ("https://www.google.com/search?q=x", set()),
    ("https://203.0.114.7/x", {"address-for-name"}),
    ("http://3405803783/x", {"address-for-name"}),
    ("http://0xCB007107/x", {"address-for-name"}),
    ("http://0313.0.0162.7/x", {"address-for-name"}),
    ("http://[2a00::1]/x", {"address-for-name"}),
    ("http://192.168.1.1/admin", set()),
    ("http://127.0.0.1:5000/", set()),
    ("http://localhost:8000/", set()),
    ("https://paypal.com@evil.example/x", {"name-before-at"}),
    ("https://user@svn.example/x", set()),
    ("https://evil.example:4443/x", {"odd-port"}),
    ("https://evil.example:8443/x", set()),
    ("data:text/html;base64,PGgxPg==", {"code-for-address"}),
    ("data:image/png;base64,PGgxPg==", set()),
    ("javascript:location.replace(atob('aHR0cDovL3g='))", {"code-for-address"}),
    ("javascript:void(0)", set()),
    ("mailto:a@elsewhere.example", set()),
    ("#top", set()),
    ("https://xn--pypal-4ve.example/", {"mixed-letters"}),
    ("https://xn--bcher-kva.example/", set()),  # bücher
    ("https://xn--h1ajim.xn--p1ai/", set()),  # all Cyrillic
    ("https://win.prize.top/", {"suspicious-ending"}),
    ("https://paypal.com.secure.example/login", {"brand-in-front"}),
    ("https://www.paypal.secure.example/login", {"brand-in-front"}),
    ("https://paypal.example/login", set()),
    ("https://www.paypal.com/login", set()),
]


@pytest.mark.parametrize(("href", "expected"), CASES)
def test_where_a_link_leads(href: str, expected: set[str]) -> None:
    findings = found((links.targets,), linked(link(href, "here")))
    assert {name.removeprefix("links.") for name in findings} == expected
    assert all(finding.evidence[0].words == href for finding in findings.values())


TEXTS: list[tuple[str, str, bool]] = [
    ("www.mybank.example", "https://evil.example/x", True),
    ("https://mybank.example/login", "https://evil.example/x", True),
    ("mybank.fr", "https://evil.example/x", True),
    ("www.mybank.example", "https://203.0.114.7/x", True),
    ("www.mybank.example", "https://login.mybank.example/x", False),
    ("www.shop.example", "https://click.shop.example/x", False),
    ("mybank.fr", "https://mybank.com/x", False),  # one name, two endings
    ("www.partner.example", "https://click.shop.example/x", False),  # the author's own counter
    ("www.shop.example", "https://u1.ct.sendgrid.net/ls/click?x", False),  # a known counter
    ("www.shop.example", "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fwww.shop.example", False),
    ("www.shop.example", "https://gate.example/?to=https://www.shop.example/", False),
    ("youtube.com", "https://youtu.be/x", False),  # one owner
    ("www.amazon.fr", "https://www.amazon.com/x", False),
    ("Click here", "https://evil.example/x", False),
    ("report.final.pdf", "https://evil.example/x", False),
    ("Node.js", "https://evil.example/x", False),
    ("Visit www.mybank.example today", "https://evil.example/x", False),
]


@pytest.mark.parametrize(("text", "href", "expected"), TEXTS)
def test_what_a_link_shows(text: str, href: str, expected: bool) -> None:
    findings = found((links.texts,), linked(link(href, text)))
    assert bool(findings) is expected
    assert all([one.words for one in finding.evidence] == [text, href] for finding in findings.values())


def test_links_written_in_the_text_show_what_they_are() -> None:
    assert not found((links.texts,), linked(link("http://evil.example", "www.evil.example", "text")))


def test_none_to_the_sender() -> None:
    away = link("https://evil.example/x")
    assert found((links.none_to_sender,), linked(away))
    assert not found((links.none_to_sender,), linked(away, HOME))
    assert not found((links.none_to_sender,), linked(away, link("https://x.list-manage.com/t")))
    assert not found((links.none_to_sender,), linked(away, author="a@gmail.com"))
    assert not found((links.none_to_sender,), linked(away, html=False))
    assert not found((links.none_to_sender,), linked(away, recipients=(person("x@evil.example"),)))


def test_a_message_by_sms_has_links_too() -> None:
    message = linked(link("http://bit.ly/abc", kind="text"), channel=Channel.SMS, author="")
    assert found(links.LOOKS, message).keys() == {"links.shortener"}
    assert not found(links.LOOKS, linked(link("http://bit.ly/abc"), channel=Channel.CALL))


def test_a_digest_may_have_an_odd_link() -> None:
    many = [link(f"https://site{i}.example/") for i in range(30)]
    finding = found((links.targets,), linked(*many, link("https://bit.ly/abc")))["links.shortener"]
    assert finding.strength == 0.5


@pytest.mark.parametrize("host", ["1.2.3.4", "0x7f.1", "017700000001", "2130706433", "[::1]"])
def test_numbers(host: str) -> None:
    assert is_number(host)


@pytest.mark.parametrize("host", ["example.com", "1.2.3.4.5", "4chan.org", "dead.beef"])
def test_names(host: str) -> None:
    assert not is_number(host)


def test_hostile_texts_cost_little() -> None:
    began = time.process_time()
    for i in range(500):
        text_organisation("a." * 140 + str(i))
        text_organisation("a" * 290 + f".{i}")
        text_organisation("www." + "a-" * 140 + str(i))
    assert time.process_time() - began < 0.25
