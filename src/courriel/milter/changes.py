"""A filter's changes, made to a message and its envelope.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.path import parse_path
from courriel.milter import wire
from courriel.milter.content import Content
from courriel.milter.wire import Change
from courriel.model.envelope import NULL_PATH, Address, Envelope, Recipient


def apply(changes: Sequence[Change], content: Content, envelope: Envelope, *, leading_space: bool) -> Envelope:
    """Change ``content`` in place, and give the envelope as it is then.  Raises FormatError for a bad address."""
    pieces = [change.piece for change in changes if isinstance(change, wire.ReplaceBody)]
    if pieces:
        content.replace_body(pieces)
    recipients = list(envelope.recipients)
    reverse_path = envelope.reverse_path
    for change in changes:
        if isinstance(change, wire.AddHeader):
            content.add(change, leading_space=leading_space)
        elif isinstance(change, wire.ChangeHeader):
            content.change(change, leading_space=leading_space)
        elif isinstance(change, wire.AddRecipient):
            added = _address(change.address)
            if all(not _is_same(added, one.address) for one in recipients):
                recipients.append(Recipient(added))
        elif isinstance(change, wire.DeleteRecipient):
            gone = _address(change.address)
            recipients = [one for one in recipients if not _is_same(gone, one.address)]
        elif isinstance(change, wire.ChangeFrom):
            reverse_path = _address(change.address, null=True)
    return msgspec.structs.replace(envelope, reverse_path=reverse_path, recipients=tuple(recipients))


def quarantine(changes: Sequence[Change]) -> str | None:
    """Why the message is to be kept apart, None when it is not; the last reason counts."""
    reasons = [change.reason for change in changes if isinstance(change, wire.Quarantine)]
    return reasons[-1] if reasons else None


def _address(raw: bytes, *, null: bool = False) -> Address:
    bracketed = raw if raw.startswith(b"<") else b"<%b>" % raw
    if null and bracketed == b"<>":
        return NULL_PATH
    path = parse_path(bracketed, smtputf8=True)
    if path.is_null:
        raise FormatError("milter answer", -1, "a recipient without address")
    return Address(path.local, path.domain)


def _is_same(one: Address, other: Address) -> bool:
    return str(one).casefold() == str(other).casefold()
