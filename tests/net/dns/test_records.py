"""Records from the wire as callers know them; SRV is asked for by mail clients only."""

from __future__ import annotations

import dns.rrset

from courriel.net.dns.records import of
from courriel.ports.resolver import Srv


def test_services_by_priority_then_weight() -> None:
    """RFC 2782; "." says that there is no such service (RFC 6186 §3.4)."""
    rrset = dns.rrset.from_text(
        "_imaps._tcp.example.org.", 60, "IN", "SRV",
        "10 5 993 B.example.org.", "0 1 994 light.example.org.", "0 9 993 heavy.example.org.", "20 0 0 .",
    )  # fmt: skip
    assert of(rrset) == (
        Srv(0, 9, 993, "heavy.example.org"),
        Srv(0, 1, 994, "light.example.org"),
        Srv(10, 5, 993, "b.example.org"),
        Srv(20, 0, 0, ""),
    )
