"""Reports on single messages that DMARC did not prove, to domains that ask for them (ruf).  RFC 9991, RFC 6591.

Off unless the settings say otherwise: they tell a stranger of mail to people here.  So they have no body, no recipient
and no subject, and there are few of them: so many an hour for each domain and in all.  They are made behind the
delivery, one at a time; those that wait are lost when the server stops.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from courriel.base.errors import CourrielError
from courriel.base.log import Level, log
from courriel.delivery.judge import header_length
from courriel.delivery.report_sender import HandIn
from courriel.delivery.report_target import willing
from courriel.formats.header import split_block
from courriel.formats.message.build import Draft, Person
from courriel.formats.path import Path
from courriel.formats.report_uri import mailboxes
from courriel.formats.reports.arf import Feedback
from courriel.formats.reports.arf_write import write
from courriel.model.envelope import Address, Recipient
from courriel.model.judgement import Decision, Judgement, Ruling
from courriel.model.notify import NEVER
from courriel.model.transit import Transit
from courriel.model.verdict import Result
from courriel.ports.resolver import Resolver

HOUR_S: Final = 3_600.0

HOURLY: Final = 10
"""``failures.hourly``: reports to one domain in an hour; a flood of forged mail is told by the aggregate report."""

HOURLY_IN_ALL: Final = 200
"""``failures.hourly_in_all``: to all domains together."""

WAITING: Final = 50
"""``failures.waiting``: messages that wait to be reported."""

DOMAINS: Final = 1_000
"""``failures.domains``: whose hour is counted; of more, the one not told for longest begins anew."""

SHOWN: Final = (b"From", b"Date", b"Message-ID", b"DKIM-Signature", b"List-Id")
"""Fields of the message that its author wrote about himself; nothing of what it is about, nor for whom."""

FIELDS_OCTETS: Final = 8_192
"""``failures.fields``: of those fields."""

TEXT: Final = (
    "A message that says it is from {domain} was not proven to be. Of more like it you may not hear at once:\n"
    "{hourly} reports an hour are sent at most.\n"
)
"""For administrators anywhere, so in English alone."""

_DELIVERED: Final = {Decision.ACCEPT: "delivered", Decision.JUNK: "spam", Decision.REFUSE: "reject"}


class Failed(msgspec.Struct, frozen=True):
    """What is told of one message."""

    domain: str
    ruf: tuple[str, ...]
    feedback: Feedback
    fields: bytes


class FailureReports:
    """``author`` is the address reports are from, None while there is no domain of ours."""

    def __init__(
        self,
        resolver: Resolver,
        hand_in: Callable[[], HandIn],
        hostname: str,
        author: Callable[[], Address | None],
        now: Callable[[], float],
    ) -> None:
        """``hand_in`` is asked for when the first report leaves: delivery and its judges know each other."""
        self._resolver = resolver
        self._hand_in = hand_in
        self._hostname = hostname
        self._author = author
        self._now = now
        self._waiting: asyncio.Queue[Failed] = asyncio.Queue(WAITING)
        self._told: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, transit: Transit, judgement: Judgement, ruling: Ruling) -> None:
        """A message was judged; it is told of when its domain asks for that, and the hour has room.  Never waits."""
        dmarc = judgement.dmarc
        if not dmarc.ruf or not asks_for(judgement) or self._waiting.full():
            return
        if not (self._has_room(dmarc.record, HOURLY) and self._has_room("", HOURLY_IN_ALL)):
            log.count("failures.not_told")
            return
        self._waiting.put_nowait(Failed(dmarc.record, dmarc.ruf, *_told_of(transit, judgement, ruling, self._hostname)))

    async def run(self) -> None:
        """Send what waits, for ever."""
        while True:
            failed = await self._waiting.get()
            try:
                await self.send(failed)
            except CourrielError as error:
                log.event("failures.not_sent", Level.WARNING, domain=failed.domain, why=str(error))

    async def send(self, failed: Failed) -> None:
        """One report to each address that may have it.  Raises DnsFailure, Unavailable, OverQuota, TryLater."""
        author = self._author()
        if author is None:
            return
        for box in mailboxes(failed.ruf):
            target = await willing(failed.domain, box, self._resolver)
            if target is not None:
                content = self._letter(failed, author, target.path)
                await self._hand_in()(Recipient(Address(target.path.local, target.path.domain), NEVER), content)
                log.event("failures.sent", domain=failed.domain, to=target.uri)

    def _letter(self, failed: Failed, author: Address, to: Path) -> bytes:
        seed = sha256(failed.fields + to.address.encode() + str(self._now()).encode()).hexdigest()[:24]
        draft = Draft(
            Person("", Path(author.local, author.domain)),
            datetime.fromtimestamp(self._now(), UTC),
            f"<{seed}@{self._hostname}>",
            to=(Person("", to),),
            subject=f"DMARC failure report on {failed.domain}",
            text=TEXT.format(domain=failed.domain, hourly=HOURLY),
            extra=(("Auto-Submitted", "auto-generated"),),
        )
        return write(draft, failed.feedback, failed.fields, seed)

    def _has_room(self, domain: str, most: int) -> bool:
        """Whether one more may be told within the hour; it is counted then."""
        now = self._now()
        began, count = self._told.pop(domain, (now, 0))
        if now - began >= HOUR_S:
            began, count = now, 0
        self._told[domain] = (began, min(count + 1, most))
        if len(self._told) > DOMAINS:
            self._told.popitem(last=False)
        return count < most


def asks_for(judgement: Judgement) -> bool:
    """Whether the domain wants to hear of it.  RFC 9991 §3: fo=0 nothing aligned passed, 1 something did not, d and s
    a signature or SPF failed, whatever is aligned."""
    dmarc, fo = judgement.dmarc, judgement.dmarc.fo
    if dmarc.result not in (Result.PASS, Result.FAIL):
        return False
    if "1" in fo and not (dmarc.spf_aligned and dmarc.dkim_aligned):
        return True
    if "d" in fo and any(one.result is Result.FAIL for one in judgement.dkim.signatures):
        return True
    if "s" in fo and judgement.origin.spf.result is Result.FAIL:
        return True
    return "0" in fo and dmarc.result is Result.FAIL


def _told_of(transit: Transit, judgement: Judgement, ruling: Ruling, hostname: str) -> tuple[Feedback, bytes]:
    dmarc, spf = judgement.dmarc, judgement.origin.spf
    aligned = [name for name, is_aligned in (("spf", dmarc.spf_aligned), ("dkim", dmarc.dkim_aligned)) if is_aligned]
    signed = ", ".join(f"{one.result.value} ({one.domain})" for one in judgement.dkim.signatures[:3]) or "none"
    proven = f"dmarc={dmarc.result.value} header.from={dmarc.domain}; spf={spf.result.value}; dkim: {signed}"
    feedback = Feedback(
        "auth-failure",
        user_agent="Courriel",
        version="1",
        original_mail_from=str(transit.envelope.reverse_path),
        arrived_at=datetime.fromtimestamp(transit.received_at, UTC),
        reporting_mta=hostname,
        source_ip=judgement.origin.iprev.ip,
        authentication_results=(f"{hostname}; {proven}",),
        reported_domains=(dmarc.domain,),
        auth_failure="dmarc",
        delivery_result=_DELIVERED[ruling.decision],
        identity_alignment=", ".join(aligned) or "none",
    )
    block = split_block(transit.content[: header_length(transit.content)])
    shown = [name + b": " + value.strip() + b"\r\n" for name in SHOWN for value in block.all(name.lower())]
    return feedback, b"".join(shown)[:FIELDS_OCTETS]
