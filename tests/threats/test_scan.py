"""Whole messages in, reports out: the shipped model with the signals."""

from __future__ import annotations

import random
import time

import pytest

from courriel.model.threat import Channel, Group, Kind, Level
from courriel.threats.scan import scan
from courriel.threats.signals import catalogue
from courriel.threats.view import Arrival
from courriel.threats.weights import LEAST, MOST, weights

LURE = (
    b"From: PayPal Security <service@paypa1-secure.top>\r\nTo: marie@example.org\r\n"
    b"Subject: Your account is limited\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Dear customer,<p>Your account has been suspended. Verify your password within 24 "
    b'hours or it will be closed: <a href="http://192.0.2.9/login">https://www.paypal.com/signin</a>'
)
NOTE = (
    b"From: Paul <paul@example.com>\r\nTo: marie@example.org\r\nSubject: Re: patch for the parser\r\n\r\n"
    b"Hi Marie,\r\n\r\nthanks, I applied the patch and the test passes now. The second hunk did not apply to the "
    b"current branch, could you rebase it? I think the bug is in the loop that reads the header.\r\n\r\nPaul\r\n"
)
SMISHING = "Colissimo : votre colis est en attente, reglez les frais de 1,99 € ici : http://colis-suivi.top/fr".encode()


def test_a_lure_is_malicious_and_its_evidence_stands_in_it() -> None:
    report = scan(LURE)
    assert report.level is Level.MALICIOUS and report.kind is Kind.PHISHING
    assert report.score == pytest.approx(report.prior + sum(one.weight for one in report.reasons), abs=1e-6)
    assert any(catalogue()[one.finding.signal].fact for one in report.deciding if one.finding.signal in catalogue())


def test_a_note_is_clean() -> None:
    report = scan(NOTE)
    assert report.level is Level.CLEAN and report.kind is None and report.probability < 0.2


def test_a_text_message() -> None:
    report = scan(SMISHING, channel=Channel.SMS)
    assert report.level in (Level.SUSPICIOUS, Level.MALICIOUS) and report.kind is Kind.SMISHING
    assert scan("on se voit à 18h devant la gare ? bisous".encode(), channel=Channel.SMS).level is Level.CLEAN


def test_without_the_bad_link_the_score_is_lower() -> None:
    mended = LURE.replace(b"http://192.0.2.9/login", b"https://www.paypal.com/signin")
    assert scan(mended).score < scan(LURE).score


@pytest.mark.parametrize("trick", ["\u200b", "\u00ad", "\u2060"])
def test_salted_words_do_not_help(trick: str) -> None:
    salted = LURE.replace(b"password", f"pass{trick}word".encode()).replace(b"account", f"acc{trick}ount".encode())
    salted = salted.replace(b"text/html", b"text/html; charset=utf-8")
    assert scan(salted).probability >= scan(LURE).probability - 0.05


def test_mutated_messages_are_judged_in_bounded_time() -> None:
    chance = random.Random(1)
    slowest = 0.0
    for number in range(300):
        raw = bytearray((LURE, NOTE)[number % 2])
        for _ in range(chance.randrange(1, 30)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        begins = time.process_time()
        report = scan(bytes(raw), Arrival(client_ip="192.0.2.1"))
        slowest = max(slowest, time.process_time() - begins)
        assert 0.0 <= report.probability <= 1.0
    assert slowest < 0.25, "0.05 s on a quiet machine"


@pytest.mark.parametrize("channel", Channel)
def test_fitting_never_turns_a_sign(channel: Channel) -> None:
    assert all(LEAST <= factor <= MOST for factor in weights(channel).signals.values())
    assert all(weight >= 0 for one in catalogue().values() for weight in one.weights.values())
    assert all(one.good <= 0 for one in catalogue().values())


def test_all_groups_are_bounded() -> None:
    assert {reason.finding.group for reason in scan(LURE).reasons} <= set(Group)
