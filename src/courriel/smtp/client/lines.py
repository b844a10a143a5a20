"""MAIL and RCPT as a client writes them.  RFC 5321 §4.1.1.2–4.1.1.3.

Parameters: RFC 1870, 2852, 3030, 3461, 6152, 6531, 6710, 8689.

Whatever an address, ENVID or ORCPT holds, nothing but one line comes out: paths are read back before they are used,
and the rest is written as xtext (AUTH attack row 32).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from courriel.formats import xtext
from courriel.formats.path import Path, parse_path
from courriel.model.envelope import Address, Recipient
from courriel.model.wishes import Deadline
from courriel.smtp.client.message import Outgoing
from courriel.smtp.wire.offer import Offer

_NOTIFY_ORDER: Final = ("NEVER", "SUCCESS", "FAILURE", "DELAY")
_UTF8_VALUE: Final = re.compile(r"utf-8;[!-*,-<>-~\u0080-\U0010ffff]++")
_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9-]++")


@lru_cache(maxsize=4_096)
def path(address: Address) -> bytes:
    """``<local@domain>``.  Raises FormatError for an address that cannot be written so.

    Senders send to the same people: some 0.3 µs instead of 6 (a domain) to 18 (an address literal).
    """
    raw = Path(address.local, address.domain).to_smtp()
    parse_path(raw, smtputf8=True)
    return raw


def mail(
    sender: bytes, message: Outgoing, offer: Offer, *, size_octets: int, body: str | None, smtputf8: bool
) -> bytes:
    """MAIL with the parameters that the server offers to take; ``body`` is the value of BODY, None to leave it out."""
    line = b"MAIL FROM:" + sender
    if "SIZE" in offer:
        line += b" SIZE=%d" % size_octets
    if body is not None:
        line += b" BODY=" + body.encode("ascii")
    if smtputf8:
        line += b" SMTPUTF8"
    if message.require_tls:
        line += b" REQUIRETLS"
    if message.by is not None and "DELIVERBY" in offer:
        line += b" BY=%d;%b" % (message.by.at, _by_mode(message.by))
    if message.priority and "MT-PRIORITY" in offer:
        line += b" MT-PRIORITY=%d" % message.priority
    if "DSN" in offer:
        if message.ret in ("FULL", "HDRS"):
            line += b" RET=" + message.ret.encode("ascii")
        if message.envid:
            line += b" ENVID=" + xtext.encode(message.envid.encode("utf-8"))
    return line + b"\r\n"


def _by_mode(by: Deadline) -> bytes:
    """RFC 2852 §4: ``by-mode`` and ``by-trace``."""
    return (b"R" if by.returns else b"N") + (b"T" if by.traced else b"")


def rcpt(forward_path: bytes, recipient: Recipient, offer: Offer, *, smtputf8: bool) -> bytes:
    """RCPT with NOTIFY and ORCPT where the server offers DSN."""
    line = b"RCPT TO:" + forward_path
    if "DSN" in offer:
        if recipient.notify:
            words = [word for word in _NOTIFY_ORDER if word in recipient.notify]
            line += b" NOTIFY=" + ",".join(words).encode("ascii")
        if recipient.original:
            line += _orcpt(recipient.original, smtputf8)
    return line + b"\r\n"


def _orcpt(original: str, smtputf8: bool) -> bytes:
    """``addr-type;address``.  Type utf-8 is xtext of its own (RFC 6533 §3): kept as it came, in ASCII where it must."""
    kind, _, address = original.partition(";")
    if kind.lower() == "utf-8":
        if _UTF8_VALUE.fullmatch(original) is None:
            return b""
        if not smtputf8:
            original = "".join([one if one.isascii() else f"\\x{{{ord(one):X}}}" for one in original])
        return b" ORCPT=" + original.encode("utf-8")
    if _ADDRESS_TYPE.fullmatch(kind) is None or not address:
        return b""
    return b" ORCPT=%b;%b" % (kind.encode("ascii"), xtext.encode(address.encode("utf-8")))
