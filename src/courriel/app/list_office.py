"""Requests about mailing lists: what they are, who is on them, which posts wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from courriel.app.installation import Installation
from courriel.app.moment import moment
from courriel.app.services import open_intake
from courriel.base.log import log
from courriel.delivery import list_post
from courriel.delivery.intake import Delivery
from courriel.delivery.judge import header_length
from courriel.model.envelope import address_of
from courriel.model.mailing_list import (
    Asked,
    ListInList,
    MailingList,
    Member,
    NoSuchList,
    Question,
)
from courriel.model.roster import canonical_address
from courriel.ports import administration as do


class ListOffice:
    """``intake`` is the server's; without a server one of its own takes what is published."""

    def __init__(self, home: Installation, intake: Delivery | None) -> None:
        self._home = home
        self._intake = intake

    def _list(self, address: str) -> MailingList:
        kept = self._home.directory.list(canonical_address(address))
        if kept is None:
            raise NoSuchList(address)
        return kept

    async def rows(self) -> list[dict[str, Any]]:
        """Rows for ``ListList``."""
        return [await self.row(kept.address) for kept in self._home.directory.lists()]

    async def row(self, address: str) -> dict[str, Any]:
        """The answer to ``ListShow``."""
        kept = self._list(address)
        members = await self._home.lists.members(kept.address)
        asked = await self._home.lists.asked(kept.address)
        settings: dict[str, Any] = msgspec.to_builtins(kept)
        return settings | {
            "members": sum(1 for member in members if not member.suspended),
            "suspended": sum(1 for member in members if member.suspended),
            "held": sum(1 for one in asked if one.question is Question.POST),
        }

    async def add(self, request: do.ListAdd) -> dict[str, Any]:
        """Nothing is left of an older list of that address."""
        wanted = _changed(MailingList(request.address), request.settings)
        kept = await self._home.directory.add_list(wanted)
        await self._home.lists.forget_list(kept.address)
        log.event("list.added", list=kept.address)
        return await self.row(kept.address)

    async def change(self, request: do.ListChange) -> dict[str, Any]:
        kept = await self._home.directory.change_list(_changed(self._list(request.address), request.settings))
        return await self.row(kept.address)

    async def remove(self, address: str) -> None:
        kept = self._list(address)
        await self._home.directory.remove_list(kept.address)
        await self._home.lists.forget_list(kept.address)
        log.event("list.removed", list=kept.address)

    async def members(self, address: str) -> list[dict[str, Any]]:
        """Rows for ``ListMembers``."""
        return [_member(member) for member in await self._home.lists.members(self._list(address).address)]

    async def add_members(self, address: str, members: Sequence[str]) -> dict[str, int]:
        """Raises FormatError, ListInList; then nobody was added."""
        kept, wanted = self._list(address), [canonical_address(member) for member in members]
        for member in wanted:
            target = self._home.directory.resolve(address_of(member))
            if target is not None and target.lists:
                raise ListInList(member)
        return {"added": await self._home.lists.add_members(kept.address, wanted, self._home.clock.now())}

    async def remove_member(self, address: str, member: str) -> None:
        await self._home.lists.remove_member(self._list(address).address, canonical_address(member))

    async def held(self, address: str) -> list[dict[str, Any]]:
        """Rows for ``ListHeld``."""
        kept = self._list(address)
        waiting = [one for one in await self._home.lists.asked(kept.address) if one.question is Question.POST]
        return [_held(one, await self._home.lists.question(kept.address, one.id)) for one in waiting]

    async def decide(self, address: str, id: int, publish: bool) -> dict[str, Any]:
        """Publish a post that waits, or drop it.  Raises NotAsked."""
        intake = self._intake or open_intake(self._home, None, None)
        asked = await intake.lists.held(self._list(address), id)
        if not publish:
            await intake.lists.settle(asked)
            return {"id": ""}
        return {"id": (await intake.publish(asked)).id}


def _changed(kept: MailingList, settings: do.ListSettings) -> MailingList:
    """With what is set.  Raises FormatError for a word that is none of the choices."""
    wanted = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    return msgspec.convert(msgspec.to_builtins(kept) | wanted, MailingList)


def _member(member: Member) -> dict[str, Any]:
    return {"address": member.address, "joined_at": moment(member.joined_at), "suspended": member.suspended}


def _held(asked: Asked, whole: Asked | None) -> dict[str, Any]:
    header = whole.content[: header_length(whole.content)] if whole is not None else b""
    return {
        "id": asked.id,
        "from": asked.address,
        "subject": next(iter(list_post.subjects(header)), ""),
        "at": moment(asked.at),
        "octets": len(whole.content) if whole is not None else 0,
    }
