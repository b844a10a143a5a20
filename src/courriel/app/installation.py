"""One data directory, opened: its store, its people, its queue.  With or without a server around it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from courriel.accounts.authenticator import AccountAuthenticator, GateSettings
from courriel.accounts.device_logins import senders_of
from courriel.accounts.lockout import Lockout
from courriel.accounts.passwords import Passwords, PasswordSettings
from courriel.app.config import Settings, SettingsError
from courriel.app.dkim_desk import DkimDesk
from courriel.app.dkim_files import FOLDER, DkimFiles
from courriel.app.keys import FILE_NAME, address_keys
from courriel.app.lockout_file import LOCKOUT_FILE, LockoutFile
from courriel.base.clock import Clock, SystemClock
from courriel.base.log import Level, log
from courriel.ports.queue import OutboundQueue
from courriel.store.search.index import SqliteIndex
from courriel.store.sqlite.correspondents import SqliteCorrespondents
from courriel.store.sqlite.directory import SqliteDirectory
from courriel.store.sqlite.journeys import SqliteJourneys
from courriel.store.sqlite.judged_mails import SqliteJudgedMails
from courriel.store.sqlite.lessons import SqliteLessons
from courriel.store.sqlite.lists import SqliteLists
from courriel.store.sqlite.mail_reports import SqliteMailReports
from courriel.store.sqlite.maildrops import SqliteMaildrops
from courriel.store.sqlite.marks import SqliteMarks
from courriel.store.sqlite.queue import SqliteQueue
from courriel.store.sqlite.settings import StoreSettings
from courriel.store.sqlite.sieve import SqliteSieve
from courriel.store.sqlite.store import SqliteStore
from courriel.store.sqlite.tls_reports import SqliteTlsReports

KEY_OCTETS: Final = 32
DAY_S: Final = 86_400.0


@dataclass(slots=True)
class Installation:
    """What belongs to one data directory."""

    data: Path
    settings: Settings
    clock: Clock
    store: SqliteStore
    directory: SqliteDirectory
    queue: OutboundQueue
    journeys: SqliteJourneys
    tls_reports: SqliteTlsReports
    passwords: Passwords
    authenticator: AccountAuthenticator
    lockout: LockoutFile
    lists: SqliteLists
    maildrops: SqliteMaildrops
    lessons: SqliteLessons
    keys: tuple[bytes, ...]
    """They seal what is put into addresses, the newest first."""
    dkim: DkimDesk
    index: SqliteIndex | None
    """Words of stored mail; None where the settings say so."""
    sieve: SqliteSieve
    mail_reports: SqliteMailReports
    judged_mails: SqliteJudgedMails
    marks: SqliteMarks
    correspondents: SqliteCorrespondents

    @classmethod
    async def open(cls, data: Path, settings: Settings) -> Installation:
        """Open (or make) ``data``.  Raises Unavailable when another process has it open, or the disk fails."""
        if settings.store.url != "sqlite:":
            raise SettingsError(f"store.url: {settings.store.url} is not supported; use “sqlite:”")
        make_private(data)
        clock = SystemClock()
        kept = StoreSettings(flag_sync_ms=settings.store.flag_sync_ms, retention_days=settings.store.retention_days)
        store = await SqliteStore.open(data, kept, clock, say=_say)
        directory = SqliteDirectory(data / "directory.db", clock)
        queue = await SqliteQueue.open(data / "queue.db")
        journeys = SqliteJourneys(data / "journeys.db", clock)
        log.watch(journeys.note)
        reports = SqliteTlsReports(data / "tls.db", clock)
        passwords = Passwords(PasswordSettings(scram_sha1=settings.auth.scram_sha1), clock)
        gate = GateSettings(settings.auth.cleartext, settings.auth.scram_sha1)
        lockout = Lockout(clock)
        kept_lockout = LockoutFile(data / LOCKOUT_FILE, lockout, clock)
        kept_lockout.load()
        authenticator = AccountAuthenticator(
            directory, passwords, lockout, _installation_key(data / "installation.key"), gate,
            senders=senders_of(directory),
        )  # fmt: skip
        maildrops = SqliteMaildrops(data / "maildrops.db")
        lessons = SqliteLessons(data / "lessons.db", clock)
        lists, keys = SqliteLists(data / "lists.db"), address_keys(data / FILE_NAME, clock.now())
        dkim = DkimDesk(DkimFiles(data / FOLDER), settings.dkim, clock)
        index = SqliteIndex(store, data) if settings.search.index else None
        sieve = SqliteSieve(data / "sieve.db")
        told = settings.reports
        mail_reports = SqliteMailReports(data / "reports.db", clock, told.keep_days * DAY_S, told.rows)
        judged_mails = SqliteJudgedMails(data / "judged.db", clock)
        return cls(
            data, settings, clock, store, directory, queue, journeys, reports, passwords, authenticator, kept_lockout,
            lists, maildrops, lessons, keys, dkim, index, sieve, mail_reports, judged_mails,
            SqliteMarks(data / "marks.db"), SqliteCorrespondents(data / "correspondents.db", clock),
        )  # fmt: skip

    async def close(self) -> None:
        """Bring everything to the disk and let go."""
        self.passwords.close()
        self.lockout.save()
        await self.queue.close()
        log.watch(None)
        self.journeys.close()
        self.tls_reports.close()
        await self.store.close()
        self.lessons.close()
        self.lists.close()
        self.maildrops.close()
        self.sieve.close()
        self.mail_reports.close()
        self.judged_mails.close()
        self.marks.close()
        self.correspondents.close()
        self.directory.close()


def _say(event: str, /, **fields: object) -> None:
    """The store's events are errors or rare work: worth a line each."""
    log.event(
        event,
        Level.WARNING,
        **{name: value if isinstance(value, int) else str(value) for name, value in fields.items()},
    )


def make_private(directory: Path) -> None:
    """A directory that only its owner can enter."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _installation_key(file: Path) -> bytes:
    """A secret of this installation, made once: fake SCRAM salts for unknown names are derived from it."""
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as fresh:
            fresh.write(os.urandom(KEY_OCTETS))
    return file.read_bytes()
