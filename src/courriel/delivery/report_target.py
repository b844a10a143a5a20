"""Whether an address that a domain's record names may have reports on it.  RFC 9990 §4."""

from __future__ import annotations

from courriel.formats.report_uri import Mailbox, mailboxes
from courriel.mailauth import dmarc, dmarc_record
from courriel.ports.resolver import Resolver


async def willing(domain: str, box: Mailbox, resolver: Resolver) -> Mailbox | None:
    """An address of another organization has to want reports of this domain; it may name another of its own instead.

    None: it does not.  Raises DnsFailure.
    """
    if await dmarc.same_organization(domain, box.domain, resolver):
        return box
    answer = await resolver.txt(f"{domain}._report._dmarc.{box.domain}")
    said = [one for one in answer.records if one.startswith(b"v=DMARC1")]
    if not said:
        return None
    instead = [one for one in mailboxes(dmarc_record.parse(said[0]).rua) if one.domain == box.domain]
    return instead[0] if instead else box
