"""Where a ManageSieve session stands.  RFC 5804 §1.1.  Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final

from courriel.model.account import Account


class State(Enum):
    """Before the login, and after."""

    STRANGER = "stranger"
    OWNER = "owner"


STRANGER: Final = frozenset({State.STRANGER})
OWNER: Final = frozenset({State.OWNER})
EVERY: Final = STRANGER | OWNER


class Session:
    """One client's state, across commands."""

    __slots__ = ("_account", "errors", "failed_logins")

    def __init__(self) -> None:
        self._account: Account | None = None
        self.errors = 0
        """Commands in a row that made no sense."""
        self.failed_logins = 0

    @property
    def state(self) -> State:
        return State.STRANGER if self._account is None else State.OWNER

    @property
    def account(self) -> Account:
        """Only commands of the owner ask."""
        assert self._account is not None
        return self._account

    def log_in(self, account: Account) -> None:
        self._account = account

    def log_out(self) -> None:
        """UNAUTHENTICATE: as if nobody had been there.  RFC 5804 §2.14.1."""
        self._account = None
