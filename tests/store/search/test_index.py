"""The index against reading everything."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courriel.formats.folding import fold
from courriel.ports.index import Place
from courriel.store.memory.index import MemoryIndex
from courriel.store.search import located
from courriel.store.search.located import TRACE_BLOCKS
from courriel.store.search.shelf import FAN, chain, names
from tests.store.search.library import ALICE, Library

LETTER = "From: %s\r\nSubject: %s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n"
PREFIX = b"Return-Path: <%b@elsewhere.example>\r\nReceived: from relay.example\r\n\tby here; today\r\n"


def letter(text: str, subject: str = "hello", sender: str = "bob@example.org") -> bytes:
    return (LETTER % (sender, subject, text)).encode()


async def compare(library: Library, place: Place, text: str) -> tuple[set[int], set[int]]:
    """Hits and doubts, which are what reading every message says."""
    view = await library.view()
    found = await library.index.find(view, place, text)
    present = set(view.uids)
    truth = (await MemoryIndex(library.store).find(view, place, text)).hits
    hits, doubts = found.hits & present, found.doubts & present
    assert hits <= truth, (place, text)
    assert truth <= hits | doubts, (place, text)
    return hits, doubts


async def opened(directory: Path) -> Library:
    return await Library(directory).open()


LANGUAGES = [
    ("Votre facture d'électricité", ["facture", "électri", "d'é", "ÉLECTRICITÉ", "electr"]),
    ("請求書をお送りします。よろしく", ["請求", "書", "します。よ", "送"]),
    ("الفاتورة المرفقة", ["فاتورة", "ال", "الفاتورة المرفقة"]),
    ("ใบแจ้งหนี้ค้างชำระ", ["แจ้ง", "หนี้", "ค้างชำระ"]),
    ("Straße und Maß", ["strasse", "STRASSE", "ß", "maß"]),
    ("a-b c/d 10.5 %", ["a-b", "/d 1", "10.5", "%", " ", "x"]),
    ("x" * 100 + "needle" + "y" * 100, ["xneedley", "x" * 60, "x" * 20 + "needle" + "y" * 20, "needlex"]),
]


async def test_words_of_all_languages(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(*[letter(text) for text, _ in LANGUAGES])
    await library.feed()
    for text, wanted in LANGUAGES:
        for one in wanted:
            for place in Place:
                hits, doubts = await compare(library, place, fold(one))
                assert place is not Place.BODY or (fold(one) not in fold(text)) or hits | doubts
    await library.close()


LOOSE = ["resume", "RÉSUMÉ", "facturés janvier", "oeuvre", "électricité", "請求", "xxxx", "needle", "bills", "e", "--"]


async def test_loose_words_are_those_of_reading(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    texts = [
        "Résumé de la facturation, janvier",
        "facture",
        "re\u0301sume\u0301",
        "œuvres",
        "a bill",
        "billing january",
    ]
    await library.put(*[letter(text) for text in texts], *[letter(text, subject=text) for text, _ in LANGUAGES])
    await library.feed()
    view = await library.view()
    for text in LOOSE:
        for place in Place:
            found = await library.index.find(view, place, fold(text), loose=True)
            assert found == await MemoryIndex(library.store).find(view, place, fold(text), loose=True), (place, text)
    assert (await library.index.find(view, Place.BODY, "resumes facturer", loose=True)).hits == {1}
    assert (await library.index.find(view, Place.BODY, "oeuvre", loose=True)).hits == {4}
    assert (await library.index.find(view, Place.MESSAGE, "billed hello", loose=True)).hits == {5, 6}
    await library.close()


async def test_one_word_is_never_in_doubt_and_a_phrase_is_read(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(letter("the quick brown fox"), letter("the fox is quick"), letter("nothing"))
    await library.feed()
    assert await compare(library, Place.BODY, "ick") == ({1, 2}, set())
    assert await compare(library, Place.BODY, "quick brown") == (set(), {1})
    assert await compare(library, Place.BODY, "bob") == (set(), set())
    await library.close()


async def test_all_words_that_hold_a_text_count(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    beginnings = ["", "al", "be", "ga", "de", "ep", "ze"]
    await library.put(*[letter(f"{beginning}one two{beginning}") for beginning in beginnings], letter("twoo"))
    await library.feed()
    assert await compare(library, Place.BODY, "one") == (set(range(1, 8)), set())
    assert await compare(library, Place.BODY, "two") == (set(range(1, 9)), set())
    assert await compare(library, Place.BODY, "twob") == ({3}, set())
    await library.close()


async def test_what_is_not_indexed_yet_is_in_doubt(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(letter("one"))
    await library.feed()
    await library.put(letter("two"))
    assert library.index.is_behind()
    assert await compare(library, Place.BODY, "two") == (set(), {2})
    [state] = await library.index.state()
    assert (state.bodies, state.indexed) == (2, 1)
    await library.feed()
    assert await compare(library, Place.BODY, "two") == ({2}, set())
    assert not library.index.is_behind()
    await library.close()


async def test_trace_fields_are_those_of_the_message_not_of_the_body(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    body = letter("same")
    await library.put(body, prefix=PREFIX % b"carol")
    await library.put(body, prefix=PREFIX % b"dave")
    await library.feed()
    assert await compare(library, Place.MESSAGE, "carol") == ({1}, set())
    assert await compare(library, Place.MESSAGE, "from relay.example by") == ({1, 2}, set())
    assert await compare(library, Place.BODY, "carol") == (set(), set())
    await library.close()


async def test_trace_fields_that_come_one_by_one_are_kept_together(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    for number in range(2 * TRACE_BLOCKS + 3):
        await library.put(letter("x"), prefix=PREFIX % (b"carol" if number % 3 else b"dave"))
        await compare(library, Place.MESSAGE, "carol")
    await library.feed()
    assert await compare(library, Place.MESSAGE, "dave@") == (set(range(1, 2 * TRACE_BLOCKS + 4, 3)), set())
    await library.close()


async def test_searches_at_once_while_mail_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sees at least the mail there was when it began, whoever reads it for all of them."""
    monkeypatch.setattr("courriel.store.search.located.TURN_ROWS", 3)
    library = await opened(tmp_path)

    async def search() -> None:
        view = await library.view()
        before = set(view.uids)
        for place in Place:
            found = await library.index.find(view, place, "common")
            assert before <= found.hits | found.doubts

    archive = (await library.store.create_mailbox(ALICE, "Paper")).id
    late = letter("common late")
    for number in range(12):
        await library.put(*[letter(f"common {number} {one}") for one in range(5)], prefix=PREFIX % b"common")
        first = (await library.view()).uids[0]
        await library.store.move(ALICE, library.mailbox, [first], archive)
        box = await library.store.view(ALICE, archive)
        await library.store.copy(ALICE, archive, [box.uids[0]], library.mailbox)
        await asyncio.gather(search(), library.put(late, prefix=PREFIX % b"common"), search(), library.feed(), search())
    await library.close()


async def test_copies_moves_and_restored_messages_are_found(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    store = library.store
    await library.put(letter("one"), letter("two"), letter("three"))
    await library.feed()
    await compare(library, Place.BODY, "t")
    archive = (await store.create_mailbox(ALICE, "Paper")).id
    await store.copy(ALICE, library.mailbox, [1, 2], library.mailbox)
    await store.move(ALICE, library.mailbox, [1], archive)
    assert await compare(library, Place.BODY, "one") == ({4}, set())
    await store.expunge(ALICE, library.mailbox, [2])
    gone = [one.id for one in await store.expunged(ALICE)]
    await store.restore(ALICE, gone)
    assert await compare(library, Place.BODY, "two") == ({5, 6}, set())
    found = await library.index.find(await store.view(ALICE, archive), Place.BODY, "one")
    assert len(found.hits) == 1
    await library.close()


async def test_a_large_mailbox_is_not_read_for_a_rare_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for what the database has no answer to: a word that is in many bodies, or old mail that was moved in."""
    monkeypatch.setattr(located, "LARGE", 20)
    monkeypatch.setattr(located, "FEW", 2)
    monkeypatch.setattr(located, "ORDER_BLOCK", 4)
    reads: list[int] = []
    follow = located.Located.follow

    async def counted(self: located.Located, view: object) -> None:
        reads.append(1)
        await follow(self, view)  # type: ignore[arg-type]

    monkeypatch.setattr(located.Located, "follow", counted)
    library = await opened(tmp_path)
    await library.put(*[letter(f"common {'rare' if number == 7 else 'x'}") for number in range(30)])
    await library.feed()
    await library.put(letter("rare, and not indexed"))
    assert await compare(library, Place.BODY, "rare") == ({8}, {31})
    assert await compare(library, Place.BODY, "absent") == (set(), {31})
    archive = (await library.store.mailbox(ALICE, "Archive")).id
    await library.store.copy(ALICE, library.mailbox, [8], archive)
    assert not reads
    await library.store.expunge(ALICE, library.mailbox, [8])
    assert await compare(library, Place.BODY, "rare") == (set(), {31})
    assert not reads
    await library.store.move(ALICE, archive, [1], library.mailbox)
    assert await compare(library, Place.BODY, "rare") == ({32}, {31})
    assert not reads, "a copy is newer than all"
    await library.store.move(ALICE, library.mailbox, [3], archive)
    await library.store.move(ALICE, archive, [2], library.mailbox)
    assert await compare(library, Place.BODY, "rare") == ({32}, {31})
    assert reads == [1]
    await library.close()


async def test_segments_become_few(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    for number in range(2 * FAN + 1):
        await library.put(letter(f"word{chr(97 + number)} common"))
        await library.feed()
    [shelf] = [feed.shelf for feed in await library.feeds()]
    assert len(shelf.segments) == 3
    assert [path.name for path in shelf.leftovers()] == []
    for number in range(2 * FAN + 1):
        hits, doubts = await compare(library, Place.BODY, f"word{chr(97 + number)}")
        assert number + 1 in hits and not doubts
    await library.close()


async def test_words_of_what_is_gone_are_forgotten(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(letter("a secret thing"), letter("a public thing"), letter("the newest"))
    await library.feed()
    await library.store.expunge(ALICE, library.mailbox, [1])
    library.clock.advance(40 * 86_400)
    await library.store.maintain(library.clock.now())
    [feed] = await library.feeds()
    feed.sweep(0.0)
    [path] = (tmp_path / "store" / "search").glob("*/*.seg")
    octets = path.read_bytes()
    assert b"secret" not in octets
    assert b"public" in octets
    assert await compare(library, Place.BODY, "thing") == ({2}, set())
    assert not library.index.is_behind()
    await library.close()


async def test_numbers_of_bodies_are_not_given_twice(tmp_path: Path) -> None:
    """The newest body is kept though nothing names it, so that after a restart another does not take its number."""
    library = await opened(tmp_path)
    await library.put(letter("first"), letter("secret"))
    await library.feed()
    await library.store.expunge(ALICE, library.mailbox, [1, 2])
    library.clock.advance(40 * 86_400)
    await library.store.maintain(library.clock.now())
    await library.close()
    await library.open()
    assert library.store.shards[0].last_blob == 2
    await library.put(letter("other"))
    assert await compare(library, Place.BODY, "secret") == (set(), {3})
    await library.feed()
    assert await compare(library, Place.BODY, "secret") == (set(), set())
    await library.close()


async def test_an_index_of_another_database_is_thrown_away(tmp_path: Path) -> None:
    library = await opened(tmp_path / "a")
    await library.put(letter("one"), letter("two"))
    await library.feed()
    await library.close()
    other = await opened(tmp_path / "b")
    await other.put(letter("three"), letter("four"))
    await other.close()
    (tmp_path / "a" / "store" / "search").rename(tmp_path / "b" / "store" / "search")
    await other.open()
    assert await compare(other, Place.BODY, "four") == (set(), {1, 2})
    await other.close()


async def test_rebuilding_goes_on_behind_searches(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(letter("one"), letter("two"))
    await library.feed()
    await library.index.rebuild()
    assert await compare(library, Place.BODY, "two") == (set(), {1, 2})
    await library.feed()
    assert await compare(library, Place.BODY, "two") == ({2}, set())
    await library.close()


async def damage(library: Library, change: Callable[[bytes], bytes]) -> None:
    [path] = (library.directory / "store" / "search").glob("*/*.seg")
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [
        lambda octets: octets[:5],
        lambda octets: octets[:40],
        lambda octets: octets[:-64],
        lambda octets: b"x" + octets[1:],
    ],
)
async def test_a_damaged_file_is_not_used_and_made_anew(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    library = await opened(tmp_path)
    await library.put(letter("one"), letter("two"))
    await library.feed()
    await library.close()
    await damage(library, change)
    await library.open()
    assert await compare(library, Place.BODY, "two") == (set(), {1, 2})
    await library.feed()
    assert await compare(library, Place.BODY, "two") == ({2}, set())
    await library.close()


async def test_the_check_sees_a_changed_octet_and_throws_the_file_away(tmp_path: Path) -> None:
    library = await opened(tmp_path)
    await library.put(letter("one"), letter("two"))
    await library.feed()
    assert library.index.check(repair=False) == []
    await damage(library, lambda octets: octets.replace(b"two", b"owt"))
    library.index = type(library.index)(library.store, tmp_path)
    [finding] = library.index.check(repair=False)
    assert (finding.kind, finding.repaired) == ("search index", False)
    [finding] = library.index.check(repair=True)
    assert finding.repaired
    assert await compare(library, Place.BODY, "two") == (set(), {1, 2})
    await library.close()


def test_the_chain_is_of_the_longest(tmp_path: Path) -> None:
    for name in (
        "000000000001-000000000004.0.seg",
        "000000000001-000000000002.0.seg",
        "000000000003-000000000004.0.seg",
        "000000000005-000000000006.0.seg",
        "000000000005-000000000006.1.seg",
        "000000000008-000000000009.0.seg",
        "000000000001-000000000004.0.new",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    assert [(name.first, name.last, name.version) for name in chain(names(tmp_path))] == [(1, 4, 0), (5, 6, 1)]


# --- whatever happens ---------------------------------------------------------------------------------------------
SOUNDS = ["ba", "be", "é", "中", "x1", " ", "-", "Ba"]
PHRASE = st.lists(st.sampled_from(SOUNDS), min_size=1, max_size=6).map("".join)
STEP = st.one_of(
    st.tuples(st.just("put"), PHRASE, PHRASE),
    st.tuples(st.just("expunge"), st.integers(0, 9)),
    st.tuples(st.just("copy"), st.integers(0, 9)),
    st.tuples(st.just("away and back"), st.integers(0, 9)),
    st.tuples(st.just("feed")),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("crash")),
    st.tuples(st.just("rebuild")),
    st.tuples(st.just("find"), PHRASE),
)


async def live(directory: Path, steps: list[tuple[object, ...]]) -> None:
    library = await Library(directory).open()
    for step in steps:
        view = await library.view()
        match step:
            case ("put", str(text), str(subject)):
                await library.put(letter(text, subject), prefix=PREFIX % fold(subject).encode())
            case ("expunge", int(place)) if place < len(view.uids):
                await library.store.expunge(ALICE, library.mailbox, [view.uids[place]])
                library.clock.advance(40 * 86_400)
                await library.store.maintain(library.clock.now())
            case ("copy", int(place)) if place < len(view.uids):
                await library.store.copy(ALICE, library.mailbox, [view.uids[place]], library.mailbox)
            case ("away and back", int(place)) if place < len(view.uids):
                archive = (await library.store.mailbox(ALICE, "Archive")).id
                await library.store.move(ALICE, library.mailbox, [view.uids[place]], archive)
                away = (await library.store.view(ALICE, archive)).uids
                await library.store.move(ALICE, archive, away, library.mailbox)
            case ("feed",):
                await library.feed()
            case ("sweep",):
                for feed in await library.feeds():
                    feed.sweep(float("inf"))
            case ("crash",):
                await library.close()
                await library.open()
            case ("rebuild",):
                await library.index.rebuild()
            case ("find", str(text)) if fold(text):
                for place in Place:
                    await compare(library, place, fold(text))
    for sound in SOUNDS:
        for place in Place:
            await compare(library, place, fold(sound))
    await library.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, max_size=25))
@pytest.mark.slow
@pytest.mark.parametrize("large", [1, located.LARGE])
def test_the_index_answers_as_reading_does(large: int, steps: list[tuple[object, ...]]) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place,
    ):
        patch.setattr(located, "LARGE", large)
        asyncio.run(live(Path(place), steps))


@pytest.mark.crash
async def test_a_killed_feeder_goes_on_where_it_was(tmp_path: Path) -> None:
    """SIGKILL at twenty moments; what stands then is right, and in the end all is indexed."""
    library = await opened(tmp_path)
    place = tmp_path / "store"
    chance = random.Random(7)
    for round in range(20):
        await library.put(
            *[letter(f"round{chr(97 + round)} number{number} {chance.random()}") for number in range(150)]
        )
        for shard in library.store.shards:
            await shard.source.settled()
        argv = (sys.executable, "-m", "courriel.store.search.feed", str(place))
        process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE)
        await asyncio.sleep(0.25 + chance.random() * 0.2)
        process.kill()
        await process.wait()
        await compare(library, Place.BODY, f"round{chr(97 + chance.randint(0, round))}")
    await library.feed()
    assert not library.index.is_behind()
    hits, doubts = await compare(library, Place.BODY, "roundn")
    assert (len(hits), doubts) == (150, set())
    await library.close()
