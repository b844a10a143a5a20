"""Mail of devices: who may send, how much, and what they leave out.  RFC 6409 §8 lets a submission server mend mail.

A device is known by its login or its address (``model/device.py``).  What it sends goes out under its own sender
address, whatever it calls itself: printers send as ``root@localhost``.  What it said stays in ``X-Original-From``.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from courriel.base.errors import FormatError
from courriel.base.log import Level, log
from courriel.delivery.judge import Header
from courriel.delivery.notices import Notice, Wording, mailer_daemon, write
from courriel.formats import address, dates
from courriel.formats.path import parse_address
from courriel.model.device import Device
from courriel.model.envelope import Address, address_of
from courriel.model.refusals import TryLater
from courriel.model.roster import POSTMASTER
from courriel.ports.directory import Directory

HOUR_S: Final = 3_600.0

_FIELD: Final = re.compile(rb"^(from|date|message-id|bcc)[ \t]*+:([^\n]*+\n(?>(?:[ \t][^\n]*+\n)*))", re.I | re.M)
_FIRST_FIELD: Final = re.compile(rb"[!-9;-~]+[ \t]*:")

ORIGINAL_OCTETS: Final = 500
"""``device.original_octets``: of a From that is replaced and shown; what is longer is nobody's name."""


class DeviceRates:
    """Messages of the last hour, by device."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[float]] = {}
        self._alarmed: dict[str, float] = {}

    def count(self, device: Device, now: float) -> None:
        """One more message.  Raises TryLater when it is one too many."""
        sent = self._sent.setdefault(device.name, deque())
        while sent and sent[0] <= now - HOUR_S:
            sent.popleft()
        if len(sent) >= device.hourly:
            raise TryLater(f"{device.name} has sent {device.hourly} messages within the hour")
        sent.append(now)

    def is_news(self, device: Device, now: float) -> bool:
        """Whether somebody is to be told that a message was one too many: once an hour, and this is it."""
        if now - self._alarmed.get(device.name, float("-inf")) < HOUR_S:
            return False
        self._alarmed[device.name] = now
        log.event("device.too_many", Level.ERROR, device=device.name, hourly=device.hourly)
        return True


def postmaster_of(device: Device) -> Address:
    """Whoever looks after the domain it sends as."""
    return Address(POSTMASTER, sender_of(device).domain)


def alarm(device: Device, wording: Wording) -> bytes:
    """What the postmaster is told when a device sends too much."""
    values = {"device": device.name, "hourly": str(device.hourly)}
    sender = mailer_daemon(wording.hostname)
    return write(Notice.DEVICE_TOO_MANY, wording, sender, str(postmaster_of(device)), values)


@lru_cache(maxsize=1_024)
def sender_of(device: Device) -> Address:
    """The reverse-path of what it sends."""
    return address_of(device.sender)


def mend(
    content: bytes, header: Header, device: Device, directory: Directory, hostname: str, id: str, now: float
) -> bytes:
    """The message with From, Date and Message-ID, and without Bcc.

    A From with addresses of ours stays: a scanner may be told to send as the person in front of it.
    """
    block, rest = _parts(content, header)
    values = {match[1].lower(): match[2] for match in _FIELD.finditer(block)}
    added, dropped = b"", {b"bcc"}
    if b"date" not in values:
        added += b"Date: %b\r\n" % dates.render(datetime.fromtimestamp(int(now), UTC))
    if b"message-id" not in values:
        added += f"Message-ID: <{id}@{hostname}>\r\n".encode("ascii")
    if not _is_ours(header.senders, directory):
        dropped.add(b"from")
        added += b"From: %b\r\n" % address.render_mailbox(device.name, parse_address(device.sender), len("From: "))
        if 0 < len(values.get(b"from", b"")) <= ORIGINAL_OCTETS:
            added += b"X-Original-From:" + values[b"from"]
    kept = _FIELD.sub(lambda match: b"" if match[1].lower() in dropped else match[0], block)
    return added + kept + rest


def _parts(content: bytes, header: Header) -> tuple[bytes, bytes]:
    """Header and the rest with its empty line; some devices send no header at all."""
    if _FIRST_FIELD.match(content):
        return content[: header.length], content[header.length :]
    return b"", content if content.startswith(b"\r\n") else b"\r\n" + content


def _is_ours(senders: list[bytes] | tuple[bytes, ...], directory: Directory) -> bool:
    """Whether there is one From, and all in it are addresses that exist here."""
    if len(senders) != 1:
        return False
    addresses = _addresses(senders[0])
    return bool(addresses) and all(
        directory.domain(one.domain) is not None and directory.resolve(one) is not None for one in addresses
    )


@lru_cache(maxsize=1_024)
def _addresses(value: bytes) -> tuple[Address, ...]:
    """The addresses of a From, () when it is not clear which they are.  A device says the same in every message."""
    try:
        return tuple([address_of(mailbox.address) for mailbox in address.parse_from_strict(value)])
    except FormatError:
        return ()
