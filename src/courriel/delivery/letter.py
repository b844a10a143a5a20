"""What comes of a message: letters, each one body with one envelope, for mailboxes here and for servers elsewhere.

A message for people is one letter.  What is sent on has another reverse-path and one more field; a post to a list has
the list's fields and envelope.  All letters of a message are taken together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from courriel.delivery.received import path, recipient_prefix
from courriel.delivery.route import Drop
from courriel.delivery.settings import DeliverySettings
from courriel.model import retry
from courriel.model.envelope import Address, Body, Recipient
from courriel.model.notify import NEVER
from courriel.model.queued import Queued, personal_fields
from courriel.model.transit import Transit
from courriel.model.wishes import Granted

RECIPIENTS: Final = 1_000
"""``letter.recipients``: of one message in the queue.  Whoever claims one recipient reads them all, so a post to
10,000 members is kept as ten messages, not as one."""


def unreported(recipients: list[Recipient], transit: Transit) -> list[Recipient]:
    """Recipients elsewhere; without reports to a sender whose name may be stolen.  AUTH attack row 37."""
    if transit.may_be_answered:
        return recipients
    return [msgspec.structs.replace(one, notify=NEVER) for one in recipients]


class Letter(msgspec.Struct):
    """``fields`` (trace fields and those of a list) stand before ``content``; ``personal`` and ``forwarder`` as in
    ``model.queued.Queued``."""

    reverse_path: Address
    content: bytes
    fields: bytes = b""
    drops: list[Drop] = msgspec.field(default_factory=list)
    remote: list[Recipient] = msgspec.field(default_factory=list)
    personal: str = ""
    forwarder: str = ""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None
    reports_expire: bool = False
    """Given up as early as a report is: nobody waits for it longer."""
    granted: Granted = Granted()
    tls_optional: bool = False
    held: str = ""
    """Why it is kept back, "" when it is not."""
    junk: bool = False
    """For people here: among their junk."""
    account: str = ""
    """For whom it is sent (an id), "" where nobody logged in."""

    @classmethod
    def of(cls, transit: Transit, reverse_path: Address, fields: bytes) -> Letter:
        """The message with what its sender wished, for nobody yet."""
        envelope = transit.envelope
        return cls(
            reverse_path,
            transit.content,
            fields,
            body=envelope.body,
            smtputf8=envelope.smtputf8,
            ret=envelope.ret,
            envid=envelope.envid,
            reports_expire=envelope.reverse_path.is_null,
            granted=transit.granted,
            tls_optional=transit.tls_optional,
            junk=bool(transit.junk),
        )

    def keep_apart(self, why: str) -> None:
        """A filter wants it so: junk for people here, held for those elsewhere."""
        self.junk, self.held = True, f"a filter wants it kept apart: {why}"

    def prefix(self, drop: Drop) -> bytes:
        """What stands before the body in one mailbox."""
        to, back = drop.recipient, self.reverse_path
        if to.key:
            back = Address(f"{back.local}+{to.key}", back.domain)
        return recipient_prefix(back, to.address, personal_fields(self.personal, to) + self.fields)

    def queued(
        self, id: str, now: float, settings: DeliverySettings, not_before: float
    ) -> Iterator[tuple[Queued, bytes]]:
        """Messages for the queue with their contents; the ids of all but the first have a number behind."""
        if not self.remote:
            return
        content = self.fields + self.content
        reverse_path = path(self.reverse_path)[1:-1]
        granted = self.granted
        expire_at, look_at = retry.moments(
            max(now, granted.release_at), "" if self.reports_expire else "somebody", granted.deadline, settings.retry
        )
        for start in range(0, len(self.remote), RECIPIENTS):
            queued = Queued(
                id=id if not start else f"{id}.{start // RECIPIENTS}",
                reverse_path=reverse_path,
                recipients=tuple(self.remote[start : start + RECIPIENTS]),
                queued_at=now,
                size_octets=len(content),
                envid=self.envid,
                ret=self.ret,
                smtputf8=self.smtputf8,
                body=self.body.value,
                held=settings.hold or bool(self.held),
                reason=self.held or (settings.hold_reason if settings.hold else ""),
                not_before=not_before or granted.release_at,
                expire_at=expire_at,
                look_at=look_at,
                release_at=granted.release_at,
                deadline=granted.deadline,
                priority=granted.priority,
                require_tls=granted.require_tls,
                tls_optional=self.tls_optional,
                account=self.account,
                personal=self.personal,
                forwarder=self.forwarder,
            )
            yield queued, content
