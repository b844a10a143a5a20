"""Aggregate reports that we write: our own reader reads them back, and an independent one agrees."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.reports.dmarc_report import DkimRow, DmarcReport, Published, Reason, Row, SpfRow, read
from courriel.formats.reports.dmarc_report_write import SCHEMA, render

ROW = Row(
    "192.0.2.1", 3, "quarantine", "fail", "pass", "mail.a.org", "bounce.a.org", "",
    (Reason("local_policy", "a list"),), (DkimRow("a.org", "s1", "fail"),), (SpfRow("bounce.a.org", "mfrom", "pass"),),
)  # fmt: skip
REPORT = DmarcReport(
    "mx.here", "postmaster@here", "2026-11-24.a.org", 1, 2,
    Published("a.org", "reject", "none", "reject", "r", "s", True, "", "treewalk"), (ROW,), "1.0", generator="Courriel",
)  # fmt: skip


def test_round_trip() -> None:
    assert read(render(REPORT)) == REPORT


def test_the_order_is_that_of_the_schema() -> None:
    root = ElementTree.fromstring(render(REPORT))
    assert root.tag == f"{{{SCHEMA}}}feedback"
    assert [one.tag.partition("}")[2] for one in root] == ["version", "report_metadata", "policy_published", "record"]
    evaluated = root.find(f".//{{{SCHEMA}}}policy_evaluated")
    assert evaluated is not None
    assert [one.tag.partition("}")[2] for one in evaluated] == ["disposition", "dkim", "spf", "reason"]


@given(st.text(max_size=40), st.text(max_size=40))
def test_words_of_strangers_are_text(name: str, comment: str) -> None:
    """Names in rows come from whoever sent the mail."""
    row = Row("::1", 1, "none", "pass", "fail", name, comment, "", (), (DkimRow(name, comment, "pass"),))
    document = render(DmarcReport("o", "e", "i", 1, 2, Published("a.org", "none"), (row,)))
    assert len(list(ElementTree.fromstring(document).iter(f"{{{SCHEMA}}}record"))) == 1
    assert len(read(document).rows) == 1
