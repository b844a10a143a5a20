"""Who lives here.  Look-ups answer from memory and do not suspend; changes are durable when they return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from courriel.model.account import Account, Domain, Target
from courriel.model.device import Device
from courriel.model.envelope import Address
from courriel.model.ids import AccountId
from courriel.model.maildrop import PopView
from courriel.model.mailing_list import MailingList
from courriel.ports.credentials import CredentialRecord


class Directory(Protocol):
    """Domains, accounts and addresses.  Local parts are compared without case; domains as A-labels."""

    def domain(self, name: str) -> Domain | None:
        """The local domain of this name (any spelling), None when it is not ours."""
        ...

    def domains(self) -> Sequence[Domain]: ...

    def account(self, account: AccountId) -> Account | None: ...

    def accounts(self) -> Sequence[Account]: ...

    def by_login(self, login: str) -> Account | None:
        """By login name: the primary address, or its local part when only one domain has it."""
        ...

    def resolve(self, address: Address) -> Target | None:
        """Where mail for ``address`` goes; None: no such address here.

        Order: exact address, alias, address without ``+detail``, alias without, catch-all.  ``Postmaster``
        without domain, and postmaster@ any local domain, always lead somewhere (RFC 5321 §4.5.1).
        """
        ...

    def may_send_as(self, account: AccountId, address: Address) -> bool:
        """Whether the account owns ``address`` (primary, alias of its own) or was granted it; also with ``+detail``."""
        ...

    def devices(self) -> Sequence[Device]:
        """By name."""
        ...

    def device(self, name: str) -> Device | None:
        """By canonical name."""
        ...

    def device_at(self, ip: str) -> Device | None:
        """The device without a login that sends from this address; the smallest network wins."""
        ...

    def devices_near(self, ip: str) -> Sequence[Device]:
        """The devices with a login that have a network around this address."""
        ...

    def lists(self) -> Sequence[MailingList]:
        """By address."""
        ...

    def list(self, address: str) -> MailingList | None:
        """By canonical address."""
        ...


class DirectoryAdmin(Directory, Protocol):
    """The same, for those who may change it."""

    async def add_domain(self, name: str) -> Domain: ...

    async def remove_domain(self, name: str) -> None: ...

    async def set_catch_all(self, domain: str, address: str | None) -> None: ...

    async def add_account(self, login: str, secret: CredentialRecord, display_name: str = "") -> Account: ...

    async def remove_account(self, login: str) -> None: ...

    async def set_secret(self, login: str, secret: CredentialRecord) -> None: ...

    async def set_enabled(self, login: str, enabled: bool) -> None: ...

    async def set_quota(self, login: str, quota_octets: int) -> None: ...

    async def set_send_as(self, login: str, addresses: Sequence[str]) -> None:
        """Further addresses (canonical) that the account may send as; all of them anew."""
        ...

    async def set_sending_limits(self, login: str, messages_per_hour: int, recipients_per_day: int) -> None:
        """0: those of everybody."""
        ...

    async def set_held(self, login: str, reason: str) -> None:
        """Why what the account sends is kept back; "" lets it go."""
        ...

    async def set_forward(self, login: str, forward_to: str, keep_copy: bool) -> None:
        """``forward_to`` "" ends it.  Raises FormatError, NoSuchAccount, and AddressTaken for the account itself."""
        ...

    async def set_pop_view(self, login: str, view: PopView) -> None:
        """What its POP3 clients see."""
        ...

    async def add_alias(self, alias: str, targets: Sequence[str]) -> None: ...

    async def remove_alias(self, alias: str) -> None: ...

    def aliases(self) -> Sequence[tuple[str, tuple[str, ...]]]: ...

    async def add_device(self, device: Device, secret: CredentialRecord | None = None) -> None:
        """With a secret it has a login.  Raises DeviceExists.  All is canonical (``model/device.py``)."""
        ...

    async def set_device_secret(self, name: str, secret: CredentialRecord) -> None:
        """A new password.  Raises NoSuchDevice, DeviceHasNoLogin."""
        ...

    def device_secret(self, name: str) -> CredentialRecord | None: ...

    async def remove_device(self, name: str) -> None:
        """Raises NoSuchDevice."""
        ...

    async def add_list(self, wanted: MailingList) -> MailingList:
        """Kept with canonical addresses.  Raises FormatError, NoSuchDomain, AddressTaken, ListExists."""
        ...

    async def change_list(self, wanted: MailingList) -> MailingList:
        """All but its address may change.  Raises NoSuchList."""
        ...

    async def remove_list(self, address: str) -> None:
        """Raises NoSuchList."""
        ...

    def secret(self, account: AccountId) -> CredentialRecord | None: ...
