"""The SMTP envelope and what is known of the client that gave it.  RFC 5321 §2.3.1, RFC 3461 §4."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from courriel.formats.path import parse_address
from courriel.model.ids import AccountId
from courriel.model.wishes import NO_WISHES, Wishes


class Body(Enum):
    """The BODY parameter of MAIL.  RFC 6152 §2, RFC 3030 §3."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


class Door(Enum):
    """By which door a message came in; each has its own rules."""

    MX = "mx"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    DEVICE = "device"
    """Devices of the house: logged in, or known by their address; they may send anywhere."""
    OWN = "own"
    """No door: what this server itself has to say."""


class Address(msgspec.Struct, frozen=True):
    """A mailbox of the envelope.  Empty local part and domain: the null reverse-path."""

    local: str
    domain: str

    @property
    def is_null(self) -> bool:
        return not self.local and not self.domain

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


NULL_PATH: Final = Address("", "")
"""The reverse-path ``<>`` of reports.  RFC 5321 §4.5.5."""


def reverse_path_of_text(text: str) -> Address:
    """As ``address_of``; "" is the null reverse-path.  Raises FormatError."""
    return address_of(text) if text else NULL_PATH


def address_of(text: str) -> Address:
    """The mailbox ``local@domain``, as people write it.  Raises FormatError."""
    path = parse_address(text)
    return Address(path.local, path.domain)


class Recipient(msgspec.Struct, frozen=True):
    """One forward-path and its DSN wishes.  ``notify`` None: the sender said nothing.  RFC 3461 §4.1–4.2.

    ``key`` makes the envelope this recipient's own (``model/queued.py: reverse_path_of``); "" for most.
    """

    address: Address
    notify: frozenset[str] | None = None
    original: str | None = None
    key: str = ""


class Client(msgspec.Struct, frozen=True):
    """Who is talking to us.  ``ip`` without zone; ``tls`` names protocol and cipher.

    Once logged in: ``login``, and the ``account`` of a person or the name of a ``device``.
    """

    ip: str
    port: int
    helo: str = ""
    esmtp: bool = False
    tls: str = ""
    account: AccountId | None = None
    login: str = ""
    device: str = ""

    @property
    def is_logged_in(self) -> bool:
        return self.account is not None or bool(self.device)


class Envelope(msgspec.Struct, frozen=True):
    """What MAIL and RCPT said.  RFC 5321 §3.3; ``ret`` and ``envid`` RFC 3461 §4.3–4.4."""

    door: Door
    client: Client
    reverse_path: Address
    recipients: tuple[Recipient, ...]
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    declared_octets: int | None = None
    ret: str | None = None
    envid: str | None = None
    wishes: Wishes = NO_WISHES
