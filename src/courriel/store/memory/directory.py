"""Domains, accounts and aliases in memory.  Fulfils ``ports/directory.py: DirectoryAdmin``; nothing survives.

Where an address leads is ``model/roster.py``'s business; here are the checks before each change, and the secrets.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from courriel.model.account import Account, Domain, Target
from courriel.model.device import Device, DeviceExists, DeviceHasNoLogin, Fleet, NoSuchDevice
from courriel.model.directory_refusals import (
    AddressTaken,
    DomainExists,
    DomainInUse,
    NoSuchAccount,
    NoSuchAlias,
    NoSuchDomain,
)
from courriel.model.envelope import Address
from courriel.model.ids import AccountId
from courriel.model.maildrop import PopView
from courriel.model.mailing_list import ListExists, MailingList, NoSuchList
from courriel.model.roster import (
    Roster,
    canonical_address,
    canonical_domain,
    canonical_forward,
    canonical_list,
    canonical_targets,
)
from courriel.ports.credentials import CredentialRecord


class MemoryDirectory:
    """The people of one process."""

    def __init__(self) -> None:
        self._roster = Roster()
        self._secrets: dict[AccountId, CredentialRecord] = {}
        self._logins: dict[str, AccountId] = {}
        self._last_id = 0
        self._fleet = Fleet()
        self._device_secrets: dict[str, CredentialRecord] = {}

    # --- look-ups ---------------------------------------------------------------------------------------------
    def domain(self, name: str) -> Domain | None:
        return self._roster.domain(name)

    def domains(self) -> Sequence[Domain]:
        return self._roster.domains()

    def account(self, account: AccountId) -> Account | None:
        return self._roster.account(account)

    def accounts(self) -> Sequence[Account]:
        return self._roster.accounts()

    def by_login(self, login: str) -> Account | None:
        return self._roster.by_login(login)

    def resolve(self, address: Address) -> Target | None:
        return self._roster.resolve(address)

    def may_send_as(self, account: AccountId, address: Address) -> bool:
        return self._roster.may_send_as(account, address)

    def aliases(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        return self._roster.aliases()

    def secret(self, account: AccountId) -> CredentialRecord | None:
        return self._secrets.get(account)

    def devices(self) -> Sequence[Device]:
        return self._fleet.all()

    def device(self, name: str) -> Device | None:
        return self._fleet.get(name)

    def device_at(self, ip: str) -> Device | None:
        return self._fleet.at(ip)

    def devices_near(self, ip: str) -> Sequence[Device]:
        return self._fleet.near(ip)

    def device_secret(self, name: str) -> CredentialRecord | None:
        return self._device_secrets.get(name)

    def lists(self) -> Sequence[MailingList]:
        return self._roster.lists()

    def list(self, address: str) -> MailingList | None:
        return self._roster.list(address)

    # --- changes ----------------------------------------------------------------------------------------------
    async def add_domain(self, name: str) -> Domain:
        domain = Domain(canonical_domain(name))
        if self._has_domain(domain.name):
            raise DomainExists(domain.name)
        self._roster.put_domain(domain)
        return domain

    async def remove_domain(self, name: str) -> None:
        name = self._require_domain(canonical_domain(name))
        if self._roster.uses_of_domain(name):
            raise DomainInUse(name)
        self._roster.drop_domain(name)

    async def set_catch_all(self, domain: str, address: str | None) -> None:
        kept = canonical_address(address) if address is not None else None
        self._roster.put_domain(Domain(self._require_domain(canonical_domain(domain)), kept))

    async def add_account(self, login: str, secret: CredentialRecord, display_name: str = "") -> Account:
        address = canonical_address(login)
        self._check_free(address)
        self._last_id += 1
        account = Account(AccountId(self._last_id), address, addresses=(address,), display_name=display_name)
        self._roster.put_account(account)
        self._logins[address] = account.id
        self._secrets[account.id] = secret
        return account

    async def remove_account(self, login: str) -> None:
        account = self._require_account(login)
        self._roster.drop_account(account.id)
        del self._logins[account.login], self._secrets[account.id]

    async def set_secret(self, login: str, secret: CredentialRecord) -> None:
        self._secrets[self._require_account(login).id] = secret

    async def set_enabled(self, login: str, enabled: bool) -> None:
        self._change(login, enabled=enabled)

    async def set_quota(self, login: str, quota_octets: int) -> None:
        self._change(login, quota_octets=quota_octets)

    async def set_send_as(self, login: str, addresses: Sequence[str]) -> None:
        self._change(login, send_as=tuple(addresses))

    async def set_sending_limits(self, login: str, messages_per_hour: int, recipients_per_day: int) -> None:
        self._change(login, messages_per_hour=messages_per_hour, recipients_per_day=recipients_per_day)

    async def set_held(self, login: str, reason: str) -> None:
        self._change(login, held=reason)

    def _change(self, login: str, **fields: object) -> None:
        self._roster.put_account(msgspec.structs.replace(self._require_account(login), **fields))

    async def set_forward(self, login: str, forward_to: str, keep_copy: bool) -> None:
        account = self._require_account(login)
        kept = canonical_forward(account.login, forward_to)
        self._roster.put_account(msgspec.structs.replace(account, forward_to=kept, keep_copy=keep_copy))

    async def set_pop_view(self, login: str, view: PopView) -> None:
        self._change(login, pop_view=view)

    async def add_alias(self, alias: str, targets: Sequence[str]) -> None:
        address, kept = canonical_address(alias), canonical_targets(targets)
        self._check_free(address)
        self._roster.put_alias(address, kept)

    async def remove_alias(self, alias: str) -> None:
        address = canonical_address(alias)
        if address not in dict(self._roster.aliases()):
            raise NoSuchAlias(address)
        self._roster.drop_alias(address)

    async def add_device(self, device: Device, secret: CredentialRecord | None = None) -> None:
        if self._fleet.get(device.name) is not None:
            raise DeviceExists(device.name)
        self._fleet.put(msgspec.structs.replace(device, has_login=secret is not None))
        if secret is not None:
            self._device_secrets[device.name] = secret

    async def set_device_secret(self, name: str, secret: CredentialRecord) -> None:
        device = self._fleet.get(name)
        if device is None:
            raise NoSuchDevice(name)
        if not device.has_login:
            raise DeviceHasNoLogin(name)
        self._device_secrets[name] = secret

    async def remove_device(self, name: str) -> None:
        if self._fleet.get(name) is None:
            raise NoSuchDevice(name)
        self._fleet.drop(name)
        self._device_secrets.pop(name, None)

    async def add_list(self, wanted: MailingList) -> MailingList:
        kept = canonical_list(wanted)
        self._require_domain(kept.domain)
        if self._roster.list(kept.address) is not None:
            raise ListExists(kept.address)
        taken = self._roster.list_is_in_the_way(kept)
        if taken is not None:
            raise AddressTaken(taken)
        self._roster.put_list(kept)
        return kept

    async def change_list(self, wanted: MailingList) -> MailingList:
        kept = canonical_list(wanted)
        if self._roster.list(kept.address) is None:
            raise NoSuchList(kept.address)
        self._roster.put_list(kept)
        return kept

    async def remove_list(self, address: str) -> None:
        address = canonical_address(address)
        if self._roster.list(address) is None:
            raise NoSuchList(address)
        self._roster.drop_list(address)

    def close(self) -> None:
        """Nothing to let go of."""

    # --- checks -----------------------------------------------------------------------------------------------
    def _has_domain(self, name: str) -> bool:
        return any(domain.name == name for domain in self._roster.domains())

    def _require_domain(self, name: str) -> str:
        if not self._has_domain(name):
            raise NoSuchDomain(name)
        return name

    def _require_account(self, login: str) -> Account:
        """The account of a full login name."""
        address = canonical_address(login)
        number = self._logins.get(address)
        account = self._roster.account(number) if number is not None else None
        if account is None:
            raise NoSuchAccount(address)
        return account

    def _check_free(self, address: str) -> None:
        self._require_domain(address.rpartition("@")[2])
        if self._roster.is_taken(address):
            raise AddressTaken(address)
