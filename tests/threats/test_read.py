"""A message read for the signals: what shows, what does not, links, people, the way; hostile markup."""

from __future__ import annotations

import time

import pytest

from courriel.model.threat import Channel
from courriel.threats.read import read
from courriel.threats.reading.letters import fold
from courriel.threats.reading.markup import read_markup
from courriel.threats.reading.organisation import organisation
from courriel.threats.reading.urls import link, written
from courriel.threats.view import LINKS, Arrival

HEADER = (
    b"From: Ann <ann@mail.example.co.uk>\r\nTo: Bob <bob@example.org>\r\nSubject: =?utf-8?q?Bonjour_=C3=A0_tous?=\r\n"
)
HTML = HEADER + b"Content-Type: text/html; charset=utf-8\r\n\r\n"

HIDING = [
    '<p style="display:none">gone</p>',
    '<div style="visibility: hidden"><b>gone</b></div>',
    '<span style="font-size:0">gone</span>',
    '<span style="font-size:1px">gone</span>',
    '<span style="opacity:0">gone</span>',
    "<p hidden>gone</p>",
    '<font color="#ffffff">gone</font>',
    '<div style="background:#336699"><span style="color:rgb(51,102,153)">gone</span></div>',
    '<table><tr><td bgcolor="#fefefe"><font color=white>gone</font></td></tr></table>',
    '<div style="position:absolute;left:-9999px">gone</div>',
    '<div style="height:0;overflow:hidden">gone</div>',
    '<style>.x{display:none}</style><p class="x">gone</p>',
]
SHOWING = [
    '<p style="display:block">here</p>',
    '<td background="x.png"><font color="#ffffff">here</font></td>',
    '<div style="background:#000"><span style="color:#fff">here</span></div>',
    '<style>@media (max-width:600px){.x{display:none}}</style><p class="x">here</p>',
    '<p style="display:none">x<p>here</p>',
    "<!-- <p hidden> -->here",
]


@pytest.mark.parametrize("source", HIDING)
def test_hidden_text_is_told_apart(source: str) -> None:
    markup = read_markup(f"<body>seen {source} seen</body>")
    assert markup.visible == "seen seen"
    assert markup.hidden == "gone"


@pytest.mark.parametrize("source", SHOWING)
def test_text_that_shows_is_visible(source: str) -> None:
    assert "here" in read_markup(source).visible


def test_a_word_in_pieces_is_one_word() -> None:
    assert read_markup("P<b>ay</b><span>pal</span><p>next").visible == "Paypal next"


def test_a_link_has_its_text_and_its_target() -> None:
    (one,) = read_markup('<a href="https://user@Evil.Example.co.uk:8443/p?q#f">My <b>bank</b></a>').links
    assert (one.kind, one.text, one.scheme, one.userinfo) == ("a", "My bank", "https", "user")
    assert (one.host, one.port, one.path, one.organisation) == ("evil.example.co.uk", 8443, "/p?q#f", "example.co.uk")


URLS = [
    ("https:\\\\evil.example\\x", "evil.example", "/x"),
    ("http:evil.example/x", "evil.example", "/x"),
    ("//evil.example/x", "evil.example", "/x"),
    ("http://ev%69l.example/", "evil.example", "/"),
    ("ht\ntp://evil.example/", "evil.example", "/"),
    ("javascript:alert(1)", "", "alert(1)"),
    ("http://[::1]:80/", "[::1]", "/"),
    ("http://", "", ""),
]


@pytest.mark.parametrize(("href", "host", "path"), URLS)
def test_links_are_taken_apart_as_browsers_do(href: str, host: str, path: str) -> None:
    one = link("a", "", href)
    assert (one.host, one.path) == (host, path)


def test_links_in_text() -> None:
    text = "See https://a.example/x), www.b.example or bit.ly/abc. At 3.30pm? v1.2.3 me@c.com"
    assert [one.host for one in written(text, bare=True, most=9)] == ["a.example", "www.b.example", "bit.ly"]
    assert [one.host for one in written(text, bare=False, most=9)] == ["a.example", "www.b.example"]


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.b.co.uk", "b.co.uk"), ("x.github.io", "x.github.io"), ("co.uk", ""), ("192.0.2.1", ""), ("localhost", "")],
)
def test_the_registered_name(host: str, name: str) -> None:
    assert organisation(host) == name


def test_letters_are_read_as_a_careless_eye_does() -> None:
    assert fold("P\u0430yp\u0430l \uff21\u200b\u0440\u0440le") == "paypal apple"
    assert fold("Сбербанк онлайн") == "сбербанк онлайн"
    assert fold("Été à l'œil") == "été à l'œil"


def test_people_and_the_way() -> None:
    raw = b"Received: from mx.example ([192.0.2.7]) by in.example.org with ESMTPS; Mon, 5 Jan 2026 10:00:00 +0100\r\n"
    view = read(raw + HEADER + b"\r\nhello", Arrival(mail_from="bounce@other.example"))
    assert (view.subject, view.authors[0].organisation) == ("Bonjour à tous", "example.co.uk")
    assert view.return_path is not None and view.return_path.domain == "other.example"
    (hop,) = view.hops
    assert (hop.from_name, hop.from_ip, hop.by, hop.with_) == ("mx.example", "192.0.2.7", "in.example.org", "ESMTPS")
    assert hop.at == 1_767_603_600


def test_parts_are_sorted_as_mail_programs_do() -> None:
    raw = HEADER + (
        b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n'
        b"Content-Type: multipart/alternative; boundary=a\r\n\r\n"
        b"--a\r\n\r\nplain twin\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>rich twin\r\n--a--\r\n"
        b"--m\r\nContent-Type: text/plain\r\n\r\nbelow\r\n--m\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''r%C3%A9%2Epdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"JVBERi0=\r\n--m--\r\n"
    )
    view = read(raw)
    assert view.visible == "rich twin below"
    assert "plain twin" in view.plain
    (file,) = view.attachments
    assert (file.name, file.content(100), file.content(2)) == ("ré.pdf", b"%PDF-", b"%P")


def test_a_text_message_has_no_header() -> None:
    view = read(b"From: no header\nlien: bit.ly/x", channel=Channel.SMS)
    assert view.headers == () and view.visible == "From: no header lien: bit.ly/x"
    assert [one.host for one in view.links] == ["bit.ly"]


HOSTILE = [
    b"<div>",
    b"<b>",
    b'<a href="http://x.y/">',
    b"<a",
    b"<!--",
    b"<style>.a{display:none}</style>",
    b"<a " + b"x=1 " * 200 + b">",
    b'<p style="' + b"a:b;" * 500 + b'">',
    b"&#9999999999",
    b"<style>@media{",
    b"<p hidden>x",
    b"<script>",
    b"http://a.b/",
    "\u200b".encode(),
    "e\u0301\u0301".encode(),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_markup_is_read_in_bounded_time(unit: bytes) -> None:
    raw = HTML + unit * (1_000_000 // len(unit))
    begins = time.process_time()
    view = read(raw)
    assert time.process_time() - begins < 0.3, "0.05 s on a quiet machine"
    assert len(view.links) <= LINKS


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\0" * 100, b"From:\r\n\r\n", b"Content-Type: multipart/mixed\r\n\r\n--"]
)
def test_nothing_raises(raw: bytes) -> None:
    for channel in Channel:
        assert read(raw, channel=channel).channel is channel
