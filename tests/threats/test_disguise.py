"""Tricks with characters and styles change what is found by adding to it, never by taking away."""

from __future__ import annotations

import pytest

from courriel.threats.read import read
from courriel.threats.signals import looks
from courriel.threats.view import View
from tests.threats.views import found

PLAIN = "Your account has been suspended. Click here to verify your account within 24 hours."
TWINS = {
    "zero width": ("\u200b".join, "content.split-words"),
    "homoglyphs": (lambda text: "".join(text).translate(str.maketrans("aeoc", "аеос")), "content.mixed-alphabets"),
    "mathematics": (
        lambda text: "".join(text).translate({ord(x): 0x1D41A + ord(x) - 97 for x in "acet"}),
        "content.fancy-letters",
    ),
}


def message(text: str, kind: str = "plain") -> View:
    return read(
        f"From: a@example.net\nTo: b@example.org\nContent-Type: text/{kind}; charset=utf-8\n\n{text}\n".encode()
    )


@pytest.mark.parametrize("name", TWINS)
def test_a_disguised_twin_is_found_as_its_twin_and_as_disguised(name: str) -> None:
    disguise, signal = TWINS[name]
    plain, twin = found(looks(), message(PLAIN)), found(looks(), message(disguise(list(PLAIN))))
    assert {"content.loss", "content.asks-password", "content.urgency"} <= plain.keys() <= twin.keys()
    assert signal in twin and signal not in plain


SHOWN = [
    ("<td style='font-size:0'><span style='font-size:14px'>hello</span></td>", "hello", ""),
    ("<td style='font-size:0'>hello<span style='font-size:1em'>you</span></td>", "", "helloyou"),
    ("<div style='display:none'><p style='display:block;font-size:14px'>hello</p></div>", "", "hello"),
    ("<div style='color:#fff'><p style='color:#000'>hello</p></div>", "hello", ""),
    ("<div style='color:#fff'>hello</div>", "", "hello"),
]


@pytest.mark.parametrize(("html", "visible", "hidden"), SHOWN)
def test_a_style_said_within_replaces_the_one_around(html: str, visible: str, hidden: str) -> None:
    view = message(html, "html")
    assert (view.visible.replace(" ", ""), view.hidden.replace(" ", "")) == (visible, hidden)
