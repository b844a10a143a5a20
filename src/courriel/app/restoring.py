"""What was deleted and comes back: which messages, to which mailboxes.

The store puts a message whose mailbox is gone into INBOX; it is moved on from there to a mailbox of the old name, so
that a mailbox deleted by mistake comes back whole.  A crash between the two leaves it in INBOX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from courriel.app.moment import moment
from courriel.base.errors import CourrielError, Refusal
from courriel.formats import encoded_word
from courriel.imap.wire.client_response import Responses, Value
from courriel.mailboxes.finding import find_or_make
from courriel.model.ids import AccountId, MailboxId
from courriel.model.message import Expunged
from courriel.ports.administration import Restore
from courriel.ports.store import MailStore


class NotRestorable(Refusal):
    """A message that was asked for by its id is not among those that can be brought back."""


def choose(restorable: Sequence[Expunged], request: Restore) -> list[Expunged]:
    """Those of ``restorable`` that ``request`` means.  Raises NotRestorable."""
    missing = set(request.ids) - {one.id for one in restorable}
    if missing:
        raise NotRestorable(", ".join(map(str, sorted(missing))))
    return [
        one
        for one in restorable
        if (not request.ids or one.id in request.ids)
        and (not request.mailbox or one.path == request.mailbox)
        and one.expunged_at >= request.since
    ]


async def bring_back(store: MailStore, account: AccountId, chosen: Sequence[Expunged]) -> None:
    """Raises OverQuota; nothing has come back then."""
    present = {mailbox.id for mailbox in await store.mailboxes(account)}
    homeless = {one.id: one.path for one in chosen if one.mailbox not in present and one.path != "INBOX"}
    by_path: dict[str, list[int]] = {}
    inbox = MailboxId(0)
    for stored in await store.restore(account, [one.id for one in chosen]):
        if (path := homeless.get(stored.id)) is not None:
            by_path.setdefault(path, []).append(stored.uid)
            inbox = stored.mailbox
    for path, uids in by_path.items():
        await store.move(account, inbox, uids, (await find_or_make(store, account, path)).id)


def restorable_row(one: Expunged) -> dict[str, Any]:
    """One line of the table of what can be, or was, brought back."""
    sender, subject = _sender_and_subject(one.envelope)
    return {
        "id": one.id,
        "mailbox": one.path,
        "from": sender,
        "subject": subject,
        "octets": one.size_octets,
        "expunged_at": moment(one.expunged_at),
        "forget_at": moment(one.forget_at),
    }


def _sender_and_subject(envelope: bytes) -> tuple[str, str]:
    """From an ENVELOPE as it is kept for the wire; "" for what cannot be read."""
    reader = Responses()
    reader.receive(b"* ENVELOPE " + envelope + b"\r\n")
    try:
        response = reader.next()
    except CourrielError:
        return "", ""
    fields = response.values[0] if response is not None and response.values else None
    if not isinstance(fields, list) or len(fields) < 3:
        return "", ""
    subject = encoded_word.decode(fields[1]) if isinstance(fields[1], bytes) else ""
    return _sender(fields[2]), subject


def _sender(addresses: Value) -> str:
    first = addresses[0] if isinstance(addresses, list) and addresses else None
    if not isinstance(first, list) or len(first) != 4:
        return ""
    local, domain = (part.decode("utf-8", "replace") if isinstance(part, bytes) else "" for part in first[2:])
    return f"{local}@{domain}"
