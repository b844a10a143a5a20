"""Where a POP3 session stands: its state, the maildrop it was given, what is to be deleted.  RFC 1939 §3–6.

Pure: no I/O.  A maildrop is a snapshot of INBOX, taken at the login: what arrives later is not in it, and message
numbers never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final

from courriel.base.errors import CourrielError
from courriel.model.account import Account
from courriel.model.ids import AccountId, MailboxId
from courriel.model.maildrop import unique_id
from courriel.pop3 import wire


class State(Enum):
    """RFC 1939 §3."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


AUTHORIZATION: Final = frozenset({State.AUTHORIZATION})
TRANSACTION: Final = frozenset({State.TRANSACTION})
EVERY: Final = AUTHORIZATION | TRANSACTION


class NoSuchMessage(CourrielError):
    """The number names no message, or one marked as deleted."""


class Maildrop:
    """The messages of one session, by number from 1.  ``uids``, ``sizes`` (octets) and ``ids`` go together.

    The unique-id of a message is made of its number in the account, which stays with it when it is moved away and
    back, or expunged and restored.  ``carried`` has those that messages brought along from another server, by id.
    """

    def __init__(
        self,
        account: AccountId,
        mailbox: MailboxId,
        uidvalidity: int,
        uids: Sequence[int],
        sizes: Sequence[int],
        ids: Sequence[int],
        carried: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        self.account = account
        self.mailbox = mailbox
        self._uidvalidity = uidvalidity
        self._uids = uids
        self._sizes = sizes
        self._ids = ids
        self._carried = carried
        self._deleted: set[int] = set()
        self._octets = sum(sizes)
        self._scan: bytes | None = None
        self._uidl: bytes | None = None

    @property
    def count(self) -> int:
        """Messages not marked as deleted."""
        return len(self._uids) - len(self._deleted)

    @property
    def octets(self) -> int:
        """Their size together."""
        return self._octets

    def index(self, number: int) -> int:
        """Raises NoSuchMessage."""
        if not 0 < number <= len(self._uids) or number in self._deleted:
            raise NoSuchMessage
        return number - 1

    def size(self, number: int) -> int:
        return self._sizes[self.index(number)]

    def message(self, number: int) -> int:
        """The stored message's id."""
        return self._ids[self.index(number)]

    def unique_id(self, number: int) -> bytes:
        """RFC 1939 §7, UIDL."""
        return self._unique_id(self._ids[self.index(number)])

    def scan_listing(self) -> bytes:
        """All of LIST."""
        if self._scan is None:
            numbers = self._numbers()
            self._scan = wire.listing(numbers, [b"%d" % self._sizes[number - 1] for number in numbers])
        return self._scan

    def unique_listing(self) -> bytes:
        """All of UIDL."""
        if self._uidl is None:
            numbers = self._numbers()
            self._uidl = wire.listing(numbers, [self._unique_id(self._ids[number - 1]) for number in numbers])
        return self._uidl

    def _unique_id(self, message: int) -> bytes:
        return self._carried.get(message) or unique_id(self._uidvalidity, message)

    def delete(self, number: int) -> None:
        """Mark it; it goes at QUIT."""
        self._octets -= self._sizes[self.index(number)]
        self._deleted.add(number)
        self._scan = self._uidl = None

    def reset(self) -> None:
        """Take all marks away."""
        self._deleted.clear()
        self._octets = sum(self._sizes)
        self._scan = self._uidl = None

    def doomed(self) -> list[int]:
        """UIDs to expunge at QUIT, ascending."""
        return [self._uids[number - 1] for number in sorted(self._deleted)]

    def _numbers(self) -> Sequence[int]:
        everything = range(1, len(self._uids) + 1)
        return [n for n in everything if n not in self._deleted] if self._deleted else everything


class Session:
    """One client's state, across commands."""

    __slots__ = ("account", "errors", "failed_logins", "language", "maildrop", "retrieved", "state", "user", "utf8")

    def __init__(self) -> None:
        self.state = State.AUTHORIZATION
        self.user: bytes | None = None
        """Given by USER, waiting for PASS."""
        self.utf8 = False
        self.language = "en"
        """Of texts for people, RFC 6856 §3."""
        self.account: Account | None = None
        self.maildrop: Maildrop | None = None
        self.failed_logins = 0
        self.errors = 0
        """Commands in a row that made no sense."""
        self.retrieved = 0

    def begin_transaction(self, account: Account, maildrop: Maildrop) -> None:
        self.state = State.TRANSACTION
        self.account, self.maildrop = account, maildrop
        self.user = None

    def forget(self) -> None:
        """What came before TLS counts for nothing.  RFC 2595 §4."""
        self.user = None
        self.utf8 = False
        self.language = "en"

    def drop(self) -> Maildrop:
        """The maildrop; only commands of the TRANSACTION state ask."""
        assert self.maildrop is not None
        return self.maildrop
