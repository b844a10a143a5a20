"""Mail from people here: only as themselves, and complete.  RFC 6409 §6.1, §8; RFC 5322 §3.6.

Adds Date and Message-ID where they are missing, takes Bcc away (RFC 5322 §3.6.3).  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from courriel.base.errors import FormatError
from courriel.delivery.judge import Header, check_from_size
from courriel.formats import address, dates
from courriel.formats.path import Path, parse_path
from courriel.model.envelope import Address
from courriel.model.refusals import BadMessage, NotYourAddress

_BCC: Final = re.compile(rb"^(?:resent-)?bcc[ \t]*+:[^\n]*+\n(?>(?:[ \t][^\n]*+\n)*)", re.IGNORECASE | re.MULTILINE)
_SENDER: Final = re.compile(rb"^sender[ \t]*+:((?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+)", re.IGNORECASE | re.MULTILINE)
_RESENT: Final = re.compile(
    rb"^resent-(from|sender)[ \t]*+:((?>(?:[^\n]*+\n?(?=[ \t]))*)[^\n]*+)", re.IGNORECASE | re.MULTILINE
)
_DATE: Final = re.compile(rb"^date[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID: Final = re.compile(rb"^message-id[ \t]*+:", re.IGNORECASE | re.MULTILINE)


def check_own(content: bytes, header: Header, may_send_as: Callable[[Address], bool]) -> None:
    """Every address of From, and Sender where there is one, must be the account's own (AUTH attack row 12).

    So must those of the uppermost Resent-From and Resent-Sender: each resending stands above the ones before (RFC 5322
    §3.6.6), which are other people's.
    """
    if len(header.senders) != 1:
        raise BadMessage("one From is wanted (RFC 5322 §3.6)")
    values = [*header.senders, *_SENDER.findall(content, 0, header.length)]
    resent: dict[bytes, bytes] = {}
    for name, value in _RESENT.findall(content, 0, header.length):
        resent.setdefault(name.lower(), value)
    values += resent.values()
    for value in values:
        check_from_size(value)
        try:
            mailboxes = address.parse_from_strict(value)
        except FormatError as error:
            raise BadMessage(f"From or Sender: {error.rule}") from None
        for mailbox in mailboxes:
            if not may_send_as(_envelope_address(mailbox)):
                raise NotYourAddress(mailbox.address)


def _envelope_address(mailbox: address.Mailbox) -> Address:
    try:
        found: Path = parse_path(b"<%b>" % mailbox.address.encode("utf-8"), smtputf8=True)
    except FormatError as error:
        raise BadMessage(f"From: {error.rule}") from None
    return Address(found.local, found.domain)


def complete(content: bytes, header: Header, hostname: str, id: str, now: float) -> bytes:
    """The message with what it lacks, and without Bcc."""
    block = content[: header.length]
    added = b""
    if _DATE.search(block) is None:
        added += b"Date: %b\r\n" % dates.render(datetime.fromtimestamp(int(now), UTC))
    if _MESSAGE_ID.search(block) is None:
        added += f"Message-ID: <{id}@{hostname}>\r\n".encode("ascii")
    kept = _BCC.sub(b"", block) if b"bcc" in block.lower() else block
    if not added and kept is block:
        return content
    rest = content[header.length :]
    return added + kept + rest
