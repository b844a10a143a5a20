"""Attachments that take too long, too much, or end the process: the message is indexed without them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.ports.index import Place
from courriel.store.search import reading
from courriel.store.search.bounds import TooLong, processor_time
from tests.formats.test_attachments import DOCUMENT, SAYS, mail, packed, pdf
from tests.store.search.library import Library


async def found(library: Library, text: str) -> tuple[set[int], set[int]]:
    matches = await library.index.find(await library.view(), Place.BODY, text)
    return matches.hits, matches.doubts


async def test_attachments_are_found(tmp_path: Path) -> None:
    library = await Library(tmp_path).open()
    await library.put(mail(pdf(SAYS), "pdf"), mail(packed({"word/document.xml": DOCUMENT}), "openxmlformats"))
    await library.feed()
    assert await found(library, "montant") == ({1}, set())
    assert await found(library, "facture") == ({2}, set())
    assert await found(library, "total 42 eur") == ({1}, set())
    assert await found(library, "below") == ({1, 2}, set())
    for number in range(10):
        await library.put(mail(pdf(SAYS.replace(b"42", b"%d" % number)), "pdf"))
        await library.feed()
    assert await found(library, "total 42 eur") == ({1}, set())
    await library.close()


def endless(_raw: bytes, _parts: bytes) -> Iterator[str]:
    yield "beginning"
    while True:
        pass


def endless_and_deaf(_raw: bytes, _parts: bytes) -> Iterator[str]:
    yield "beginning"
    deaf = True
    while True:
        try:
            while True:
                pass
        except TooLong:
            if not deaf:
                raise
            deaf = False


def too_large(_raw: bytes, _parts: bytes) -> Iterator[str]:
    yield "beginning"
    raise MemoryError


@pytest.mark.parametrize("attack", [endless, endless_and_deaf, too_large])
async def test_what_was_read_until_the_bound_counts(
    attack: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "attached_text", attack)
    monkeypatch.setattr(reading, "ATTACHMENTS_S", 0.05)
    library = await Library(tmp_path).open()
    await library.put(mail(b"", "pdf"))
    await library.feed()
    assert await found(library, "beginning") == ({1}, set())
    assert await found(library, "below") == ({1}, set())
    await library.close()


def test_memory_has_a_bound_and_mapped_files_are_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(4 << 30)
    program = (
        "import mmap, sys; from courriel.store.search.bounds import *; bound_memory()\n"
        "file = open(sys.argv[1], 'rb'); kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "bytes(MEMORY_OCTETS // 2)\n"
        "try: bytes(MEMORY_OCTETS)\n"
        "except MemoryError: print('bounded')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("bounded\n", "")


def test_the_alarm_is_off_afterwards() -> None:
    with processor_time(0.02):
        pass
    for _ in range(3_000_000):
        pass


async def test_an_attachment_that_ended_the_process_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: each time another one of the same batch is the last that was tried."""

    class Ended(BaseException):
        """Stands for a signal that ends the process."""

    fatal = [b"first", b"second"]

    def deadly(raw: bytes, _parts: bytes) -> Iterator[str]:
        if any(word in raw for word in fatal):
            raise Ended
        yield "harmless"

    monkeypatch.setattr(reading, "attached_text", deadly)
    library = await Library(tmp_path).open()
    await library.put(*[mail(octets, "pdf", "8bit") for octets in (b"first", b"second", b"third")])
    for _ in fatal:
        with pytest.raises(Ended):
            await library.feed()
        await library.close()
        await library.open()
    await library.feed()
    assert await found(library, "harmless") == ({3}, set())
    assert await found(library, "below") == ({1, 2, 3}, set())
    assert not list((tmp_path / "store" / "search").glob("trying-*"))
    await library.close()
