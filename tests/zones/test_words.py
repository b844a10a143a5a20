"""Every finding has words."""

from __future__ import annotations

from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.zones import words


def test_every_group_and_symptom_has_words() -> None:
    assert set(words.GROUPS) == set(Group)
    assert set(words.SENTENCES) == set(Symptom)


def test_a_sentence_names_what_it_is_about() -> None:
    for symptom in Symptom:
        said = words.sentence(Finding(Group.MX, Health.BAD, symptom, "SUBJECT", "DETAIL"), str)
        assert "SUBJECT" in said or "SPF" in said
