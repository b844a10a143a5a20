"""What to say for one message to one server, and what needs no question because the answer is known.

RFC 1870 (SIZE), RFC 2852 (DELIVERBY), RFC 3030 §3, RFC 6152 §3, RFC 6531 §3.2, RFC 8689 §4.2.1, RFC 9422 §4.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.message.canonical import has_bare_cr_or_lf
from courriel.model.attempt import Attempt, Result, Stage
from courriel.model.envelope import Body, Recipient
from courriel.model.wishes import Deadline
from courriel.smtp.client import lines
from courriel.smtp.client.message import Outgoing
from courriel.smtp.wire.offer import Offer

REPLY_CHARACTERS: Final = 1_000
"""What is kept of a reply in an Attempt: a server may not fill our memory by a long one for each recipient."""


class Server(msgspec.Struct, frozen=True):
    """Who is asked, and what is known of them.  ``host``, ``ip``, ``tls`` as in Attempt."""

    offer: Offer = Offer()
    host: str = ""
    ip: str = ""
    tls: str = ""
    verified: bool = False
    """TLS, and the server is who it should be: what REQUIRETLS asks for."""
    lmtp: bool = False

    def attempt(self, result: Result, status: str, reply: str, stage: Stage, *, passed_dsn: bool = False) -> Attempt:
        """An Attempt at this server."""
        return Attempt(result, status, reply[:REPLY_CHARACTERS], stage, self.host, self.ip, self.tls, passed_dsn)


class Plan(msgspec.Struct):
    """``commands`` are MAIL and an RCPT for each recipient of ``going`` (indices); both empty: nothing to ask.

    ``attempts`` has an outcome for every recipient that is not in ``going``.  ``content`` ends with CRLF.
    """

    attempts: list[Attempt | None]
    going: list[int]
    commands: list[bytes]
    content: bytes = b""


class _Refused(Exception):
    """The whole message cannot go to this server."""

    def __init__(self, status: str, reason: str, stage: Stage = Stage.MAIL) -> None:
        self.status = status
        self.reason = reason
        self.stage = stage


def make(message: Outgoing, server: Server) -> Plan:
    """Judge, and write the lines."""
    plan = Plan([None] * len(message.recipients), [], [])
    try:
        _fill(plan, message, server)
    except _Refused as refusal:
        attempt = server.attempt(Result.FAILED, refusal.status, refusal.reason, refusal.stage)
        plan.attempts[:] = [attempt] * len(message.recipients)
        plan.going, plan.commands = [], []
    return plan


def _fill(plan: Plan, message: Outgoing, server: Server) -> None:
    offer = server.offer
    if message.require_tls and not (server.verified and "REQUIRETLS" in offer):
        raise _Refused("5.7.30", "REQUIRETLS is asked for and not to be had here", Stage.POLICY)
    if message.by is not None and message.by.returns:
        _check_deadline(message.by, offer)
    content, body = _content(message, offer)
    try:
        sender = lines.path(message.reverse_path)
    except FormatError as error:
        raise _Refused("5.1.7", str(error)) from None
    takes_utf8 = "SMTPUTF8" in offer
    if not takes_utf8 and (not sender.isascii() or (message.smtputf8 and not _header(content).isascii())):
        raise _Refused("5.6.7", _NO_UTF8)
    paths = _forward_paths(plan, message.recipients, server)
    smtputf8 = takes_utf8 and (message.smtputf8 or not all(map(bytes.isascii, (sender, *paths.values()))))
    plan.content = content
    plan.going = list(paths)
    if paths:
        plan.commands = [lines.mail(sender, message, offer, size_octets=len(content), body=body, smtputf8=smtputf8)]
        plan.commands += [
            lines.rcpt(path, message.recipients[number], offer, smtputf8=smtputf8) for number, path in paths.items()
        ]


def _check_deadline(by: Deadline, offer: Offer) -> None:
    """RFC 2852 §4: a message that must come back when it is late goes only where the same is promised."""
    least = offer.keywords.get("DELIVERBY")
    if least is None:
        raise _Refused(LATE, "the server makes no promise of delivery in time (DELIVERBY)")
    if by.at <= 0 or (least.isdecimal() and by.at < int(least[:10])):
        raise _Refused(LATE, f"{by.at:.0f} seconds are left, the server asks for {least or 'more'}")


LATE: Final = "5.4.7"
"""RFC 3463 §3.5: delivery time expired."""

_NO_UTF8: Final = "the server does not take addresses outside ASCII (SMTPUTF8)"


def _content(message: Outgoing, offer: Offer) -> tuple[bytes, str | None]:
    """The octets to send and the value of BODY (None: left out)."""
    content, body = message.content, _body(message.content, message.body)
    if not _is_taken(body, offer):
        if message.downgraded is None or not message.downgraded.isascii():
            raise _Refused("5.6.3", f"the server takes no {body} content")
        content, body = message.downgraded, None
    if has_bare_cr_or_lf(content):
        raise _Refused("5.6.0", "a CR or LF stands alone in the message")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if offer.size_octets is not None and len(content) > offer.size_octets:
        raise _Refused("5.3.4", f"the message has {len(content)} octets, the server takes {offer.size_octets}")
    return content, body


def _body(content: bytes, declared: Body) -> str | None:
    """7-bit content needs no word, whatever was declared; binary was declared because lines do not bound it."""
    if declared is Body.BINARY_MIME:
        return "BINARYMIME"
    return None if content.isascii() else "8BITMIME"


def _is_taken(body: str | None, offer: Offer) -> bool:
    return body is None or (body in offer and (body != "BINARYMIME" or "CHUNKING" in offer))


def _header(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[0]


def _forward_paths(plan: Plan, recipients: Iterable[Recipient], server: Server) -> dict[int, bytes]:
    """Index → path of those to ask for; the others get their attempts."""
    offer, paths, domains = server.offer, dict[int, bytes](), set[str]()
    for number, recipient in enumerate(recipients):
        try:
            path = lines.path(recipient.address)
        except FormatError as error:
            plan.attempts[number] = server.attempt(Result.FAILED, "5.1.3", str(error), Stage.RCPT)
            continue
        if recipient.address.is_null:
            plan.attempts[number] = server.attempt(Result.FAILED, "5.1.3", "a recipient without address", Stage.RCPT)
        elif not path.isascii() and "SMTPUTF8" not in offer:
            plan.attempts[number] = server.attempt(Result.FAILED, "5.6.7", _NO_UTF8, Stage.RCPT)
        elif _is_beyond(len(paths), offer.recipients) or (
            recipient.address.domain not in domains and _is_beyond(len(domains), offer.domains)
        ):
            plan.attempts[number] = no_room(server.attempt(Result.DEFERRED, "4.5.3", _NEXT_TIME, Stage.RCPT))
        else:
            paths[number] = path
            domains.add(recipient.address.domain)
    return paths


_NEXT_TIME: Final = "the server takes no more recipients in one transaction"


def _is_beyond(count: int, most: int | None) -> bool:
    return most is not None and count >= most


def no_room(attempt: Attempt) -> Attempt:
    """The same attempt, with the mark that another transaction will do."""
    return msgspec.structs.replace(attempt, result=Result.DEFERRED, another_transaction=True)
