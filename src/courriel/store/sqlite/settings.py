"""Limits and habits of the embedded store; each with its unit, its default and where that comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20
DAY_S: Final = 86_400


def default_shards() -> int:
    """One file per core up to eight; one where the process has at most two cores (STORAGE §5)."""
    cores = os.cpu_count() or 1
    return 1 if cores <= 2 else min(8, cores)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of ``SqliteStore``."""

    shards: int = 0
    """Number of shard files to begin with; 0: ``default_shards()``.  Existing ones are always used."""
    flag_sync_ms: int = 1000
    """Flag changes reach the disk within this time; 0: the answer waits for the disk (PERFORMANCE, "Decided")."""
    group_items: int = 500
    """Most items in one transaction (STORAGE §5)."""
    waiting_items: int = 5_000
    """Most items waiting for a shard; beyond: TryLater.  Ten full groups, some seconds of work."""
    inline_commit_us: int = 400
    """A lone small item is made durable on the loop while that takes less than this: a sync of the redo log takes 30 to
    150 µs on a good disk, a hop to the thread and back 40 µs and 60 µs of processor time.  On a disk that takes longer
    the hop costs less than a tenth, and waiting on the loop would stop every session (PERFORMANCE §3: inline when one
    message waits)."""
    row_octets: int = 4096
    """Bodies shorter than this stay in the database row (STORAGE §4: packs pay from 4 KB up)."""
    pack_octets: int = 128 * MIB
    """A pack is sealed when it has grown to this (STORAGE §3: 64–256 MB)."""
    redo_rows: int = 2_000
    """A group that writes more rows than this is committed instead of going to the redo log: it fills pages of its own,
    and the log would only write them once more.  Some 280 messages."""
    settle_octets: int = 4 * MIB
    """The open transaction is committed when its groups are this large in the redo log: some 700 messages of 4 KB, a
    commit of 10 ms, 50 ms to replay.  With a quarter of it, spread over 100 accounts, the disk gets 16 KB a message
    instead of 10."""
    settle_ms: int = 1_000
    """The open transaction is committed after this time."""
    checkpoint_octets: int = 16 * MIB
    """The write-ahead log is copied into the database when it has grown to this (STORAGE §5)."""
    body_cache_octets: int = 64 * MIB
    """Octets of recently read messages kept in memory."""
    column_cache_octets: int = 192 * MIB
    """Octets of envelopes, structures and other columns kept in memory for all views together: two mailboxes of
    100,000 messages."""
    idle_views: int = 64
    """Views kept although nobody watches them."""
    idle_accounts: int = 10_000
    """Accounts whose mailbox list is kept in memory; about 2 KB each."""
    view_changes: int = 1024
    """Changes a view remembers; a session further behind compares arrays."""
    retention_days: int = 30
    """Days an expunged message can be restored."""
    journal_rows: int = 10_000
    """Journal rows kept per account (STORAGE §3)."""
    vanished_rows: int = 5_000
    """Expunge records kept per mailbox for QRESYNC."""
    blob_grace_s: int = DAY_S
    """An unused body is removed this long after its last use (STORAGE §3, GC)."""
    pack_live_percent: int = 60
    """A sealed pack with less of its octets in use is rewritten (STORAGE §3)."""
