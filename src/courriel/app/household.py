"""What the house knows of its people, for whoever judges mail to them."""

from __future__ import annotations

from typing import Final

import msgspec

from courriel.app.installation import Installation
from courriel.delivery.learning import Memory
from courriel.model.ids import AccountId
from courriel.threats.marks import FEWEST
from courriel.threats.view import Context, Executive, Sender

COLLEAGUES: Final = 500
"""``threats.colleagues``: names that are looked for; a provider's customers are no colleagues of one another."""

FRESH_S: Final = 60.0
"""``threats.fresh``: who was added is known after this."""


class Household:
    """The directory and the settings, put together; remembered for a moment."""

    def __init__(self, home: Installation) -> None:
        self._home = home
        self._until = 0.0
        self._common = Context()

    def of(self, recipients: tuple[str, ...], author: str) -> Context:
        """For a message to these addresses from this one; what one reader knows of others is for nobody else."""
        now = self._home.clock.now()
        if now >= self._until:
            self._common, self._until = self._look(), now + FRESH_S
        common = self._common
        accounts = [account for one in recipients if (account := self._home.directory.by_login(one)) is not None]
        reader = accounts[0].id if len(recipients) == len(accounts) == 1 else None
        return Context(
            own_domains=common.own_domains,
            owner_names=tuple([account.display_name for account in accounts if account.display_name]),
            executives=common.executives,
            colleagues=common.colleagues,
            senders=self._known(reader, author) if reader is not None and author else {},
            remembers=reader is not None and self._home.correspondents.remembers(reader),
        )

    def _known(self, reader: AccountId, author: str) -> dict[str, Sender]:
        found = self._home.correspondents.known(reader, (author, author.rpartition("@")[2]))
        return {name: Sender(*msgspec.structs.astuple(one)) for name, one in found.items()}

    def marks_of(self, recipients: tuple[str, ...]) -> Memory | None:
        """What the reader has taught, if it is one, and has taught enough to be heard."""
        if len(recipients) != 1:
            return None
        account = self._home.directory.by_login(recipients[0])
        if account is None:
            return None
        memory = Memory(self._home.marks, account.id)
        return memory if memory.junk + memory.good >= FEWEST else None

    def _look(self) -> Context:
        directory, settings = self._home.directory, self._home.settings.threats
        names = [account.display_name for account in directory.accounts() if account.display_name]
        return Context(
            own_domains=frozenset(one.name for one in directory.domains()),
            executives=tuple([Executive(one.name, one.title, one.addresses) for one in settings.executives]),
            colleagues=tuple(names) if len(names) <= COLLEAGUES else (),
        )
