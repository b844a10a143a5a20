"""``check``: each kind of damage is found, and repaired where that can be."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from courriel.base.errors import Damaged, Unavailable
from courriel.model.flags import DELETED, SEEN, FlagAction, FlagChange
from courriel.model.rights import READ, RightsChange
from courriel.store.blobs.files import SystemFiles
from courriel.store.sqlite.migrations import STEPS, migrate
from courriel.store.sqlite.snapshot import roll_back, take_snapshot
from tests.store.conftest import ALICE, Bench, inbox, letter

DAMAGE = [
    ("wrong counters of a mailbox", "UPDATE coll SET total=total+1"),
    ("wrong counters of a mailbox", "UPDATE coll SET unseen=0, deleted=9"),
    ("wrong counters of a mailbox", "UPDATE coll SET octets=octets-1"),
    ("UIDNEXT too low", "UPDATE coll SET uidnext=2"),
    ("HIGHESTMODSEQ too low", "UPDATE coll SET modseq=1 WHERE total>0"),
    ("number of an account too low", "UPDATE account SET counter=3"),
    ("UIDVALIDITY could be given twice", "UPDATE account SET uidv_next=1"),
    ("wrong use of space", "UPDATE account SET octets=octets+7"),
    ("wrong use of space", "UPDATE account SET messages=0"),
    ("wrong size of a message", "UPDATE member SET size=1 WHERE uid=1"),
    ("wrong size of a message", "UPDATE obj SET size=1 WHERE id=(SELECT min(id) FROM obj)"),
    ("origin of no message", "INSERT INTO origin VALUES (1, 999999, 3)"),
    ("rights on no mailbox", "INSERT INTO acl VALUES (1, 999999, 'anyone', 'lr')"),
    ("message in no mailbox", "UPDATE member SET coll=999999 WHERE uid=2"),
    ("annotation of no mailbox", "INSERT INTO annot VALUES (1, 999999, 0, '/shared/comment', 1, x'78')"),
    ("mailbox below none", "UPDATE coll SET parent=424242 WHERE name='Sent'"),
    ("mailbox of no account", "UPDATE account SET acct=77"),
    ("facts of no message", "DELETE FROM member WHERE uid=3"),
    ("restorable message without its facts", "DELETE FROM obj WHERE id IN (SELECT id FROM expunged)"),
    ("message without its facts", "DELETE FROM obj WHERE id=(SELECT id FROM member WHERE uid=1)"),
    ("journal does not reach a change", "DELETE FROM chg"),
    ("body", "UPDATE blob SET off=off+1 WHERE pack IS NOT NULL"),
    ("body", "UPDATE blob SET pack=99 WHERE pack IS NOT NULL"),
    ("body", "UPDATE blob SET data=x'00' WHERE pack IS NULL AND id=1"),
    ("message without its body", "DELETE FROM blob WHERE id=2"),
]

LOST = {"restorable message without its facts", "message without its facts", "message without its body"}


async def build(bench: Bench) -> None:
    store = await bench.open()
    box = await inbox(store)
    await store.append([letter(box, str(n), size=9000 * (n % 2)) for n in range(6)])
    await store.change_flags(ALICE, box, [1, 2], FlagChange(FlagAction.ADD, SEEN | DELETED))
    await store.expunge(ALICE, box, [5])
    assert (await store.check()).is_clean
    await store.close()


def harm(bench: Bench, statement: str) -> None:
    connection = apsw.Connection(str(bench.directory / "store" / "shard-0.db"))
    connection.execute(statement)
    assert connection.changes() > 0
    connection.close()


@pytest.mark.parametrize(("kind", "statement"), DAMAGE)
async def test_damage_is_found_and_repaired(bench: Bench, kind: str, statement: str) -> None:
    await build(bench)
    harm(bench, statement)
    store = await bench.open()
    found = await store.check()
    assert kind in {finding.kind for finding in found.findings}
    assert not any(finding.repaired for finding in found.findings)
    repaired = await store.check(repair=True)
    lost = "data=x'00'" in statement or kind in LOST
    assert repaired.is_whole is not lost
    left = {finding.kind for finding in (await store.check()).findings}
    assert left == ({kind} if kind in ("message without its body",) or "data=x'00'" in statement else set())


async def test_origins_go_with_the_copies(bench: Bench) -> None:
    await build(bench)
    store = await bench.open()
    box = (await store.mailbox(ALICE, "INBOX")).id
    await store.copy(ALICE, box, [3, 4], box)
    await store.expunge(ALICE, box, [3, 7])
    bench.clock.advance(60 * 86_400.0)
    await store.maintain(bench.clock.now())
    assert (await store.check()).is_clean
    await store.close()
    connection = apsw.Connection(str(bench.directory / "store" / "shard-0.db"))
    assert len(connection.execute("SELECT * FROM origin").fetchall()) == 1
    connection.close()


async def test_a_repair_shows_at_once(bench: Bench) -> None:
    await build(bench)
    harm(bench, "UPDATE coll SET total=77, unseen=99")
    store = await bench.open()
    view = await store.view(ALICE, (await store.mailbox(ALICE, "INBOX")).id)
    await store.check(repair=True)
    assert view.position == 1, "open sessions are ended"
    assert {(box.path, box.total, box.unseen) for box in await store.mailboxes(ALICE) if box.total} == {("INBOX", 5, 3)}


async def test_the_structure_of_the_file_is_checked(bench: Bench) -> None:
    await build(bench)
    path = bench.directory / "store" / "shard-0.db"
    octets = bytearray(path.read_bytes())
    connection = apsw.Connection(str(path))
    [(page,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name='expunged_forget'").fetchall()
    connection.close()
    octets[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(octets)
    store = await bench.open()
    assert "database structure" in {finding.kind for finding in (await store.check()).findings}


def test_migrations_are_numbered_and_leave_a_way_back(tmp_path: Path) -> None:
    place = tmp_path / "store"
    place.mkdir()
    path = place / "shard-0.db"
    before: list[int] = []

    def copy(version: int) -> None:
        before.append(version)
        (place / "snapshots").mkdir()
        connection.execute("VACUUM INTO ?", (str(place / "snapshots" / f"shard-0-v{version}.db"),))

    connection = apsw.Connection(str(path))
    migrate(connection, copy)
    assert before == [], "a new file holds nothing to lose"
    connection.execute("INSERT INTO meta VALUES ('kept', 1)")
    more = (*STEPS, lambda c: c.execute("CREATE TABLE later (x)") and None)
    migrate(connection, copy, more)
    assert before == [len(STEPS)] and connection.pragma("user_version") == len(more)
    with pytest.raises(Damaged, match=f"schema {len(more)}"):
        migrate(connection, copy)
    connection.close()
    assert roll_back(SystemFiles(), str(place), 0) == len(STEPS)
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == len(STEPS)
    assert connection.execute("SELECT value FROM meta WHERE name='kept'").fetchall() == [(1,)]
    connection.close()


async def test_a_file_of_the_first_schema_opens_and_can_be_shared_and_annotated(bench: Bench) -> None:
    """Version 0.1 wrote it; the copy from before is kept."""
    await build(bench)
    since = "DROP TABLE acl; DROP TABLE annot; DROP TABLE origin; PRAGMA user_version=1"
    harm(bench, f"{since}; UPDATE meta SET value=1 WHERE name='closed'")
    store = await bench.open()
    inbox = await store.mailbox(ALICE, "INBOX")
    assert inbox.total == 5 and inbox.acl == {}
    await store.change_rights(ALICE, inbox.id, "anyone", RightsChange(0, READ))
    assert await store.set_metadata(ALICE, inbox.id, ALICE, {"/shared/comment": b"new"})
    await store.close()
    store = await bench.open()
    assert dict((await store.mailbox(ALICE, "INBOX")).acl) == {"anyone": READ}
    assert (await store.check()).is_clean
    assert (bench.directory / "store" / "snapshots" / "shard-0-v1.db").exists()


def test_a_failed_step_changes_nothing(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "a.db"))
    migrate(connection, lambda _: None)

    def bad(c: apsw.Connection) -> None:
        c.execute("CREATE TABLE half (x)")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        migrate(connection, lambda _: None, (*STEPS, bad))
    assert connection.pragma("user_version") == len(STEPS)
    assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name='half'").fetchall()


async def test_a_snapshot_holds_everything_and_names_its_packs(bench: Bench) -> None:
    await build(bench)
    store = await bench.open()
    before = [(box.path, box.total, box.modseq) for box in await store.mailboxes(ALICE)]
    take_snapshot(store.shards[0], 1)
    await store.append([letter((await store.mailbox(ALICE, "INBOX")).id, "after")])
    await store.close()
    place = bench.directory / "store"
    assert '"packs": [1]' in (place / "snapshots" / "shard-0-v1.json").read_text()
    assert roll_back(SystemFiles(), str(place), 0) == 1
    store = await bench.open()
    assert [(path, total) for path, total, _ in before] == [(b.path, b.total) for b in await store.mailboxes(ALICE)]
    assert (await store.check()).is_clean


async def test_without_a_snapshot_there_is_no_way_back(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no snapshot"):
        roll_back(SystemFiles(), str(tmp_path), 0)
