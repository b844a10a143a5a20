"""Devices that log in, where messages are handed in.  Fulfils ``authenticator.py: Senders``.

A device gives its bare name (``scanner``).  Neither IMAP nor POP3 asks here, so a device's password opens no mailbox.
A person of the same local part logs in by the full address.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final, Protocol

from courriel.model.account import Account
from courriel.model.device import Device
from courriel.model.ids import AccountId
from courriel.ports.credentials import CredentialRecord

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""What every device has on its keys and nobody mistakes: without ``i``, ``l``, ``o``, ``0`` and ``1``."""

PASSWORD_CHARACTERS: Final = 24
"""Of a device's password: 118 bits.  It is typed once."""


class DevicesAndPeople(Protocol):
    """What is asked of a directory here."""

    def by_login(self, login: str) -> Account | None: ...

    def secret(self, account: AccountId) -> CredentialRecord | None: ...

    def device(self, name: str) -> Device | None: ...

    def devices_near(self, ip: str) -> Sequence[Device]: ...

    def device_secret(self, name: str) -> CredentialRecord | None: ...


def new_password() -> str:
    """A random one."""
    return "".join([secrets.choice(ALPHABET) for _ in range(PASSWORD_CHARACTERS)])


class DeviceLogins:
    """``with_people``: people may log in here too, but only over TLS (or from this machine)."""

    def __init__(self, directory: DevicesAndPeople, *, with_people: bool) -> None:
        self._directory = directory
        self._with_people = with_people
        self._names: list[str] = []
        """Devices seen so far: the first has -1 for an id, the next -2.  The ids live as long as this process."""

    def by_login(self, login: str) -> Account | None:
        device = self._directory.device(login.lower())
        if device is not None and device.has_login:
            return Account(self._id(device.name), device.name, device=device.name)
        return self._directory.by_login(login) if self._with_people else None

    def secret(self, account: AccountId) -> CredentialRecord | None:
        if account < 0:
            return self._directory.device_secret(self._names[-account - 1])
        return self._directory.secret(account)

    def is_near(self, ip: str, device: str = "") -> bool:
        """In clear only at the door for devices, where no person's password is taken."""
        near = [] if self._with_people else self._directory.devices_near(ip)
        return any(device in ("", one.name) for one in near)

    def _id(self, name: str) -> AccountId:
        if name not in self._names:
            self._names.append(name)
        return AccountId(-self._names.index(name) - 1)


def senders_of(directory: DevicesAndPeople) -> dict[str, DeviceLogins]:
    """Who logs in where messages are handed in, by what the authenticator calls the doors."""
    return {
        "smtp": DeviceLogins(directory, with_people=True),
        "devices": DeviceLogins(directory, with_people=False),
    }
