"""Nothing that is shown can be clicked on, and nothing hides."""

from __future__ import annotations

import pytest

from courriel.threats.defang import defang, defanged, pieces, unlinked, visible

CASES = [
    ("https://bank.example/a.php?x=1", "hxxps://bank[.]example/a[.]php?x=1"),
    ("thttp://evil.test", "thxxp://evil[.]test"),
    ("HTTP://EVIL.test", "HxxP://EVIL[.]test"),
    ("ftp://a.b/", "fxp://a[.]b/"),
    ("mailto:a@b.example", "mailto[:]a[@]b[.]example"),
    ("javascript:alert(1)", "javascript[:]alert(1)"),
    ("http://user@192.0.2.1:8080/", "hxxp://user[@]192[.]0[.]2[.]1:8080/"),
    ("https://go.example/?u=http://evil.test", "hxxps://go[.]example/?u=hxxp://evil[.]test"),
]


@pytest.mark.parametrize(("address", "harmless"), CASES)
def test_an_address_is_made_harmless(address: str, harmless: str) -> None:
    assert defang(address) == harmless


def test_addresses_in_a_text_are_made_harmless_and_sentences_left_alone() -> None:
    text = "See www.bank.example or write to me@x.example. Thanks. Bye... 3.5 %"
    assert defanged(text) == "See www[.]bank[.]example or write to me[@]x[.]example. Thanks. Bye... 3.5 %"


def test_a_sentence_keeps_names_and_loses_links() -> None:
    text = "bank.example (info@bank.example) leads to http://evil.test/a and www.evil.test."
    harmless = "bank.example (info@bank.example) leads to hxxp://evil[.]test/a and www[.]evil[.]test."
    assert unlinked(text) == harmless


def test_a_scheme_that_is_cut_off_is_no_link_either() -> None:
    assert defanged("[http://") == "[hxxp://"
    assert unlinked("see https://") == "see hxxps://"


def test_hidden_characters_are_named() -> None:
    assert visible("a\u200bb\u202ec\x1b[31m\tend") == "a⟨U+200B⟩b⟨U+202E⟩c⟨U+001B⟩[31m\tend"
    assert visible("☎\ufe0f") == "☎\ufe0f"
    assert pieces("a\u200bb") == [("a", False), ("⟨U+200B⟩", True), ("b", False)]
    assert pieces("\u200b") == [("⟨U+200B⟩", True)]
    assert pieces("") == []
