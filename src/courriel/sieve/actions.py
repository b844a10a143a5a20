"""What a script wants done, for delivery to do.  RFC 5228 §4 and the extensions named below."""

from __future__ import annotations

import msgspec


class Keep(msgspec.Struct, frozen=True):
    """Into the usual mailbox.  ``flags`` RFC 5232; ``content`` is the message as it was edited, None: as it came."""

    flags: tuple[str, ...] = ()
    content: bytes | None = None


class FileInto(msgspec.Struct, frozen=True):
    """Into a mailbox.  ``create`` RFC 5490 §3.2; ``special_use`` RFC 8579 §4, "" for none."""

    mailbox: str
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""
    content: bytes | None = None


class Redirect(msgspec.Struct, frozen=True):
    """On to an address (canonical)."""

    address: str
    content: bytes | None = None


class Reject(msgspec.Struct, frozen=True):
    """Back to its sender, who is told ``reason``.  RFC 5429."""

    reason: str


class Discard(msgspec.Struct, frozen=True):
    """Nowhere."""


class Fcc(msgspec.Struct, frozen=True):
    """Where a copy of what the script sends goes.  RFC 8580 §3."""

    mailbox: str
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""


class Vacation(msgspec.Struct, frozen=True):
    """An answer, once a sender within ``interval_s``.  RFC 5230; ``handle`` tells answers apart.

    ``sender`` "": the account's own address.  ``addresses`` are the owner's further ones.  With ``mime`` the reason is
    a MIME entity.
    """

    reason: str
    handle: str
    interval_s: int
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False
    fcc: Fcc | None = None


class Notify(msgspec.Struct, frozen=True):
    """A mail that tells of this one.  RFC 5435, RFC 5436.  ``importance`` 1 (high) to 3."""

    address: str
    message: str = ""
    sender: str = ""
    subject: str = ""
    importance: int = 2
    fcc: Fcc | None = None


Action = Keep | FileInto | Redirect | Reject | Discard | Vacation | Notify


class Seen(msgspec.Struct, frozen=True):
    """An id that ``duplicate`` saw: to be remembered once the message is taken.  RFC 7352 §3.1."""

    id: str
    seconds: int


class Step(msgspec.Struct, frozen=True):
    """One line of a trace: a command or a test as it is written, and what came of it (None: it was carried out)."""

    line: int
    what: str
    result: bool | None
    depth: int
