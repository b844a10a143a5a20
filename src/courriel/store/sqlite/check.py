"""``courriel check``: what is derived against what is true, and putting it right.  ARCHITECTURE §4.

The truth is: ``member`` and ``expunged`` say which messages there are, ``obj`` and ``blob`` what they hold, packs
their octets.  Derived: counters, quota, UIDNEXT, HIGHESTMODSEQ, the accounts' numbers, locators, the journal.
Each check finds one kind of damage, and says what it did or that it could do nothing.  Runs on a connection that
nobody else uses meanwhile; all repairs of one run are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

import apsw
import msgspec

from courriel.base.errors import Damaged
from courriel.store.blobs.codec import Codec
from courriel.store.blobs.files import Files
from courriel.store.blobs.pack import PackReader, PackRecord, Place, pack_numbers, scan, unpack


class Finding(msgspec.Struct, frozen=True):
    """One damage.  ``repaired``: it was put right; ``lost``: what it held cannot be had back."""

    kind: str
    detail: str
    repaired: bool = False
    lost: bool = False


class Report(msgspec.Struct, frozen=True):
    """What a check found; nothing when all is well."""

    findings: tuple[Finding, ...]
    messages: int
    bodies: int

    @property
    def is_clean(self) -> bool:
        return not self.findings

    @property
    def is_whole(self) -> bool:
        """Clean, or everything found was put right without loss."""
        return all(finding.repaired and not finding.lost for finding in self.findings)


Rule = tuple[str, str, str, str]
"""Kind, a query for what is wrong (first column: detail), statement that repairs all of it, in SQL."""

COUNTERS: Final[tuple[Rule, ...]] = (
    (
        "mailbox of no account",
        "SELECT 'account ' || acct || ' mailbox ' || coll FROM coll WHERE acct NOT IN (SELECT acct FROM account)",
        "INSERT INTO account SELECT acct, max(modseq), max(uidvalidity)+1, 0, 0, 0, 0, 0 FROM coll"
        " WHERE acct NOT IN (SELECT acct FROM account) GROUP BY acct",
        "",
    ),
    (
        "message in no mailbox",
        "SELECT 'account ' || acct || ' mailbox ' || coll || ' uid ' || uid FROM member m WHERE NOT EXISTS"
        " (SELECT 1 FROM coll c WHERE c.acct=m.acct AND c.coll=m.coll)",
        # Restorable from now on: the person decides.
        "INSERT OR IGNORE INTO expunged SELECT acct, coll, uid, id, modseq, flags, 'INBOX', :now, :forget FROM member m"
        " WHERE NOT EXISTS (SELECT 1 FROM coll c WHERE c.acct=m.acct AND c.coll=m.coll)",
        "DELETE FROM member AS m WHERE NOT EXISTS (SELECT 1 FROM coll c WHERE c.acct=m.acct AND c.coll=m.coll)",
    ),
    (
        "message without its facts",
        "SELECT 'account ' || acct || ' mailbox ' || coll || ' uid ' || uid FROM member m WHERE NOT EXISTS"
        " (SELECT 1 FROM obj o WHERE o.acct=m.acct AND o.id=m.id)",
        "DELETE FROM member AS m WHERE NOT EXISTS (SELECT 1 FROM obj o WHERE o.acct=m.acct AND o.id=m.id)",
        "",
    ),
    (
        "restorable message without its facts",
        "SELECT 'account ' || acct || ' mailbox ' || coll || ' uid ' || uid FROM expunged e WHERE NOT EXISTS"
        " (SELECT 1 FROM obj o WHERE o.acct=e.acct AND o.id=e.id)",
        "DELETE FROM expunged AS e WHERE NOT EXISTS (SELECT 1 FROM obj o WHERE o.acct=e.acct AND o.id=e.id)",
        "",
    ),
    (
        "facts of no message",
        "SELECT 'account ' || acct || ' message ' || id FROM obj o WHERE (acct, id) NOT IN"
        " (SELECT acct, id FROM member UNION ALL SELECT acct, id FROM expunged)",
        "DELETE FROM obj WHERE (acct, id) NOT IN (SELECT acct, id FROM member UNION ALL SELECT acct, id FROM expunged)",
        "",
    ),
    (
        "annotation of no mailbox",
        "SELECT 'account ' || acct || ' mailbox ' || coll || ' ' || entry FROM annot a WHERE coll<>0 AND NOT EXISTS"
        " (SELECT 1 FROM coll c WHERE c.acct=a.acct AND c.coll=a.coll)",
        "DELETE FROM annot AS a WHERE coll<>0 AND NOT EXISTS"
        " (SELECT 1 FROM coll c WHERE c.acct=a.acct AND c.coll=a.coll)",
        "",
    ),
    (
        "origin of no message",
        "SELECT 'account ' || acct || ' message ' || id FROM origin c WHERE NOT EXISTS"
        " (SELECT 1 FROM obj o WHERE o.acct=c.acct AND o.id=c.id)",
        "DELETE FROM origin AS c WHERE NOT EXISTS (SELECT 1 FROM obj o WHERE o.acct=c.acct AND o.id=c.id)",
        "",
    ),
    (
        "wrong size of a message",
        "SELECT 'account ' || m.acct || ' mailbox ' || m.coll || ' uid ' || m.uid FROM member m"
        " JOIN obj o ON o.acct=m.acct AND o.id=m.id JOIN blob b ON b.id=o.blob"
        " WHERE m.size<>b.size+length(o.prefix) OR o.size<>b.size+length(o.prefix)",
        "UPDATE obj SET size=(SELECT b.size FROM blob b WHERE b.id=obj.blob)+length(prefix)"
        " WHERE EXISTS (SELECT 1 FROM blob b WHERE b.id=obj.blob AND obj.size<>b.size+length(obj.prefix))",
        "UPDATE member SET size=(SELECT o.size FROM obj o WHERE o.acct=member.acct AND o.id=member.id) WHERE size<>"
        "(SELECT o.size FROM obj o WHERE o.acct=member.acct AND o.id=member.id)",
    ),
    (
        "wrong counters of a mailbox",
        "SELECT 'account ' || c.acct || ' mailbox ' || c.coll FROM coll c LEFT JOIN"
        " (SELECT acct, coll, count(*) n, sum(size) s, sum(flags & 1 = 0) u, sum(flags & 8 <> 0) d FROM member"
        " GROUP BY acct, coll) m ON m.acct=c.acct AND m.coll=c.coll WHERE (c.total, c.octets, c.unseen, c.deleted)"
        " IS NOT (coalesce(n,0), coalesce(s,0), coalesce(u,0), coalesce(d,0))",
        "UPDATE coll SET (total, octets, unseen, deleted) = (SELECT count(*), coalesce(sum(size),0),"
        " coalesce(sum(flags & 1 = 0),0), coalesce(sum(flags & 8 <> 0),0) FROM member m"
        " WHERE m.acct=coll.acct AND m.coll=coll.coll)",
        "",
    ),
    (
        "UIDNEXT too low",
        "SELECT 'account ' || acct || ' mailbox ' || coll FROM coll c WHERE uidnext <= max("
        " coalesce((SELECT max(uid) FROM member m WHERE m.acct=c.acct AND m.coll=c.coll),0),"
        " coalesce((SELECT max(uid) FROM expunged e WHERE e.acct=c.acct AND e.coll=c.coll),0))",
        "UPDATE coll SET uidnext=max(uidnext,"
        " 1+coalesce((SELECT max(uid) FROM member m WHERE m.acct=coll.acct AND m.coll=coll.coll),0),"
        " 1+coalesce((SELECT max(uid) FROM expunged e WHERE e.acct=coll.acct AND e.coll=coll.coll),0))",
        "",
    ),
    (
        "HIGHESTMODSEQ too low",
        "SELECT 'account ' || acct || ' mailbox ' || coll FROM coll c WHERE modseq < max("
        " coalesce((SELECT max(modseq) FROM member m WHERE m.acct=c.acct AND m.coll=c.coll),0),"
        " coalesce((SELECT max(modseq) FROM gone g WHERE g.acct=c.acct AND g.coll=c.coll),0))",
        "UPDATE coll SET modseq=max(modseq,"
        " coalesce((SELECT max(modseq) FROM member m WHERE m.acct=coll.acct AND m.coll=coll.coll),0),"
        " coalesce((SELECT max(modseq) FROM gone g WHERE g.acct=coll.acct AND g.coll=coll.coll),0))",
        "",
    ),
    (
        "number of an account too low",
        "SELECT 'account ' || acct FROM account a WHERE counter < max("
        " coalesce((SELECT max(max(modseq), max(coll)) FROM coll c WHERE c.acct=a.acct),0),"
        " coalesce((SELECT max(id) FROM obj o WHERE o.acct=a.acct),0),"
        " coalesce((SELECT max(modseq) FROM chg g WHERE g.acct=a.acct),0))",
        "UPDATE account SET counter=max(counter,"
        " coalesce((SELECT max(max(modseq), max(coll)) FROM coll c WHERE c.acct=account.acct),0),"
        " coalesce((SELECT max(id) FROM obj o WHERE o.acct=account.acct),0),"
        " coalesce((SELECT max(modseq) FROM chg g WHERE g.acct=account.acct),0))",
        "",
    ),
    (
        "UIDVALIDITY could be given twice",
        "SELECT 'account ' || acct FROM account a WHERE uidv_next <="
        " coalesce((SELECT max(uidvalidity) FROM coll c WHERE c.acct=a.acct),0)",
        "UPDATE account SET uidv_next=max(uidv_next,"
        " 1+coalesce((SELECT max(uidvalidity) FROM coll c WHERE c.acct=account.acct),0))",
        "",
    ),
    (
        "wrong use of space",
        "SELECT 'account ' || a.acct FROM account a LEFT JOIN (SELECT acct, count(*) n, sum(size) s FROM member"
        " GROUP BY acct) m ON m.acct=a.acct WHERE (a.octets, a.messages) IS NOT (coalesce(s,0), coalesce(n,0))",
        "UPDATE account SET (octets, messages) = (SELECT coalesce(sum(size),0), count(*) FROM member m"
        " WHERE m.acct=account.acct)",
        "",
    ),
    (
        "mailbox below none",
        "SELECT 'account ' || acct || ' mailbox ' || coll FROM coll c WHERE parent<>0 AND NOT EXISTS"
        " (SELECT 1 FROM coll p WHERE p.acct=c.acct AND p.coll=c.parent)",
        "UPDATE OR REPLACE coll SET parent=0, name=name || '-' || coll WHERE parent<>0 AND NOT EXISTS"
        " (SELECT 1 FROM coll p WHERE p.acct=coll.acct AND p.coll=coll.parent)",
        "",
    ),
    (
        "rights on no mailbox",
        "SELECT 'account ' || acct || ' mailbox ' || coll || ' for ' || who FROM acl r WHERE NOT EXISTS"
        " (SELECT 1 FROM coll c WHERE c.acct=r.acct AND c.coll=r.coll)",
        "DELETE FROM acl AS r WHERE NOT EXISTS (SELECT 1 FROM coll c WHERE c.acct=r.acct AND c.coll=r.coll)",
        "",
    ),
    (
        "journal does not reach a change",
        "SELECT 'account ' || a.acct FROM account a WHERE (SELECT max(modseq) FROM member m WHERE m.acct=a.acct) >"
        " max(a.log_floor, coalesce((SELECT max(modseq) FROM chg g WHERE g.acct=a.acct),0))",
        # Followers are sent to compare everything, which is always right.
        "UPDATE account SET log_floor=counter WHERE (SELECT max(modseq) FROM member m WHERE m.acct=account.acct) >"
        " max(log_floor, coalesce((SELECT max(modseq) FROM chg g WHERE g.acct=account.acct),0))",
        "",
    ),
)

LOSING: Final = frozenset({"message without its facts", "restorable message without its facts"})
"""Damage whose repair lets go of what cannot be had back."""


def check_shard(
    connection: apsw.Connection, files: Files, packs_directory: str, now: float, retention_s: float, repair: bool
) -> Report:
    """Check everything of one shard; every body is read."""
    findings: list[Finding] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        findings.extend(_structure(connection))
        findings.extend(_bodies(connection, files, packs_directory, repair))
        forget = {"now": now, "forget": now + retention_s}
        for rule in COUNTERS:
            findings.extend(_apply(connection, rule, forget, repair))
        if repair and findings:
            connection.execute("DELETE FROM snap")
        messages = _count(connection, "member")
        bodies = _count(connection, "blob")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return Report(tuple(findings), messages, bodies)


def _count(connection: apsw.Connection, table: str) -> int:
    row: tuple[Any, ...] | None = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return 0 if row is None else int(row[0])


def _structure(connection: apsw.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute("PRAGMA quick_check"):
        if line != "ok":
            yield Finding("database structure", str(line), lost=True)


def _apply(connection: apsw.Connection, rule: Rule, bindings: dict[str, float], repair: bool) -> list[Finding]:
    kind, query, *statements = rule
    found = [str(detail) for (detail,) in connection.execute(query)]
    if found and repair:
        for statement in filter(None, statements):
            connection.execute(statement, bindings if ":now" in statement else None)
    return [Finding(kind, detail, repair, kind in LOSING) for detail in found]


def _bodies(connection: apsw.Connection, files: Files, directory: str, repair: bool) -> Iterator[Finding]:
    """Read every body; one that is not where it should be is looked for in all packs."""
    packs, codec = PackReader(files, directory), Codec()
    find = _Finder(files, directory)
    try:
        missing = connection.execute(
            "SELECT acct, id FROM obj WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id=obj.blob)"
        ).fetchall()
        faulty: list[tuple[int, bytes, str]] = []
        for id, hash, size, pack, offset, length, how, data in connection.execute(
            "SELECT id, hash, size, pack, off, clen, codec, data FROM blob"
        ):
            fault = _fault(packs, codec, hash, size, None if pack is None else Place(pack, offset, length, how), data)
            if fault:
                faulty.append((id, hash, fault))
        for id, hash, fault in faulty:
            place = find(hash)
            if place is not None and repair:
                connection.execute(
                    "UPDATE blob SET pack=?, off=?, clen=?, codec=?, data=NULL WHERE id=?",
                    (place.pack, place.offset, place.length, place.codec, id),
                )
            yield Finding("body", f"blob {id}: {fault}", repair and place is not None, place is None)
    finally:
        packs.close()
    for account, message in missing:
        yield Finding("message without its body", f"account {account} message {message}", False, True)


def _fault(packs: PackReader, codec: Codec, hash: bytes, size: int, place: Place | None, data: bytes | None) -> str:
    """What is wrong with a body, empty when nothing is."""
    if place is None:
        intact = data is not None and len(data) == size and sha256(data).digest() == hash
        return "" if intact else "fails its checksum"
    try:
        return "" if len(unpack(packs.record(place), codec, hash)) == size else "has the wrong size"
    except (Damaged, OSError) as error:
        return str(error)


class _Finder:
    """Finds intact records by hash; reads the packs once, and only when something is missing."""

    def __init__(self, files: Files, directory: str) -> None:
        self._scan: Callable[[], Iterator[PackRecord]] = lambda: (
            record for pack in pack_numbers(files, directory) for record in scan(files, directory, pack)
        )
        self._places: dict[bytes, Place] | None = None

    def __call__(self, hash: bytes) -> Place | None:
        if self._places is None:
            self._places = {record.hash: record.place for record in self._scan() if record.intact}
        return self._places.get(hash)
