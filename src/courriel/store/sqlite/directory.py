"""Domains, accounts, aliases and password records in ``directory.db``.  Fulfils ``ports/directory.py: DirectoryAdmin``.

Everything is kept in memory too (``model/roster.py``), so that look-ups do not suspend.  A change is one
transaction in a thread, and is told to the roster once it is durable.  Several processes may use the file (the
command line while a server runs): at most once a second a look-up asks SQLite whether another connection has
written, and reads everything anew if so.

Account ids are never used twice (AUTOINCREMENT keeps the highest).  Mail of an account is the mail store's.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import msgspec

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import Damaged, Unavailable
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
from courriel.model.mailing_list import ListExists, MailingList, NoSuchList, Role
from courriel.model.roster import (
    Roster,
    canonical_address,
    canonical_domain,
    canonical_forward,
    canonical_list,
    canonical_targets,
)
from courriel.ports.credentials import CredentialRecord
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.directory_schema import (
    DEVICE_LOGINS,
    DEVICES,
    LISTS,
    POP_VIEWS,
    SCHEMA,
    SCHEMA_VERSION,
    SENDING,
)

FILE_NAME: Final = "directory.db"

RELOAD_CHECK_S: Final = 1.0
"""How often, at most, a look-up asks whether another process has changed the file."""

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a change waits for another process's."""

T = TypeVar("T")

_encode_record: Final = msgspec.msgpack.Encoder().encode
_decode_record: Final = msgspec.msgpack.Decoder(CredentialRecord).decode
_decode_list: Final = msgspec.msgpack.Decoder(MailingList).decode


class SqliteDirectory:
    """The people of one installation."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """Open or make the file.  Raises Unavailable or Damaged."""
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._writer = _open(path)
        self._reader = _open(path)
        self._roster = Roster()
        self._fleet = Fleet()
        self._secrets: dict[AccountId, bytes] = {}
        self._device_secrets: dict[str, bytes] = {}
        self._change = -1
        self._seen_version = -1
        self._next_check = 0.0
        self._reload_if_changed()

    # --- look-ups ---------------------------------------------------------------------------------------------
    def domain(self, name: str) -> Domain | None:
        return self._fresh().domain(name)

    def domains(self) -> Sequence[Domain]:
        return self._fresh().domains()

    def account(self, account: AccountId) -> Account | None:
        return self._fresh().account(account)

    def accounts(self) -> Sequence[Account]:
        return self._fresh().accounts()

    def by_login(self, login: str) -> Account | None:
        return self._fresh().by_login(login)

    def resolve(self, address: Address) -> Target | None:
        return self._fresh().resolve(address)

    def may_send_as(self, account: AccountId, address: Address) -> bool:
        return self._fresh().may_send_as(account, address)

    def aliases(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        return self._fresh().aliases()

    def secret(self, account: AccountId) -> CredentialRecord | None:
        self._fresh()
        packed = self._secrets.get(account)
        return _decode_record(packed) if packed is not None else None

    def devices(self) -> Sequence[Device]:
        self._fresh()
        return self._fleet.all()

    def device(self, name: str) -> Device | None:
        self._fresh()
        return self._fleet.get(name)

    def device_at(self, ip: str) -> Device | None:
        self._fresh()
        return self._fleet.at(ip)

    def devices_near(self, ip: str) -> Sequence[Device]:
        self._fresh()
        return self._fleet.near(ip)

    def device_secret(self, name: str) -> CredentialRecord | None:
        self._fresh()
        packed = self._device_secrets.get(name)
        return _decode_record(packed) if packed is not None else None

    def lists(self) -> Sequence[MailingList]:
        return self._fresh().lists()

    def list(self, address: str) -> MailingList | None:
        return self._fresh().list(address)

    # --- changes ----------------------------------------------------------------------------------------------
    async def add_domain(self, name: str) -> Domain:
        domain = Domain(canonical_domain(name))

        def write(db: apsw.Connection) -> None:
            _insert(db, "INSERT INTO domain(name) VALUES(?)", (domain.name,), DomainExists(domain.name))

        await self._write(write, lambda _: self._roster.put_domain(domain))
        return domain

    async def remove_domain(self, name: str) -> None:
        name = canonical_domain(name)

        def write(db: apsw.Connection) -> None:
            _require_domain(db, name)
            end = "%@" + name
            used = "SELECT (SELECT count(*) FROM account WHERE login LIKE ?1) + "
            used += "(SELECT count(*) FROM alias WHERE address LIKE ?1) + "
            used += "(SELECT count(*) FROM list WHERE address LIKE ?1)"
            if _value(db, used, (end,)):
                raise DomainInUse(name)
            db.execute("DELETE FROM domain WHERE name = ?", (name,))

        await self._write(write, lambda _: self._roster.drop_domain(name))

    async def set_catch_all(self, domain: str, address: str | None) -> None:
        name = canonical_domain(domain)
        kept = canonical_address(address) if address is not None else None

        def write(db: apsw.Connection) -> None:
            _require_domain(db, name)
            db.execute("UPDATE domain SET catch_all = ? WHERE name = ?", (kept, name))

        await self._write(write, lambda _: self._roster.put_domain(Domain(name, kept)))

    async def add_account(self, login: str, secret: CredentialRecord, display_name: str = "") -> Account:
        address = canonical_address(login)
        packed = _encode_record(secret)

        def write(db: apsw.Connection) -> Account:
            _require_domain(db, address.rpartition("@")[2])
            _require_free(db, address)
            sql = "INSERT INTO account(login, display_name, secret) VALUES(?, ?, ?)"
            _insert(db, sql, (address, display_name, packed), AddressTaken(address))
            return Account(AccountId(db.last_insert_rowid()), address, addresses=(address,), display_name=display_name)

        return await self._write(write, lambda account: self._put(account, packed))

    async def remove_account(self, login: str) -> None:
        def write(db: apsw.Connection) -> Account:
            account = _require_account(db, login)
            db.execute("DELETE FROM account WHERE id = ?", (account.id,))
            return account

        await self._write(write, lambda account: self._drop(account.id))

    async def set_secret(self, login: str, secret: CredentialRecord) -> None:
        packed = _encode_record(secret)

        def write(db: apsw.Connection) -> Account:
            account = _require_account(db, login)
            db.execute("UPDATE account SET secret = ? WHERE id = ?", (packed, account.id))
            return account

        await self._write(write, lambda account: self._put(account, packed))

    async def set_enabled(self, login: str, enabled: bool) -> None:
        await self._update(login, enabled=int(enabled))

    async def set_quota(self, login: str, quota_octets: int) -> None:
        await self._update(login, quota_octets=quota_octets)

    async def set_send_as(self, login: str, addresses: Sequence[str]) -> None:
        await self._update(login, send_as=" ".join(addresses))

    async def set_sending_limits(self, login: str, messages_per_hour: int, recipients_per_day: int) -> None:
        await self._update(login, messages_per_hour=messages_per_hour, recipients_per_day=recipients_per_day)

    async def set_held(self, login: str, reason: str) -> None:
        await self._update(login, held=reason)

    async def set_forward(self, login: str, forward_to: str, keep_copy: bool) -> None:
        kept = canonical_forward(canonical_address(login), forward_to)

        def write(db: apsw.Connection) -> Account:
            account = _require_account(db, login)
            sql = "UPDATE account SET forward_to = ?, keep_copy = ? WHERE id = ?"
            db.execute(sql, (kept, int(keep_copy), account.id))
            return _require_account(db, account.login)

        await self._write(write, self._roster.put_account)

    async def set_pop_view(self, login: str, view: PopView) -> None:
        await self._update(login, pop_view=view.value)

    async def add_alias(self, alias: str, targets: Sequence[str]) -> None:
        address, kept = canonical_address(alias), canonical_targets(targets)

        def write(db: apsw.Connection) -> None:
            _require_domain(db, address.rpartition("@")[2])
            _require_free(db, address)
            sql = "INSERT INTO alias(address, targets) VALUES(?, ?)"
            _insert(db, sql, (address, " ".join(kept)), AddressTaken(address))

        await self._write(write, lambda _: self._roster.put_alias(address, kept))

    async def remove_alias(self, alias: str) -> None:
        address = canonical_address(alias)

        def write(db: apsw.Connection) -> None:
            db.execute("DELETE FROM alias WHERE address = ?", (address,))
            if not db.changes():
                raise NoSuchAlias(address)

        await self._write(write, lambda _: self._roster.drop_alias(address))

    async def add_device(self, device: Device, secret: CredentialRecord | None = None) -> None:
        packed = _encode_record(secret) if secret is not None else None
        row = (device.name, " ".join(device.networks), device.sender, device.hourly, packed)
        kept = msgspec.structs.replace(device, has_login=packed is not None)

        def write(db: apsw.Connection) -> None:
            sql = "INSERT INTO device(name, networks, sender, hourly, secret) VALUES(?, ?, ?, ?, ?)"
            _insert(db, sql, row, DeviceExists(device.name))

        await self._write(write, lambda _: self._put_device(kept, packed))

    async def set_device_secret(self, name: str, secret: CredentialRecord) -> None:
        packed = _encode_record(secret)

        def write(db: apsw.Connection) -> None:
            has_login = _value(db, "SELECT secret IS NOT NULL FROM device WHERE name = ?", (name,))
            if has_login is None:
                raise NoSuchDevice(name)
            if not has_login:
                raise DeviceHasNoLogin(name)
            db.execute("UPDATE device SET secret = ? WHERE name = ?", (packed, name))

        await self._write(write, lambda _: self._device_secrets.update({name: packed}))

    async def remove_device(self, name: str) -> None:
        def write(db: apsw.Connection) -> None:
            db.execute("DELETE FROM device WHERE name = ?", (name,))
            if not db.changes():
                raise NoSuchDevice(name)

        await self._write(write, lambda _: self._drop_device(name))

    async def add_list(self, wanted: MailingList) -> MailingList:
        kept = canonical_list(wanted)

        def write(db: apsw.Connection) -> None:
            _require_domain(db, kept.domain)
            if _value(db, "SELECT 1 FROM list WHERE address = ?", (kept.address,)):
                raise ListExists(kept.address)
            for role in Role:
                _require_free(db, kept.beside(role))
            db.execute("INSERT INTO list VALUES(?, ?)", (kept.address, _encode_record(kept)))

        await self._write(write, lambda _: self._roster.put_list(kept))
        return kept

    async def change_list(self, wanted: MailingList) -> MailingList:
        kept = canonical_list(wanted)

        def write(db: apsw.Connection) -> None:
            db.execute("UPDATE list SET kept = ? WHERE address = ?", (_encode_record(kept), kept.address))
            if not db.changes():
                raise NoSuchList(kept.address)

        await self._write(write, lambda _: self._roster.put_list(kept))
        return kept

    async def remove_list(self, address: str) -> None:
        address = canonical_address(address)

        def write(db: apsw.Connection) -> None:
            db.execute("DELETE FROM list WHERE address = ?", (address,))
            if not db.changes():
                raise NoSuchList(address)

        await self._write(write, lambda _: self._roster.drop_list(address))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._reader.close()
            self._writer.close()

    # --- memory -----------------------------------------------------------------------------------------------
    def _put(self, account: Account, packed: bytes) -> None:
        self._roster.put_account(account)
        self._secrets[account.id] = packed

    def _drop(self, account: AccountId) -> None:
        self._roster.drop_account(account)
        self._secrets.pop(account, None)

    def _put_device(self, device: Device, packed: bytes | None) -> None:
        self._fleet.put(device)
        if packed is not None:
            self._device_secrets[device.name] = packed

    def _drop_device(self, name: str) -> None:
        self._fleet.drop(name)
        self._device_secrets.pop(name, None)

    async def _update(self, login: str, **columns: int | str) -> None:
        set_all = ", ".join(f"{column} = ?" for column in columns)

        def write(db: apsw.Connection) -> Account:
            account = _require_account(db, login)
            db.execute(f"UPDATE account SET {set_all} WHERE id = ?", (*columns.values(), account.id))
            return _require_account(db, account.login)

        await self._write(write, self._roster.put_account)

    def _fresh(self) -> Roster:
        """The roster, no more than RELOAD_CHECK_S older than the file."""
        if self._clock.monotonic() >= self._next_check:
            self._reload_if_changed()
        return self._roster

    def _reload_if_changed(self) -> None:
        self._next_check = self._clock.monotonic() + RELOAD_CHECK_S
        try:
            version = self._reader.pragma("data_version")
            if version == self._seen_version:
                return
            with self._reader:  # one snapshot
                change = _value(self._reader, "SELECT value FROM counter WHERE name = 'change'", ())
                if change != self._change:
                    self._load(int(change))
            self._seen_version = version
        except apsw.BusyError:  # another process just holds it: what we know is a second old
            return
        except apsw.Error as error:
            raise _storage_error(error) from error

    def _load(self, change: int) -> None:
        roster, secrets = Roster(), dict[AccountId, bytes]()
        db = self._reader
        for name, catch_all in db.execute("SELECT name, catch_all FROM domain"):
            roster.put_domain(Domain(name, catch_all))
        for *row, secret in db.execute(f"SELECT {_ACCOUNT}, secret FROM account ORDER BY id"):
            account = _account(tuple(row))
            roster.put_account(account)
            secrets[account.id] = secret
        for address, targets in db.execute("SELECT address, targets FROM alias"):
            roster.put_alias(address, tuple(targets.split(" ")))
        for (packed,) in db.execute("SELECT kept FROM list"):
            roster.put_list(_decode_list(packed))
        rows: list[Row] = db.execute("SELECT name, networks, sender, hourly, secret FROM device").fetchall()
        self._fleet = Fleet(
            Device(name, tuple(places.split()), sender, hourly, packed is not None)
            for name, places, sender, hourly, packed in rows
        )
        self._device_secrets = {name: packed for name, *_, packed in rows if packed is not None}
        self._roster, self._secrets, self._change = roster, secrets, change

    async def _write(self, write: Callable[[apsw.Connection], T], tell: Callable[[T], None]) -> T:
        """Do ``write`` in one transaction; once it is durable, tell the memory."""
        result, change = await asyncio.get_running_loop().run_in_executor(None, self._transact, write)
        tell(result)
        if change == self._change + 1:  # else another process wrote between: the next look-up reads it all
            self._change = change
        else:
            self._change = self._seen_version = -1
            self._next_check = 0.0
        return result

    def _transact(self, write: Callable[[apsw.Connection], T]) -> tuple[T, int]:
        db = self._writer
        try:
            with self._lock:
                db.execute("BEGIN IMMEDIATE")
                try:
                    result = write(db)
                    sql = "UPDATE counter SET value = value + 1 WHERE name = 'change' RETURNING value"
                    change = int(_value(db, sql, ()))
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
        except apsw.Error as error:
            raise _storage_error(error) from error
        return result, change


_ACCOUNT: Final = (
    "id, login, enabled, display_name, quota_octets, send_as, messages_per_hour, recipients_per_day, held,"
    " forward_to, keep_copy, pop_view"
)


def _account(row: tuple[object, ...]) -> Account:
    number, login, enabled, display_name, quota_octets, send_as, hourly, daily, held, forward_to, keep_copy, view = row
    return msgspec.convert(
        {
            "id": number,
            "login": login,
            "enabled": bool(enabled),
            "addresses": (login,),
            "display_name": display_name,
            "quota_octets": quota_octets,
            "send_as": str(send_as).split(),
            "messages_per_hour": hourly,
            "recipients_per_day": daily,
            "held": held,
            "forward_to": forward_to,
            "keep_copy": bool(keep_copy),
            "pop_view": view,
        },
        Account,
    )


def _value(db: apsw.Connection, sql: str, bindings: tuple[apsw.SQLiteValue, ...]) -> Any:
    """The only value of the only row, None without one."""
    return db.execute(sql, bindings).get


def _insert(db: apsw.Connection, sql: str, bindings: tuple[apsw.SQLiteValue, ...], twin: Exception) -> None:
    try:
        db.execute(sql, bindings)
    except apsw.ConstraintError:
        raise twin from None


def _require_domain(db: apsw.Connection, name: str) -> None:
    if not _value(db, "SELECT 1 FROM domain WHERE name = ?", (name,)):
        raise NoSuchDomain(name)


def _require_free(db: apsw.Connection, address: str) -> None:
    """Nobody has the address, and it is not one beside a list.  Raises AddressTaken."""
    local, _, domain = address.rpartition("@")
    base, _, word = local.rpartition("-")
    beside = f"{base}@{domain}" if word in {role.value for role in Role} else ""
    sql = "SELECT 1 FROM account WHERE login = ?1 UNION ALL SELECT 1 FROM alias WHERE address = ?1 "
    sql += "UNION ALL SELECT 1 FROM list WHERE address IN (?1, ?2)"
    if db.execute(sql, (address, beside)).fetchone() is not None:
        raise AddressTaken(address)


def _require_account(db: apsw.Connection, login: str) -> Account:
    """The account of a full login name."""
    address = canonical_address(login)
    row = db.execute(f"SELECT {_ACCOUNT} FROM account WHERE login = ?", (address,)).fetchone()
    if row is None:
        raise NoSuchAccount(address)
    return _account(row)


def _storage_error(error: apsw.Error) -> Exception:
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Damaged(f"{FILE_NAME}: {error}")
    return Unavailable(f"{FILE_NAME}: {error}")


def _open(path: Path) -> apsw.Connection:
    """A connection with the pragmas of STORAGE §5; makes the file and its tables where they are missing."""
    try:
        is_new = not path.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        db = apsw.Connection(str(path))
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF")
        _make_tables(db)
        if is_new:
            path.chmod(0o600)
            _sync_directory(path.parent)
    except apsw.Error as error:
        raise _storage_error(error) from error
    except OSError as error:
        raise Unavailable(f"{FILE_NAME}: {error}") from error
    return db


def _make_tables(db: apsw.Connection) -> None:
    if db.pragma("user_version") == SCHEMA_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.pragma("user_version")  # again: another process may have been first
        if version > SCHEMA_VERSION:
            raise Damaged(f"{FILE_NAME} was written by a newer version ({version} > {SCHEMA_VERSION})")
        if version == 0:
            db.execute(SCHEMA)
            db.execute("INSERT INTO counter VALUES('change', 0)")
        if version < 2:
            db.execute(DEVICES)
        if version < 3:
            db.execute(SENDING)
            db.execute(LISTS)
        if version < 4:
            db.execute(DEVICE_LOGINS)
        if version < 5:
            db.execute(POP_VIEWS)
        db.pragma("user_version", SCHEMA_VERSION)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _sync_directory(path: Path) -> None:
    """Make the file's name durable too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
