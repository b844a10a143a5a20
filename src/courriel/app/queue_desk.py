"""Requests about the queue: what waits, why, and what a person wants done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from courriel.app.moment import moment
from courriel.base.errors import FormatError
from courriel.delivery.relay.relay import Relay
from courriel.formats.message.parse import header_end
from courriel.model.attempt import Attempt
from courriel.model.queued import Entry, Mark, Progress, State, domain_of
from courriel.model.refusals import NotQueued
from courriel.ports.administration import QueueFilter
from courriel.ports.queue import OutboundQueue

MARKS: Final = 1_000
"""Recipients changed in one transaction: some 20 ms, in which others wait."""

HEADER_OCTETS: Final = 16_384
"""What is shown of a message's header."""


class QueueDesk:
    """``relay`` is None where no server runs: orders are written down, and carried out when it starts."""

    def __init__(self, queue: OutboundQueue, now: Callable[[], float], relay: Relay | None) -> None:
        self._queue = queue
        self._now = now
        self._relay = relay

    async def rows(self, which: QueueFilter) -> list[dict[str, Any]]:
        """Rows for ``QueueList``."""
        return [self._row(entry, places) for entry, places in await self._found(which)]

    async def show(self, id: str) -> dict[str, Any]:
        """The answer to ``QueueShow``.  Raises NotQueued."""
        entry = await self._queue.entry(id)
        if entry is None:
            raise NotQueued(id)
        message = entry.message
        content = await self._queue.content(id)
        head = content[: min(header_end(content, 0, len(content)), HEADER_OCTETS)]
        return self._row(entry, range(len(entry.progress))) | {
            "envid": message.envid,
            "expires_at": moment(message.expire_at),
            "priority": message.priority,
            "deadline": moment(message.deadline.at if message.deadline is not None else 0.0),
            "require_tls": message.require_tls,
            "recipients": [self._recipient(entry, place) for place in range(len(entry.progress))],
            "header": head.decode("utf-8", "replace"),
        }

    async def order(self, what: str, which: QueueFilter) -> dict[str, int]:
        """The answer to ``QueueOrder``.  Raises FormatError for an order we do not know."""
        found = await self._found(which)
        if what == "delete":
            return {"messages": sum([await self._queue.remove(entry.message.id) for entry, _ in found])}
        change = CHANGES.get(what)
        if change is None:
            raise FormatError("queue order", 0, "hold, release, retry or delete")
        marks = [list(_marks(entry, places, change, self._now())) for entry, places in found]
        changed = [mark for of_message in marks for mark in of_message]
        for at in range(0, len(changed), MARKS):
            await self._queue.mark(changed[at : at + MARKS])
        self._wake(
            {
                domain_of(entry.message.recipients[mark.place])
                for (entry, _), ones in zip(found, marks, strict=True)
                for mark in ones
            }
        )
        return {"messages": sum(map(bool, marks))}

    def _wake(self, domains: set[str]) -> None:
        if self._relay is not None:
            for domain in domains:
                self._relay.wake(domain)

    async def _found(self, which: QueueFilter) -> list[tuple[Entry, list[int]]]:
        """Messages with recipients that match, and the places of these."""
        entries = await self._queue.entries()
        matches = [(entry, _places(entry, which)) for entry in entries]
        return [(entry, places) for entry, places in matches if places]

    def _row(self, entry: Entry, places: Sequence[int]) -> dict[str, Any]:
        message = entry.message
        states = {entry.progress[place].state for place in places}
        due = [entry.progress[place].next_at for place in places if entry.progress[place].state is State.WAITING]
        return {
            "id": message.id,
            "from": message.reverse_path,
            "to": [str(message.recipients[place].address) for place in places],
            "queued_at": moment(message.queued_at),
            "octets": message.size_octets,
            "state": ", ".join(state.value for state in State if state in states),
            "next_at": moment(min(due, default=0.0)),
            "tries": max((entry.progress[place].tries for place in places), default=0),
            "reason": self._reason(entry, places),
            "leaves_at": moment(self._leaves_at(entry, places)),
        }

    def _leaves_at(self, entry: Entry, places: Sequence[int]) -> float:
        """When the sender wants it to leave, while that is why it waits; 0 else."""
        at = entry.message.release_at
        states = [entry.progress[place] for place in places]
        waits = any(one.state is State.WAITING and one.next_at >= at for one in states)
        return at if waits and at > self._now() else 0.0

    def _reason(self, entry: Entry, places: Sequence[int]) -> str:
        """Why the first of the recipients is where it is."""
        for place in places:
            progress = entry.progress[place]
            if progress.state is State.HELD:
                return entry.message.reason
            if progress.last is not None:
                return _said(progress.last)
            domain = domain_of(entry.message.recipients[place])
            failure = self._relay.failure(domain) if self._relay is not None else None
            if failure is not None:
                return _said(failure)
        return ""

    def _recipient(self, entry: Entry, place: int) -> dict[str, Any]:
        recipient, progress = entry.message.recipients[place], entry.progress[place]
        return {
            "to": str(recipient.address),
            "state": progress.state.value,
            "next_at": moment(progress.next_at if progress.state is State.WAITING else 0.0),
            "tries": progress.tries,
            "notify": sorted(recipient.notify) if recipient.notify is not None else None,
            "last": msgspec.to_builtins(progress.last),
        }


def _said(attempt: Attempt) -> str:
    """Who said what, or what happened to whom."""
    return f"{attempt.host}: {attempt.reply}" if attempt.host else attempt.reply


def _places(entry: Entry, which: QueueFilter) -> list[int]:
    message = entry.message
    if which.ids and message.id not in which.ids:
        return []
    if which.sender and not _is(message.reverse_path, which.sender):
        return []
    return [
        place
        for place, (recipient, progress) in enumerate(zip(message.recipients, entry.progress, strict=True))
        if (not which.recipient or _is(str(recipient.address), which.recipient))
        and (not which.state or progress.state.value == which.state)
    ]


def _is(address: str, wanted: str) -> bool:
    """Whether ``address`` is the wanted one, or in the wanted domain."""
    address, wanted = address.lower(), wanted.lower()
    return address == wanted or address.rpartition("@")[2] == wanted.removeprefix("@")


Change = Callable[[Progress, float], Progress | None]


def _hold(progress: Progress, _now: float) -> Progress | None:
    return msgspec.structs.replace(progress, state=State.HELD) if progress.state is State.WAITING else None


def _release(progress: Progress, now: float) -> Progress | None:
    if progress.state is not State.HELD:
        return None
    return msgspec.structs.replace(progress, state=State.WAITING, next_at=now)


def _retry(progress: Progress, now: float) -> Progress | None:
    return msgspec.structs.replace(progress, next_at=now) if progress.state is State.WAITING else None


CHANGES: Final[dict[str, Change]] = {"hold": _hold, "release": _release, "retry": _retry}


def _marks(entry: Entry, places: Sequence[int], change: Change, now: float) -> Iterator[Mark]:
    for place in places:
        progress = change(entry.progress[place], now)
        if progress is not None:
            yield Mark(entry.message.id, place, progress)
