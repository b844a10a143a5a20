"""What a shard does each minute: forget, trim, collect bodies, rewrite packs, copy the log.  STORAGE §3, "GC".

Each step is small (one chunk a call) and is a plan or job of the shard's committer, so it never overlaps a group.
Bodies: a blob goes when no ``obj`` names it and it was not used for a day; delivery of the same body renews
``touched`` in its own transaction.  Packs: one with too little in use is copied into the newest, its locators are
changed, and the file is unlinked only when readers had time to notice and no snapshot names it.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Final

from courriel.base.errors import Damaged
from courriel.model.ids import AccountId
from courriel.model.refusals import NoSuchMailbox
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.pack import HEADER, Place, pack_numbers, pack_path, unpack
from courriel.store.sqlite import viewload
from courriel.store.sqlite.connection import Row
from courriel.store.sqlite.shard import Shard
from courriel.store.sqlite.transaction import Transaction
from courriel.store.sqlite.view import SqliteView

FORGET_ROWS: Final = 2_000
"""Expunged messages let go of in one transaction (STORAGE §1: delete in chunks)."""

COLLECT_ROWS: Final = 20_000
"""Blobs looked at in one transaction; about 20 ms."""

SWEEP_S: Final = 3_600
"""A sweep over all blobs begins at most this often."""

COMPACT_OCTETS: Final = 16 << 20
"""Octets of a pack that are copied in one transaction."""

UNLINK_GRACE_S: Final = 300
"""A pack that nothing names any more stays this long, for readers that looked its name up before."""


class Upkeep:
    """The jobs of one shard, and where they stand."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._cursor = 0
        self._sweep_at = 0.0
        self._unused_since: dict[int, float] = {}
        self._wal_octets = 0

    async def run(self, now: float) -> None:
        """One round.  Raises Unavailable when the shard takes no changes."""
        submit = self._shard.committer.submit
        while await submit(partial(self._forget, now), heavy=True) == FORGET_ROWS:
            pass
        changed = self._shard.residents.take_changed()
        if changed:
            await submit(partial(self._trim, changed), heavy=True, keep=changed)
        if now >= self._sweep_at and await submit(partial(self._collect, now), heavy=True):
            self._sweep_at = now + SWEEP_S
            await self._compact(now)
        for view in self._shard.residents.idle_views():
            if viewload.needs_copy(view):
                await submit(partial(self._copy_view, view), heavy=True)
        await self._checkpoint()

    def _copy_view(self, view: SqliteView, transaction: Transaction) -> None:
        """Keep a view's arrays in the database, as committed before this group; see ``viewload.py``."""
        modseq = view.state.modseq
        if not view.gone and view.owner.mailboxes.get(view.mailbox) is view.state:
            transaction.connection.execute(
                "INSERT OR REPLACE INTO snap VALUES (?,?,?,?)",
                (view.account, view.mailbox, modseq, viewload.pack(view)),
            )
        view.copied_modseq = modseq

    def _forget(self, now: float, transaction: Transaction) -> int:
        """Let go of messages whose time to be restored is over."""
        execute = transaction.connection.execute
        rows: list[Row] = execute(
            "SELECT acct, coll, uid, id FROM expunged WHERE forget_at<=? LIMIT ?", (now, FORGET_ROWS)
        ).fetchall()
        transaction.connection.executemany(
            "DELETE FROM expunged WHERE acct=? AND coll=? AND uid=?", [row[:3] for row in rows]
        )
        objects = [(acct, id) for acct, _, _, id in rows]
        transaction.connection.executemany("DELETE FROM obj WHERE acct=? AND id=?", objects)
        transaction.connection.executemany("DELETE FROM origin WHERE acct=? AND id=?", objects)
        transaction.forgotten.extend(objects)
        return len(rows)

    def _trim(self, accounts: list[AccountId], transaction: Transaction) -> None:
        """Shorten journals and expunge records of accounts that changed; note from where on they are whole."""
        settings, execute = self._shard.settings, transaction.connection.execute
        for account in accounts:
            try:
                draft = transaction.account(account)
            except NoSuchMailbox:
                continue
            row = execute(
                "SELECT modseq FROM chg WHERE acct=? ORDER BY modseq DESC LIMIT 1 OFFSET ?",
                (account, settings.journal_rows),
            ).fetchone()
            if row:
                execute("DELETE FROM chg WHERE acct=? AND modseq<=?", (account, row[0]))
                draft.log_floor = row[0]
            for mailbox in draft.base.mailboxes:
                row = execute(
                    "SELECT modseq FROM gone WHERE acct=? AND coll=? ORDER BY modseq DESC LIMIT 1 OFFSET ?",
                    (account, mailbox, settings.vanished_rows),
                ).fetchone()
                if row:
                    execute("DELETE FROM gone WHERE acct=? AND coll=? AND modseq<=?", (account, mailbox, row[0]))
                    draft.mailbox(mailbox).gone_floor = row[0]

    def _collect(self, now: float, transaction: Transaction) -> bool:
        """Remove blobs nothing names, from where the last call ended; whether the end was reached.

        The newest stays: numbers are given on from it, and none may be given twice (the search index knows them).
        """
        execute = transaction.connection.execute
        bounds: list[Row] = execute(
            "SELECT max(id), count(*) FROM (SELECT id FROM blob WHERE id>? ORDER BY id LIMIT ?)",
            (self._cursor, COLLECT_ROWS),
        ).fetchall()
        [(last, count)] = bounds
        execute(
            "DELETE FROM blob WHERE id>? AND id<=? AND touched<?"
            " AND NOT EXISTS (SELECT 1 FROM obj WHERE obj.blob=blob.id) AND id<(SELECT max(id) FROM blob)",
            (self._cursor, last, now - self._shard.settings.blob_grace_s),
        )
        reached_end = count < COLLECT_ROWS
        self._cursor = 0 if reached_end else last
        return bool(reached_end)

    async def _compact(self, now: float) -> None:
        """Copy what is in use out of packs that are mostly not; unlink packs that are not used at all."""
        shard = self._shard
        live = await shard.committer.job(self._live_octets)
        named = self._named_by_snapshots()
        for pack, (size, used) in live.items():
            if pack == shard.current_pack:
                continue
            if used:
                self._unused_since.pop(pack, None)
                if used * 100 < size * shard.settings.pack_live_percent:
                    while await shard.committer.submit(partial(self._move_bodies, pack), heavy=True):
                        pass
                    self._unused_since[pack] = now
            elif now - self._unused_since.setdefault(pack, now) >= UNLINK_GRACE_S and pack not in named:
                shard.pack_reader.forget(pack)
                shard.files.unlink(pack_path(shard.packs_directory, pack))
                shard.files.fsync_directory(shard.packs_directory)
                del self._unused_since[pack]
        if self._unused_since:
            self._sweep_at = min(self._sweep_at, now + UNLINK_GRACE_S)

    def _live_octets(self) -> dict[int, tuple[int, int]]:
        """pack → (octets of the file, octets in use)."""
        shard = self._shard
        used = {
            pack: octets + count * HEADER.size
            for pack, octets, count in shard.connection.execute(
                "SELECT pack, sum(clen), count(*) FROM blob WHERE pack IS NOT NULL GROUP BY pack"
            )
        }
        sizes = {}
        for pack in pack_numbers(shard.files, shard.packs_directory):
            fd = shard.files.open_read(pack_path(shard.packs_directory, pack))
            sizes[pack] = shard.files.size(fd)
            shard.files.close(fd)
        return {pack: (size, used.get(pack, 0)) for pack, size in sizes.items()}

    def _named_by_snapshots(self) -> set[int]:
        shard, named = self._shard, set[int]()
        directory = f"{shard.directory}/snapshots"
        for name in shard.files.names(directory):
            if name.startswith(f"shard-{shard.number}-") and name.endswith(".json"):
                fd = shard.files.open_read(f"{directory}/{name}")
                named.update(json.loads(shard.files.read(fd, shard.files.size(fd), 0))["packs"])
                shard.files.close(fd)
        return named

    def _move_bodies(self, pack: int, transaction: Transaction) -> int:
        """Copy some bodies of ``pack`` into the newest one; returns how many.  Damaged ones stay where they are."""
        codec, bodies, octets = Codec(), list[tuple[int, bytes, bytes]](), 0
        rows = transaction.connection.execute("SELECT id, hash, off, clen, codec FROM blob WHERE pack=?", (pack,))
        for id, hash, offset, length, how in rows:
            try:
                body = unpack(self._shard.pack_reader.record(Place(pack, offset, length, how)), codec, hash)
            except Damaged:
                continue
            bodies.append((id, hash, body))
            octets += len(body)
            if octets >= COMPACT_OCTETS:
                break
        rows.close()
        if bodies:
            places = self._shard.write_bodies([(hash, body) for _, hash, body in bodies])
            transaction.connection.executemany(
                "UPDATE blob SET pack=?, off=?, clen=?, codec=? WHERE id=? AND pack=?",
                [
                    (place.pack, place.offset, place.length, place.codec, id, pack)
                    for (id, _, _), place in zip(bodies, places, strict=True)
                ],
            )
        return len(bodies)

    async def _checkpoint(self) -> None:
        """When nothing was written since the last round: bring the log into the database and empty it."""
        shard = self._shard
        if shard.wal_octets and shard.wal_octets == self._wal_octets:
            await shard.committer.job(partial(shard.checkpoint, True))
        self._wal_octets = shard.wal_octets
