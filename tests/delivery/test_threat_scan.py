"""What follows from a report: the field, the junk, the refusal; by thresholds of the recipients' domains."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from courriel.delivery import threat_scan, verdict_field
from courriel.delivery.threat_scan import SHORT_OCTETS, ThreatScan, ThreatSettings, Thresholds
from courriel.model.envelope import Client, Door, Envelope, Recipient, address_of, reverse_path_of_text
from courriel.model.refusals import FilterVerdict
from courriel.model.threat import Channel, Finding, Group, Kind, Level, Reason, Report
from courriel.model.transit import Transit
from courriel.threats.view import Context

MAIL = (
    b"From: a@x.example\r\nX-Courriel-Verdict: here; clean;\r\n\tprobability=0.0\r\n"
    b"Subject: x\r\n\r\nX-Courriel-Verdict: y\r\n"
)


def _report(level: Level, probability: float) -> Report:
    finding = Finding("links.look-alike", Group.LINKS, 1.0)
    kind = None if level is Level.CLEAN else Kind.PHISHING
    return Report(
        channel=Channel.MAIL, level=level, kind=kind, probability=probability, score=1.0, prior=-1.0, kinds={},
        reasons=(Reason(finding, 2.0 if kind else -2.0),), groups=1,
    )  # fmt: skip


def _scanned(
    monkeypatch: pytest.MonkeyPatch, report: Report, settings: ThreatSettings, *to: str, content: bytes = MAIL
) -> Transit:
    monkeypatch.setattr(threat_scan, "scan", lambda *_: report)
    recipients = tuple([Recipient(address_of(one)) for one in to or ("b@here.example",)])
    envelope = Envelope(Door.MX, Client("192.0.2.1", 1), reverse_path_of_text("a@x.example"), recipients)
    transit = Transit("id", envelope, content, 0.0)
    step = ThreatScan(settings, lambda *_: Context(), "here.example")
    asyncio.run(step.scan(transit))
    return transit


def test_the_field_is_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    transit = _scanned(monkeypatch, _report(Level.SUSPICIOUS, 0.7), ThreatSettings())
    assert transit.content == b"From: a@x.example\r\nSubject: x\r\n\r\nX-Courriel-Verdict: y\r\n"
    first, second, _ = transit.verdict_fields.split(b"\r\n")
    assert first == b"X-Courriel-Verdict: here.example; suspicious; kind=phishing; probability=0.700;"
    assert second == b"\tsignals=links.look-alike"
    assert not transit.junk


@pytest.mark.parametrize(
    "field", [b"x-courriel-verdict : a\r\n", b" X-Courriel-Verdict: a\r\n b\r\n", b"X-COURRIEL-VERDICT:\r\n"]
)
def test_no_spelling_of_it_comes_in(field: bytes) -> None:
    content = field + b"Subject: x\r\n\r\n"
    assert verdict_field.without(content, len(content)) == b"Subject: x\r\n\r\n"


@pytest.mark.parametrize(
    ("settings", "to", "probability", "outcome"),
    [
        (ThreatSettings(), ("b@here.example",), 0.79, "inbox"),
        (ThreatSettings(), ("b@here.example",), 0.8, "junk"),
        (ThreatSettings({"": Thresholds(0.0, 0.0, 0.0)}), ("b@here.example",), 1.0, "inbox"),
        (ThreatSettings({"": Thresholds(0.8, 0.95, 0.99)}), ("b@here.example",), 0.99, "refused"),
        (ThreatSettings({"": Thresholds(), "here.example": Thresholds(0.6)}), ("b@HERE.example",), 0.7, "junk"),
        (
            ThreatSettings({"": Thresholds(), "here.example": Thresholds(0.6)}),
            ("b@here.example", "c@there.example"),
            0.7,
            "inbox",
        ),
        (
            ThreatSettings({"": Thresholds(0.8, 0.95, 0.99), "here.example": Thresholds()}),
            ("b@here.example", "c@there.example"),
            1.0,
            "junk",
        ),
    ],
)
def test_thresholds(
    monkeypatch: pytest.MonkeyPatch, settings: ThreatSettings, to: tuple[str, ...], probability: float, outcome: str
) -> None:
    try:
        transit = _scanned(monkeypatch, _report(Level.MALICIOUS, probability), settings, *to)
    except FilterVerdict as refusal:
        assert outcome == "refused" and refusal.code == 550 and "links.look-alike" in refusal.lines[0]
    else:
        assert ("junk" if transit.junk else "inbox") == outcome


def test_only_what_is_malicious_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ThreatSettings({"": Thresholds(0.8, 0.95, 0.9)})
    assert _scanned(monkeypatch, _report(Level.SUSPICIOUS, 0.999), settings).junk
    assert not _scanned(monkeypatch, _report(Level.SUSPICIOUS, 0.94), settings).junk, "words alone have to be surer"
    assert not _scanned(monkeypatch, _report(Level.CLEAN, 0.4), settings).junk


def test_long_mail_does_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[object] = []

    async def to_thread(act: object, *_: object) -> Report:
        threads.append(act)
        return _report(Level.CLEAN, 0.1)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    _scanned(monkeypatch, _report(Level.CLEAN, 0.1), ThreatSettings(), content=MAIL + b"x" * SHORT_OCTETS)
    assert len(threads) == 1


@pytest.mark.parametrize(
    ("level", "kind", "probability", "expected"),
    [
        (Level.CLEAN, None, 0.0, (1, 0)),
        (Level.SUSPICIOUS, Kind.SPAM, 0.6, (6, 0)),
        (Level.MALICIOUS, Kind.PHISHING, 1.0, (10, 0)),
        (Level.SUSPICIOUS, Kind.MALWARE, 0.8, (8, 4)),
        (Level.MALICIOUS, Kind.MALWARE, 0.99, (10, 5)),
    ],
)
def test_levels_for_scripts(level: Level, kind: Kind | None, probability: float, expected: tuple[int, int]) -> None:
    """RFC 5235: 1 is clean, 10 certainly spam."""
    report = msgspec.structs.replace(_report(level, probability), kind=kind)
    assert threat_scan.levels(report) == expected
