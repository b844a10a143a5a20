"""What the terminal and the page show of a dossier: all of it, in both languages, and nothing that acts."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from courriel.base.i18n import LANGUAGES, translator
from courriel.cli import analyze_page, analyze_terminal, analyze_words
from courriel.cli.analyze_page import marked
from courriel.formats.archive.sniff import TYPES
from courriel.model.verdict import Result
from courriel.threats.view import Arrival
from tests.threats.made import made

ACTS = {"script", "a", "img", "iframe", "object", "embed", "link", "form", "input", "base", "video", "audio", "use"}


def terminal(language: str = "en", **changes: object) -> str:
    console = Console(file=io.StringIO(), width=110, highlight=False, color_system=None)
    analyze_terminal.show(made(language, **changes), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.values: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]
        self.values += [value or "" for _, value in attrs]


def test_the_terminal_shows_the_verdict_first_and_the_proof_below() -> None:
    shown = terminal()
    order = [
        "MALICIOUS · Phishing",
        "Dangerous: this is phishing.",
        "What decided",
        "① The sender's domain bank.example says",
        "What speaks for it",
        "What to do",
        "The proof in detail",
        "Checks of the sender",
        "proven, but not for the sender that you see",
        "The way it came",
        "192.168.1.5",
        "Links, made harmless",
        "hxxp://evil[.]test/a?b=1",
        "Attachments",
        "The text, with what is hidden",
        "blo⟨U+200B⟩cked",
        "the quick brown fox",
        "All that was found",
        "+3.50",
    ]
    at = 0
    for one in order:
        at = shown.find(one, at)
        assert at >= 0, one
    assert "\x1b" not in shown and "\u202e" not in shown and "http://" not in shown


def test_the_picture_of_the_way_goes_from_sender_to_receiver_and_marks_what_is_odd() -> None:
    lines = terminal().splitlines()
    start = next(number for number, line in enumerate(lines) if "The way it came" in line)
    assert [line.strip() for line in lines[start + 1 : start + 7]] == [
        "○ pc [192.168.1.5] private network",
        "│ sent  ESMTP",
        "● mass[.]example  2026-11-24 10:05:00 UTC",
        "┆ says it got it from mass[.]example [203.0.113.7]",
        "│ 5 min back: the clocks disagree  ESMTPS",
        "◉ mx[.]home[.]example  2026-11-24 10:00:00 UTC",
    ]


def test_the_terminal_speaks_french() -> None:
    shown = terminal("fr")
    for words in ("MALVEILLANT", "Ce qui a décidé", "Que faire", "Le chemin suivi", "réseau privé", "Pièces jointes"):
        assert words in shown


def test_nobody_has_checked() -> None:
    assert "Nobody has checked here" in terminal(arrival=Arrival())


def test_colours_of_the_message_stay_words() -> None:
    assert "[red]x[/red]" in terminal(subject="[red]x[/red]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_nothing_that_acts_or_asks_for_anything(language: str) -> None:
    html = analyze_page.page(made(language))
    seen = Seen(html)
    assert not ACTS & set(seen.tags)
    assert not [name for name in seen.names if name.startswith("on") or name in ("href", "src", "style", "action")]
    assert not [one for one in seen.values if re.search(r"https?:|data:", one) and one != "http://www.w3.org/2000/svg"]
    assert "url(" not in html and "@import" not in html
    assert "default-src &#x27;none&#x27;" in html and f'<html lang="{language}">' in html


def test_the_message_is_text_in_the_page() -> None:
    html = analyze_page.page(made(subject="</title><script>alert(2)</script>\u202e"))
    assert "<script" not in html and "\u202e" not in html and "\u200b" not in html
    assert "hxxp://evil[.]test/a?b=1" in html
    assert '<pre class="hidden">the quick brown fox</pre>' in html
    assert "<mark>Go to bank[.]example now</mark>" in html


def test_the_page_is_well_formed() -> None:
    html = analyze_page.page(made())
    for tag in ("table", "section", "details", "svg", "pre", "ol", "ul", "div", "mark", "q", "h1", "h2", "h3", "p"):
        assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>"), tag


def test_words_are_marked_once_and_never_inside_one_another() -> None:
    assert marked("a b c a", ["b c", "c a", "a"]) == "<mark>a</mark> <mark>b c</mark> a"
    assert marked("http://clicks.test", ["click"]) == "hxxp://clicks[.]test"
    assert marked("http://click.test", ["click"]) == "hxxp://<mark>click</mark>.test"
    assert marked("x", ["absent"]) == "x"
    assert marked("a\nb  c", ["a b c"]) == "<mark>a\nb  c</mark>"


def test_every_type_of_file_and_every_result_has_its_words() -> None:
    assert set(analyze_words.FILES_ARE) == TYPES and analyze_words.DANGEROUS < TYPES
    assert set(analyze_words.RESULTS) == {one.value for one in Result}
    french = translator("fr")
    texts = [*analyze_words.FILES_ARE.values(), *analyze_words.RESULTS.values(), *analyze_words.QUESTIONS.values()]
    assert all(french(text) != text for text in texts)
