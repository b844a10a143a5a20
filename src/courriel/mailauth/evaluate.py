"""All judges of a sender together: those of the connection at MAIL FROM, those of the message once it is here.

    at MAIL FROM   SPF of MAIL FROM and of HELO, the client's name
    with the mail  DKIM and ARC (``ports.dkim_judge``), then DMARC over all of it

Nothing here raises: what the DNS does not say is in the verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

from courriel.mailauth import dmarc, iprev, spf
from courriel.mailauth.author import author_domains
from courriel.model.envelope import Address, Client
from courriel.model.judgement import DkimFindings, Judgement, Origin
from courriel.ports.resolver import Resolver


async def of_connection(client: Client, reverse_path: Address, receiver: str, now: float, resolver: Resolver) -> Origin:
    """``receiver`` is our name, ``now`` POSIX time; both only for macros."""
    ip = client.ip
    sender = await spf.check(spf.of_mail(ip, client.helo, reverse_path, receiver, now), resolver)
    helo = None
    if not reverse_path.is_null:
        helo = await spf.check(spf.of_helo(ip, client.helo, receiver, now), resolver)
    return Origin(sender, helo, await iprev.check(ip, resolver))


async def of_message(origin: Origin, senders: Sequence[bytes], findings: DkimFindings, resolver: Resolver) -> Judgement:
    """``senders`` are the values of the From fields."""
    verdict = await dmarc.judge(author_domains(senders), origin.spf, findings.signatures, resolver)
    return Judgement(origin, findings, verdict)
