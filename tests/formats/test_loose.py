"""Words compared as a person would, in text and in a list of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.folding import fold, words
from courriel.formats.loose import holds_loosely, loosen, pattern, stems

ACCENTS = [("été", "ete"), ("œuvre", "oeuvre"), ("Ångström".casefold(), "angstrom"), ("ёлка", "елка"), ("ά", "α"),
           ("日本語", "日本語"), ("e\u0301\u0327", "e"), ("plain", "plain")]  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), ACCENTS)
def test_accents(text: str, plain: str) -> None:
    assert loosen(text) == plain


KIN = [
    ("factures", "facture facturation facturé", "fracture"),
    ("billing", "bill billed bills", "ill"),
    ("résumé", "resume RÉSUMÉS", "resolve"),
    ("swimming", "swim swims", "slim"),
    ("oeuvre", "œuvres", "ouvre"),
    ("paiements", "paiement", "pain"),
    ("12", "12", "21"),
    ("请求", "请求书", "求请"),
]


@pytest.mark.parametrize(("wanted", "kin", "stranger"), KIN)
def test_kin(wanted: str, kin: str, stranger: str) -> None:
    for one in kin.split():
        assert holds_loosely(fold(one), stems(fold(wanted))), one
    assert not holds_loosely(fold(stranger), stems(fold(wanted)))


def test_all_words_count_in_any_order() -> None:
    assert holds_loosely("broken imap server", stems("imap broken"))
    assert not holds_loosely("broken server", stems("imap broken"))


@given(st.text(st.sampled_from("eéèêoœaæsu\u0301 n1"), max_size=30), st.text(st.sampled_from("eéoesun1"), min_size=1))
def test_a_list_of_words_says_what_the_text_says(text: str, wanted: str) -> None:
    there = "\n".join(["", *words(fold(text)), ""]).encode()
    listed = all(pattern(stem).search(there) for stem in stems(fold(wanted)))
    assert listed == holds_loosely(fold(text), stems(fold(wanted)))
