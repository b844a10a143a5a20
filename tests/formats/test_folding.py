"""Folding and words: whatever is in a text is found by looking its words up."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from courriel.formats.folding import LOOKUP, PIECE, fold, lookup, words

FOLDED = [
    ("Facture", "facture"),
    ("ÉTÉ à Noël", "été à noël"),
    ("e\u0301te\u0301", "été"),
    ("Straße", "strasse"),
    ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
    ("日本語", "日本語"),
    ("İ", "i\u0307"),
]


@pytest.mark.parametrize(("text", "folded"), FOLDED)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_accents_stand() -> None:
    assert fold("resume") not in fold("résumé")
    assert fold("cafe") not in fold("cafe\u0301")


WORDS = [
    ("l'été, c'est \"l'été\" !", {"l", "été", "c", "est"}),
    ("bob_b@example.org", {"bob_b", "example", "org"}),
    ("F2024-07b3", {"F", "2024", "07", "b", "3"}),
    ("الفاتورة رقم ١٢", {"الفاتورة", "رقم", "١٢"}),
    ("ใบแจ้งหนี้ ค้างชำระ", {"ใบแจ้งหนี้", "ค้างชำระ"}),
    ("請求書です。お支払い", {"請求書です", "お支払い"}),
    ("한국어 문장", {"한국어", "문장"}),
    ("a\u00a0b\u2014c\u2026d", {"a", "b", "c", "d"}),
    ("", set()),
]


@pytest.mark.parametrize(("text", "expected"), WORDS)
def test_words(text: str, expected: set[str]) -> None:
    assert words(text) == expected


def test_a_long_word_is_kept_as_pieces() -> None:
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 100)))
    pieces = words(long)
    assert max(map(len, pieces)) == PIECE
    for at in range(100 - LOOKUP + 1):
        assert any(long[at : at + LOOKUP] in piece for piece in pieces)


TEXT = st.text(st.sampled_from("aAbé\u0301E _-.,漢字\n請ใบิ0İß\u00a0ا"), max_size=90)


def holds(text: str, wanted: str) -> bool:
    """What the index says of a text: it may hold what is wanted."""
    written = [b"\n%s\n".replace(b"%s", word.encode()) for word in words(fold(text))]
    return all(any(part in word for word in written) for part in lookup(wanted).parts)


@given(TEXT, st.data())
@example("a" * 40, None)
def test_every_part_of_a_text_is_found(text: str, data: st.DataObject | None) -> None:
    folded = fold(text)
    first = data.draw(st.integers(0, len(folded))) if data else 7
    end = data.draw(st.integers(first, len(folded))) if data else 33
    assert holds(text, folded[first:end])


@given(TEXT, st.text(st.sampled_from("abé _漢請ใ"), min_size=1, max_size=20))
def test_an_exact_lookup_finds_nothing_else(text: str, wanted: str) -> None:
    if lookup(wanted).exact:
        assert holds(text, wanted) == (wanted in fold(text))


def test_folding_and_words_of_hostile_text_take_no_time() -> None:
    """Marks without end, one word without end: linear.  Some 0.1 s a megabyte, on a busy machine more."""
    for text in ("e" + "\u0301\u0316" * 500_000, "e\u0301" * 500_000, "x" * 1_000_000, "a " * 500_000):
        begun = time.process_time()
        words(fold(text))
        assert time.process_time() - begun < 0.3 * len(text.encode()) / 1e6
