"""Why a directory refuses a change; all adapters say the same."""

from __future__ import annotations

from courriel.base.errors import Refusal


class DirectoryRefusal(Refusal):
    """Root of the reasons for which a directory refuses a change; ``detail`` names what is in the way."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class AddressTaken(DirectoryRefusal):
    """The address is an account or an alias already."""


class NoSuchDomain(DirectoryRefusal):
    """The domain is not one of ours."""


class NoSuchAccount(DirectoryRefusal):
    """There is no account with this login."""


class NoSuchAlias(DirectoryRefusal):
    """There is no such alias."""


class DomainExists(DirectoryRefusal):
    """The domain is one of ours already."""


class DomainInUse(DirectoryRefusal):
    """Accounts or aliases still live in the domain."""
