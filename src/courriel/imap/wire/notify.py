"""NOTIFY: grammar of the command.  RFC 5465 §8."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from courriel.base.errors import FormatError, LimitExceeded
from courriel.imap.wire import mailbox
from courriel.imap.wire.fetch import Items, read_items
from courriel.imap.wire.fragments import Command
from courriel.imap.wire.grammar import WHAT, Reader

GROUPS: Final = 20
"""Most groups in one NOTIFY."""

NAMES: Final = 500
"""Most mailboxes named in one group."""


class Event(Enum):
    MESSAGE_NEW = b"MessageNew"
    MESSAGE_EXPUNGE = b"MessageExpunge"
    FLAG_CHANGE = b"FlagChange"
    MAILBOX_NAME = b"MailboxName"
    SUBSCRIPTION = b"SubscriptionChange"
    METADATA = b"MailboxMetadataChange"
    SERVER_METADATA = b"ServerMetadataChange"

    __hash__ = object.__hash__


MESSAGES: Final = frozenset({Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE})
"""Events of messages."""

_EVENTS: Final = {event.value.upper(): event for event in Event}


class Where(Enum):
    SELECTED = b"SELECTED"
    DELAYED = b"SELECTED-DELAYED"
    INBOXES = b"INBOXES"
    PERSONAL = b"PERSONAL"
    SUBSCRIBED = b"SUBSCRIBED"
    SUBTREE = b"SUBTREE"
    MAILBOXES = b"MAILBOXES"


_WHERE: Final = {where.value: where for where in Where}
_CURRENT: Final = frozenset({Where.SELECTED, Where.DELAYED})
_NAMED: Final = frozenset({Where.SUBTREE, Where.MAILBOXES})


class UnknownEvent(FormatError):
    """An event this server has not.  RFC 5465 §3.1: NO, with BADEVENT."""


class Group(msgspec.Struct, frozen=True):
    """Events of some mailboxes.  ``fetch``: what to send of new messages in the selected one."""

    where: Where
    names: frozenset[str] = frozenset()
    events: frozenset[Event] = frozenset()
    fetch: Items | None = None


class Notify(msgspec.Struct, frozen=True):
    """NOTIFY SET; without groups it is NOTIFY NONE."""

    groups: tuple[Group, ...] = ()
    status: bool = False


def parse(command: Command, pos: int, utf8: bool = False) -> Notify:
    """notify = "NOTIFY" SP (notify-set / notify-none)."""
    reader = Reader(command, pos)
    reader.space()
    word = reader.word()
    if word == b"NONE":
        reader.end()
        return Notify()
    if word != b"SET":
        reader.fail("expected SET or NONE")
    reader.space()
    status = not reader.peek(b"(")
    if status:
        if reader.word() != b"STATUS":
            reader.fail("expected STATUS or a group")
        reader.space()
    groups = [_group(reader, utf8)]
    while not reader.at_end:
        reader.space()
        groups.append(_group(reader, utf8))
        if len(groups) > GROUPS:
            raise LimitExceeded(WHAT, reader.pos, "imap.notify_groups")
    if sum(1 for group in groups if group.where in _CURRENT) > 1:
        reader.fail("one specifier of the selected mailbox only")  # RFC 5465 §6.1
    return Notify(tuple(groups), status)


def _group(reader: Reader, utf8: bool) -> Group:
    """event-group = "(" filter-mailboxes SP events ")"."""
    reader.need(b"(")
    where = _WHERE.get(reader.word())
    if where is None:
        reader.fail("unknown mailboxes")
    names: frozenset[str] = frozenset()
    if where in _NAMED:
        reader.space()
        names = _names(reader, utf8)
    reader.space()
    events, fetch = _events(reader)
    reader.need(b")")
    if where in _CURRENT and events - MESSAGES:
        reader.fail("of the selected mailbox only messages are told")  # RFC 5465 §6.1
    if fetch is not None and where not in _CURRENT:
        reader.fail("messages are fetched from the selected mailbox only")  # RFC 5465 §8
    return Group(where, names, events, fetch)


def _names(reader: Reader, utf8: bool) -> frozenset[str]:
    """one-or-more-mailbox.  A name no mailbox can have is passed over like one that is not there (RFC 5465 §3.1)."""
    raw: list[bytes] = []
    if reader.take(b"("):
        while not raw or not reader.take(b")"):
            if raw:
                reader.space()
            raw.append(reader.astring())
            if len(raw) > NAMES:
                raise LimitExceeded(WHAT, reader.pos, "imap.notify_names")
    else:
        raw.append(reader.astring())
    names = []
    for name in raw:
        try:
            names.append(mailbox.path(mailbox.decode(name, utf8)))
        except mailbox.NameRefused:
            continue
    return frozenset(names)


def _events(reader: Reader) -> tuple[frozenset[Event], Items | None]:
    """events = ("(" event *(SP event) ")") / "NONE"."""
    if not reader.take(b"("):
        if reader.word() != b"NONE":
            reader.fail("expected events or NONE")
        return frozenset(), None
    events: set[Event] = set()
    fetch: Items | None = None
    while not events or not reader.take(b")"):
        if events:
            reader.space()
        name = reader.word()
        event = _EVENTS.get(name)
        if event is None:
            raise UnknownEvent(WHAT, reader.pos, "unknown event")
        events.add(event)
        if event is Event.MESSAGE_NEW and reader.take(b" ("):
            reader.pos -= 1
            fetch = read_items(reader)
    told = events & MESSAGES
    # RFC 5465 §5: new and expunged messages only together, flags only with both.
    if told and not {Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE} <= told:
        reader.fail("MessageNew and MessageExpunge belong together")
    return frozenset(events), fetch
