"""An aggregate report as XML.  RFC 9990 §3.1 and its schema; readers of RFC 7489's find what they know in it.

    feedback = version report_metadata policy_published record*

Elements come in the order of the schema.  Characters that XML 1.0 cannot hold are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from courriel.formats.reports.dmarc_report import DmarcReport, Published, Row

__all__ = ["SCHEMA", "render"]

SCHEMA: Final = "urn:ietf:params:xml:ns:dmarc-2.0"
"""The name space of RFC 9990 §3.1.1."""

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: DmarcReport) -> bytes:
    """The document, in UTF-8."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<feedback xmlns="{SCHEMA}">', *_elements(1, version="1.0")]
    lines += _metadata(report)
    lines += _published(report.policy)
    for row in report.rows:
        lines += _record(row)
    return "\n".join([*lines, "</feedback>", ""]).encode()


def _metadata(report: DmarcReport) -> Iterator[str]:
    yield "  <report_metadata>"
    yield from _elements(2, org_name=report.org_name, email=report.email, extra_contact_info=report.extra_contact_info,
                         report_id=report.report_id)  # fmt: skip
    yield "    <date_range>"
    yield from _elements(3, begin=str(report.begin), end=str(report.end))
    yield "    </date_range>"
    for error in report.errors:
        yield from _elements(2, error=error)
    yield from _elements(2, generator=report.generator)
    yield "  </report_metadata>"


def _published(policy: Published) -> Iterator[str]:
    yield "  <policy_published>"
    yield from _elements(
        2,
        domain=policy.domain,
        discovery_method=policy.discovery_method,
        p=policy.p,
        sp=policy.sp,
        np=policy.np,
        fo=policy.fo,
        adkim=policy.adkim,
        aspf=policy.aspf,
        testing="y" if policy.testing else "n",
    )
    yield "  </policy_published>"


def _record(row: Row) -> Iterator[str]:
    yield "  <record>"
    yield "    <row>"
    yield from _elements(3, source_ip=row.source_ip, count=str(row.count))
    yield "      <policy_evaluated>"
    yield from _elements(4, disposition=row.disposition, dkim=row.dkim, spf=row.spf)
    for reason in row.reasons:
        yield "        <reason>"
        yield from _elements(5, type=reason.kind, comment=reason.comment)
        yield "        </reason>"
    yield "      </policy_evaluated>"
    yield "    </row>"
    yield "    <identifiers>"
    yield from _elements(3, header_from=row.header_from, envelope_from=row.envelope_from, envelope_to=row.envelope_to)
    yield "    </identifiers>"
    yield "    <auth_results>"
    for dkim in row.dkim_results:
        yield "      <dkim>"
        yield from _elements(4, domain=dkim.domain, selector=dkim.selector, result=dkim.result,
                             human_result=dkim.human_result)  # fmt: skip
        yield "      </dkim>"
    for spf in row.spf_results:
        yield "      <spf>"
        yield from _elements(4, domain=spf.domain, scope=spf.scope, result=spf.result, human_result=spf.human_result)
        yield "      </spf>"
    yield "    </auth_results>"
    yield "  </record>"


def _elements(depth: int, **texts: str) -> Iterator[str]:
    """One line each; what is empty is left out."""
    for name, text in texts.items():
        if text:
            yield f"{'  ' * depth}<{name}>{escape(_NOT_XML.sub('', text))}</{name}>"
