"""A view loaded from its copy is the view loaded from the table, whatever happened since the copy was made."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courriel.base.errors import Damaged
from courriel.model.flags import FLAGGED, SEEN, FlagAction, FlagChange
from courriel.store.sqlite import viewload
from courriel.store.sqlite.store import SqliteStore
from courriel.store.sqlite.view import SqliteView
from tests.store.conftest import ALICE, Bench, inbox, letter


def arrays(view: object) -> list[list[int]]:
    assert isinstance(view, SqliteView)
    return [list(values) for values in (view.uids, view.ids, view.modseqs, view.flags, view.sizes)]


async def change(store: SqliteStore, box: int, steps: list[int], rng: random.Random) -> None:
    for step in steps:
        view = await store.view(ALICE, box)  # type: ignore[arg-type]
        some = rng.sample(list(view.uids), min(len(view.uids), 3))
        if step == 0:
            await store.append([letter(box, str(n)) for n in range(3)])  # type: ignore[arg-type]
        elif step == 1:
            await store.expunge(ALICE, box, some)  # type: ignore[arg-type]
        elif step == 2:
            await store.change_flags(ALICE, box, some, FlagChange(FlagAction.ADD, SEEN | FLAGGED))  # type: ignore[arg-type]
        else:
            await store.move(ALICE, box, some, box)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 3), max_size=6), st.lists(st.integers(0, 3), max_size=6), st.integers())
@settings(max_examples=25, deadline=None)
def test_copy_and_changes_since(before: list[int], since: list[int], seed: int) -> None:
    import asyncio

    async def run(directory: Path) -> None:
        bench, rng = Bench(directory), random.Random(seed)
        store = await bench.open()
        box = await inbox(store)
        await store.append([letter(box, str(n)) for n in range(8)])
        await change(store, box, before, rng)
        await store.view(ALICE, box)
        await store.maintain(bench.clock.now())
        assert store.shards[0].source().execute("SELECT count(*) FROM snap").fetchall() == [(1,)]
        await change(store, box, since, rng)
        kept = arrays(await store.view(ALICE, box))
        await store.close()
        again = await bench.open()
        view = await again.view(ALICE, box)
        assert arrays(view) == kept
        assert isinstance(view, SqliteView) and view.copied_modseq > 0, "it came from the copy"
        await again.close()

    patch = pytest.MonkeyPatch()
    patch.setattr(viewload, "COPY_MESSAGES", 0)
    patch.setattr(viewload, "COPY_CHANGES", 10**6)
    try:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(run(Path(directory)))
    finally:
        patch.undo()


@pytest.mark.parametrize("total", [0, 1, viewload.ROWS_MESSAGES, viewload.ROWS_MESSAGES + 1])
async def test_rows_and_json_give_the_same(bench: Bench, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await bench.open()
    box = await inbox(store)
    await store.append([letter(box, str(n)) for n in range(total)])
    view = await store.view(ALICE, box)
    assert isinstance(view, SqliteView)
    connection = store.shards[0].source()
    first = viewload.from_table(connection, view)
    monkeypatch.setattr(viewload, "ROWS_MESSAGES", -1 if total <= viewload.ROWS_MESSAGES else total)
    assert viewload.from_table(connection, view) == first
    assert [list(values) for values in first] == arrays(view)


CUT = viewload.zstandard.compress(b"\x05\0\0\0" + random.Random(1).randbytes(160))[:-40]


@pytest.mark.parametrize("data", [b"", b"nothing", viewload.zstandard.compress(b"\x05\x00\x00\x00abc"), CUT])
def test_a_damaged_copy_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        viewload.unpack(data)
