"""What is said to a filter about one message, and what its answers mean.  Pure: answers in, octets to send out.

CONNECT, HELO, MAIL, RCPT…, DATA, header fields, end of headers, body, end of body; one answer to each, save where the
filter said that it keeps silent, or does not want to hear at all.  The whole talk is one generator: it gives a
``Line``, gets the answer to it, and returns the ``Verdict``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.formats.path import Path
from courriel.milter import wire
from courriel.milter.content import Content
from courriel.milter.settings import BODY_OCTETS, CHANGES
from courriel.milter.wire import Action, Answer, Change, Refuse, Step, Terms
from courriel.model.envelope import Address, Body, Envelope


class Wait(Enum):
    """What comes after a line."""

    NOTHING = "nothing"
    COMMAND = "command"
    CONTENT = "content"
    """The message is over: it is now that a filter works."""


class Line(NamedTuple):
    """Octets to send, and how long an answer may take."""

    octets: bytes
    wait: Wait


class Verdict(msgspec.Struct, frozen=True):
    """How it ended: taken with ``changes`` (in their order), dropped, or refused."""

    changes: tuple[Change, ...] = ()
    discarded: bool = False
    refusal: Refuse | None = None


class Facts(NamedTuple):
    """What a filter is told: ``id`` is ours for the message, ``hostname`` names us, ``content`` the message."""

    id: str
    hostname: str
    envelope: Envelope
    content: Content


class _Command(NamedTuple):
    """One command with its macros.  ``silent``: no answer comes.  ``body``: it is a piece of the body."""

    octets: bytes
    silent: bool
    body: bool = False


Talk: TypeAlias = Generator[Line, Answer | None, Verdict]

FLUSH_OCTETS: Final = 65_536
"""Commands that nobody answers are sent together, this much at a time."""


def talk(terms: Terms, facts: Facts) -> Talk:
    """The talk about one message.  Raises FormatError for an answer that may not come there."""
    waiting, skipped = bytearray(), False
    for command in _commands(terms, facts):
        if command.body and skipped:
            break
        waiting += command.octets
        if command.silent:
            if len(waiting) >= FLUSH_OCTETS:
                yield Line(bytes(waiting), Wait.NOTHING)
                waiting.clear()
            continue
        answer = yield Line(bytes(waiting), Wait.COMMAND)
        waiting.clear()
        while isinstance(answer, wire.Progress):
            answer = yield Line(b"", Wait.COMMAND)
        if command.body and isinstance(answer, wire.Skip):
            skipped = True
        elif not isinstance(answer, wire.Continue):
            return _verdict(answer)
    end = bytes(waiting) + wire.macros(b"E", [("i", facts.id)]) + wire.END_OF_BODY
    return (yield from _end(terms, end))


def _end(terms: Terms, octets: bytes) -> Talk:
    """The end of the message: any number of changes, then the verdict."""
    changes: list[Change] = []
    body_octets = few = 0
    answer = yield Line(octets, Wait.CONTENT)
    while True:
        if isinstance(answer, Change):
            _check_negotiated(answer, terms.actions)
            if isinstance(answer, wire.ReplaceBody):
                body_octets += len(answer.piece)
            else:
                few += 1
            if body_octets > BODY_OCTETS:
                raise LimitExceeded("milter answer", -1, "milter.body_octets")
            if few > CHANGES:
                raise LimitExceeded("milter answer", -1, "milter.changes")
            changes.append(answer)
        elif isinstance(answer, wire.Continue | wire.Accept):
            return Verdict(tuple(changes))
        elif not isinstance(answer, wire.Progress):
            return _verdict(answer)
        answer = yield Line(b"", Wait.CONTENT)


def _check_negotiated(change: Change, actions: Action) -> None:
    if not wire.ACTIONS[type(change)] & actions:
        raise FormatError("milter answer", -1, f"{type(change).__name__} was not negotiated")


def _verdict(answer: Answer | None) -> Verdict:
    if isinstance(answer, wire.Accept):
        return Verdict()
    if isinstance(answer, wire.Discard):
        return Verdict(discarded=True)
    if isinstance(answer, Refuse):
        return Verdict(refusal=answer)
    raise FormatError("milter answer", -1, f"{type(answer).__name__} may not come here")


# --- the commands ---------------------------------------------------------------------------------------------------
def _commands(terms: Terms, facts: Facts) -> Iterator[_Command]:
    """All but the end of the message, as far as the filter wants to hear of them."""
    steps = terms.steps
    yield from _hellos(steps, facts)
    yield from _envelope(steps, facts)
    if terms.version >= 4 and not steps & Step.NO_DATA:
        yield _Command(wire.macros(b"T", [("i", facts.id)]) + wire.DATA, bool(steps & Step.SILENT_DATA))
    if not steps & Step.NO_HEADERS:
        silent, spaced = bool(steps & Step.SILENT_HEADER), bool(steps & Step.LEADING_SPACE)
        for name, value in facts.content.fields(leading_space=spaced):
            yield _Command(wire.text(b"L", name, value), silent)
    if not steps & Step.NO_END_OF_HEADERS:
        yield _Command(
            wire.macros(b"N", [("i", facts.id)]) + wire.END_OF_HEADERS, bool(steps & Step.SILENT_END_OF_HEADERS)
        )
    if not steps & Step.NO_BODY:
        silent, body = bool(steps & Step.SILENT_BODY), memoryview(facts.content.body)
        for at in range(0, len(body), wire.BODY_OCTETS):
            yield _Command(wire.packet(b"B", bytes(body[at : at + wire.BODY_OCTETS])), silent, body=True)


def _hellos(steps: Step, facts: Facts) -> Iterator[_Command]:
    """Who is there.  Names of addresses are not looked up: a bare address in brackets says so."""
    client = facts.envelope.client
    host = f"[{client.ip}]" if client.ip else "localhost"
    if not steps & Step.NO_CONNECT:
        pairs = [
            ("j", facts.hostname),
            ("daemon_name", facts.envelope.door.value),
            ("v", "Courriel"),
            ("_", host),
            ("client_addr", client.ip),
            ("client_name", host),
            ("client_port", str(client.port)),
        ]
        octets = wire.macros(b"C", pairs) + wire.connect(host, client.ip, client.port)
        yield _Command(octets, bool(steps & Step.SILENT_CONNECT))
    if not steps & Step.NO_HELO:
        version, _, cipher = client.tls.partition(" ")
        pairs = [("tls_version", version), ("cipher", cipher)] if client.tls else []
        octets = wire.macros(b"H", pairs) + wire.text(b"H", client.helo.encode("utf-8", "replace"))
        yield _Command(octets, bool(steps & Step.SILENT_HELO))


def _envelope(steps: Step, facts: Facts) -> Iterator[_Command]:
    envelope = facts.envelope
    if not steps & Step.NO_MAIL:
        sender = _path(envelope.reverse_path)
        pairs = [("i", facts.id), ("mail_addr", sender[1:-1]), ("mail_host", envelope.reverse_path.domain)]
        if envelope.client.account is not None:
            # How somebody logged in is not kept: filters ask only whether anybody did.
            pairs += [("auth_authen", envelope.client.login), ("auth_type", "PLAIN")]
        octets = wire.macros(b"M", pairs) + wire.text(b"M", sender.encode(), *_parameters(envelope))
        yield _Command(octets, bool(steps & Step.SILENT_MAIL))
    if not steps & Step.NO_RCPT:
        for recipient in envelope.recipients:
            path = _path(recipient.address)
            pairs = [("i", facts.id), ("rcpt_addr", path[1:-1]), ("rcpt_host", recipient.address.domain)]
            octets = wire.macros(b"R", pairs) + wire.text(b"R", path.encode())
            yield _Command(octets, bool(steps & Step.SILENT_RCPT))


def _path(address: Address) -> str:
    return f"<{Path(address.local, address.domain).address}>"


def _parameters(envelope: Envelope) -> list[bytes]:
    words = []
    if envelope.declared_octets is not None:
        words.append(b"SIZE=%d" % envelope.declared_octets)
    if envelope.body is not Body.SEVEN_BIT:
        words.append(b"BODY=" + envelope.body.value.encode("ascii"))
    if envelope.smtputf8:
        words.append(b"SMTPUTF8")
    return words
