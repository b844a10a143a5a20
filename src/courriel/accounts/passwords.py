"""Passwords: what is kept of them, and checking them without stopping the loop.

Argon2id (RFC 9106) in a bounded pool of threads; SCRAM keys (RFC 5802 §3) made when the password is set.  A
password is prepared as OpaqueString (RFC 8265 §4.2) first.  A login that was checked a moment ago is remembered as
a keyed digest, so that clients that log in every minute do not cost a hash each time (LIBRARIES §4.1).

Who may try how often is lockout.py's business.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import stringprep
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

from courriel.base.clock import Clock, SystemClock
from courriel.base.errors import FormatError, LimitExceeded
from courriel.model.refusals import Throttled
from courriel.ports.credentials import CredentialRecord, ScramKeys

T = TypeVar("T")

PASSWORD_OCTETS: Final = 1024
"""Longest password, UTF-8.  Far beyond any real one; bounds the work of preparing it."""

SALT_OCTETS: Final = 16
"""RFC 9106 §3.1 recommends 16 octets."""

ARGON2_TAG_OCTETS: Final = 32
"""RFC 9106 §4: a 256-bit tag."""


@dataclass(frozen=True, slots=True)
class PasswordSettings:
    """How dear a guess is, and how much is spent on it at once."""

    argon2_memory_kib: int = 47_104
    argon2_passes: int = 1
    argon2_lanes: int = 1
    """46 MiB, one pass, one lane: first choice of OWASP's Password Storage Cheat Sheet.  46 ms CPU here; RFC 9106
    §4's second choice (64 MiB, 3 passes) takes 140 ms, which a mail server pays too often (LIBRARIES §4.1)."""
    scram_iterations: int = 20_000
    """RFC 7677 §4 asks for at least 4,096.  The client pays these, at each login; a phone does 20,000 in some 20 ms."""
    scram_sha1: bool = False
    """Also keep keys for SCRAM-SHA-1, for old clients."""
    hash_threads: int = min(2, os.cpu_count() or 1)
    """Hashes running at once: each takes a core and 46 MiB."""
    hash_queue: int = 64
    """Checks waiting for a thread; beyond, the client is told to come again.  About 3 s of work for one thread."""
    cache_logins: int = 10_000
    """Logins remembered; some 300 octets each."""
    cache_s: float = 600.0
    """How long a checked login is remembered."""


def prepare(password: str) -> str:
    """The password as it is compared: RFC 8265 §4.2.2 (other spaces become a space, NFC).

    Raises FormatError for an empty one and for control characters, surrogates and unassigned code points.
    """
    if len(password) > PASSWORD_OCTETS or len(password.encode("utf-8", "surrogatepass")) > PASSWORD_OCTETS:
        raise LimitExceeded("password", PASSWORD_OCTETS, "password_octets")
    if password.isascii() and password.isprintable() and password:
        return password
    if not password.isascii():
        spaced = "".join([" " if unicodedata.category(char) == "Zs" else char for char in password])
        password = unicodedata.normalize("NFC", spaced)
    if not password:
        raise FormatError("password", 0, "empty")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in password):
        raise FormatError("password", -1, "RFC 8265 §4.2.1: control character")
    return password


def saslprep(text: str) -> str:
    """RFC 4013 §2, as SCRAM clients prepare (RFC 5802 §2.2); unlike ``prepare`` it is NFKC.  Raises FormatError."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        [" " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)]
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if any(_prohibited(char) for char in normal):
        raise FormatError("SASLprep string", -1, "RFC 4013 §2.3")
    right_to_left = any(stringprep.in_table_d1(char) for char in normal)
    if right_to_left and (
        any(stringprep.in_table_d2(char) for char in normal)
        or not (stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1]))
    ):
        raise FormatError("SASLprep string", -1, "RFC 3454 §6")
    return normal


_PROHIBITED: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def _prohibited(char: str) -> bool:
    return any(table(char) for table in _PROHIBITED)


def scram_keys(password: str, hash_name: str, salt: bytes, iterations: int) -> ScramKeys:
    """RFC 5802 §3: SaltedPassword → ClientKey → StoredKey, and ServerKey."""
    salted = hashlib.pbkdf2_hmac(hash_name, saslprep(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored_key = hashlib.new(hash_name, client_key).digest()
    return ScramKeys(salt, iterations, stored_key, hmac.digest(salted, b"Server Key", hash_name))


class Passwords:
    """Makes and checks records, in threads."""

    def __init__(self, settings: PasswordSettings = PasswordSettings(), clock: Clock | None = None) -> None:
        self.settings = settings
        self.hashes = 0
        """How many Argon2 computations were asked for."""
        self._pool = ThreadPoolExecutor(max(1, settings.hash_threads), "argon2")
        self._waiting = 0
        self._recent = RecentLogins(settings.cache_logins, settings.cache_s, clock or SystemClock())
        self._dummy: str | None = None

    async def record(self, password: str) -> CredentialRecord:
        """What to keep of a new password.  Raises FormatError for one that cannot be used."""
        prepared = prepare(password)
        try:
            saslprep(prepared)
        except FormatError:  # usable with every mechanism but SCRAM
            return CredentialRecord(await self._in_pool(self._argon2, prepared))
        return await self._in_pool(self._record, prepared)

    async def check(self, login: str, password: str, record: CredentialRecord | None) -> bool:
        """Whether this is the password.  Without a record (no such account) the same work is done for nothing.

        ``login`` only tells logins apart in the memory of recent ones.  Raises Throttled when too many wait.
        """
        try:
            prepared = prepare(password)
        except FormatError:
            prepared = ""  # nobody's password: an empty one is never kept
        dummy = await self._dummy_hash()  # made for known names too, or the first unknown one would take longer
        known = record.argon2 if record is not None else dummy
        remembered = self._recent.verdict(login, prepared, known)
        if remembered is not None:
            return remembered
        right = await self._in_pool(_verify, known, prepared) and record is not None and prepared != ""
        self._recent.remember(login, prepared, known, right)
        return right

    def guess(self, login: str, password: str) -> bytes:
        """A digest that is the same for the same name and password, in this process."""
        return self._recent.digest(login, password)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_pool(self, work: Callable[..., T], *given: str) -> T:
        if self._waiting >= self.settings.hash_queue + self.settings.hash_threads:
            raise Throttled("too many logins at once", retry_after_s=5.0)
        self._waiting += 1
        self.hashes += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
        finally:
            self._waiting -= 1

    def _argon2(self, prepared: str) -> str:
        settings = self.settings
        return hash_secret(
            prepared.encode(),
            secrets.token_bytes(SALT_OCTETS),
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
            hash_len=ARGON2_TAG_OCTETS,
            type=Type.ID,
        ).decode()

    def _record(self, prepared: str) -> CredentialRecord:
        settings = self.settings
        salt, rounds = secrets.token_bytes(SALT_OCTETS), settings.scram_iterations
        return CredentialRecord(
            self._argon2(prepared),
            scram_keys(prepared, "sha256", salt, rounds),
            scram_keys(prepared, "sha1", secrets.token_bytes(SALT_OCTETS), rounds) if settings.scram_sha1 else None,
        )

    async def _dummy_hash(self) -> str:
        """What unknown names are checked against, so that they take as long as known ones."""
        if self._dummy is None:
            self._dummy = await self._in_pool(self._argon2, secrets.token_hex())
        return self._dummy


def _verify(known: str, prepared: str) -> bool:
    try:
        return verify_secret(known.encode(), prepared.encode(), Type.ID)
    except (VerificationError, InvalidHashError, ValueError):
        return False


class RecentLogins:
    """The last right password and the last wrong ones of recent logins, as digests under a key of this process.

    An entry holds for one hash only: when the record changes, it is void.  A wrong password that is tried again
    and again (a phone with an old one) costs no hash either, and is not a new guess for the lockout.
    """

    WRONG_KEPT: Final = 4

    def __init__(self, logins: int, keep_s: float, clock: Clock) -> None:
        self._key = secrets.token_bytes(32)
        self._logins = logins
        self._keep_s = keep_s
        self._clock = clock
        self._entries: OrderedDict[bytes, _Recent] = OrderedDict()

    def verdict(self, login: str, password: str, known: str) -> bool | None:
        """Right, wrong, or not known any more."""
        entry = self._entries.get(self.digest(login))
        if entry is None or entry.known != known or entry.until < self._clock.monotonic():
            return None
        digest = self.digest(login, password)
        if entry.right is not None and hmac.compare_digest(entry.right, digest):
            return True
        return False if digest in entry.wrong else None

    def remember(self, login: str, password: str, known: str, right: bool) -> None:
        key, now = self.digest(login), self._clock.monotonic()
        entry = self._entries.pop(key, None)
        if entry is None or entry.known != known or entry.until < now:
            entry = _Recent(known, now + self._keep_s)
        digest = self.digest(login, password)
        if right:
            entry.right, entry.until = digest, now + self._keep_s
        else:
            entry.wrong = (digest, *entry.wrong)[: self.WRONG_KEPT]
        self._entries[key] = entry
        if len(self._entries) > self._logins:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)

    def digest(self, login: str, password: str = "") -> bytes:
        return hmac.digest(self._key, f"{login}\0{password}".encode("utf-8", "surrogatepass"), "sha256")


@dataclass(slots=True)
class _Recent:
    known: str
    until: float
    right: bytes | None = None
    wrong: tuple[bytes, ...] = ()
