"""Phrases: how they are written, found and quoted."""

from __future__ import annotations

import time

import pytest

from courriel.threats.phrases.find import GAP, HITS, WORDS, said, themes
from courriel.threats.phrases.quote import quote
from tests.threats.views import view

FOUND = [
    ("your account has been suspended", "loss"),
    ("Votre compte a été bloqué", "loss"),
    ("VOTRE COMPTE A ETE BLOQUE", "loss"),
    ("l'accès à votre compte est suspendu", "loss"),
    ("within 24 hours", "urgency"),
    ("within the next 24 hours", "urgency"),
    ("sous 48 h", "urgency"),
    ("Ihr Konto wurde vorübergehend gesperrt", "loss"),
    ("haga clic en el siguiente enlace", "click"),
]
NOT_FOUND = [
    ("your account is fine, and nothing at all here has ever been suspended", "loss"),
    ("within twenty minutes", "urgency"),
    ("never share the code we send you", "code"),
    ("ne donnez jamais le code reçu par sms", "code"),
    ("the parcel arrived yesterday", "parcel"),
    ("votre compte rendu est suspendu au mur", "password"),
]


@pytest.mark.parametrize(("text", "theme"), FOUND)
def test_found(text: str, theme: str) -> None:
    assert said(text.lower()).about(theme)


@pytest.mark.parametrize(("text", "theme"), NOT_FOUND)
def test_not_found(text: str, theme: str) -> None:
    assert not said(text.lower()).about(theme)


def test_a_gap_has_an_end() -> None:
    within, beyond = "x " * GAP, "x " * (GAP + 1)
    assert said(f"account has been {within}suspended").about("loss")
    assert not said(f"account has been {beyond}suspended").about("loss")


def test_what_is_kept_and_looked_at_is_bounded() -> None:
    assert len(said("act now. " * 1_000).hits["urgency"]) == HITS
    assert len(said("word " * 2 * WORDS).words) == WORDS
    assert not said("word " * WORDS + "act now").about("urgency")


def test_hostile_text_costs_little() -> None:
    """The words that begin most phrases, over and over: within the 50 ms a megabyte may cost."""
    text = "votre your within send get service will be account has been " * 20_000
    before = time.process_time()
    said.__wrapped__(text)
    assert (time.process_time() - before) < 0.05 * max(1.0, len(text) / 2**20) * 4  # machines of tests are slow


def test_every_table_has_its_themes_in_english_and_french() -> None:
    assert {"urgency", "loss", "parcel", "transfer", "gift-card", "code", "extortion", "call"} <= themes()


def test_a_quote_is_what_stands_there() -> None:
    message = view(subject="Dernier rappel", text="Bonjour, votre compte a été « BLOQUÉ » hier. Merci.")
    loss, urgency = quote(message, "loss"), quote(message, "urgency")
    assert [(one.where, one.words) for one in loss] == [("text", "compte a été « BLOQUÉ")]
    assert [(one.where, one.words) for one in urgency] == [("subject", "Dernier rappel")]


def test_a_quote_of_disguised_text_is_near_and_stands_there() -> None:
    text = "Your acc\u200bount has been sus\u200bpended today, dear reader."
    message = view(text=text, folded="your account has been suspended today, dear reader.")
    (evidence,) = quote(message, "loss")
    assert evidence.words and evidence.words in text
