"""ClamAV's answers and what follows from them, with a daemon of the test's own on a real socket.  clamd(8)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from courriel.app.config import SettingsError, load
from courriel.app.services import with_antivirus
from courriel.base.errors import Unavailable
from courriel.delivery.antivirus import Antivirus, AntivirusSettings, is_certain
from courriel.model.envelope import NULL_PATH, Client, Door, Envelope
from courriel.model.refusals import FilterDeferred, FilterRefused
from courriel.net import clamd
from courriel.ports.scanner import Scanned

MALWARE = b"this stands for malware"
LONG = b"x" * (3 * clamd.PIECE_OCTETS + 7)
MX = Envelope(Door.MX, Client("192.0.2.1", 1), NULL_PATH, ())
SUBMISSION = Envelope(Door.SUBMISSION, Client("192.0.2.1", 1), NULL_PATH, ())


class Daemon:
    """Reads INSTREAM as clamd does; ``answer`` is what it says of anything with MALWARE in it."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.answer = b"stream: Win.Test-1 FOUND\0"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", await reader.readexactly(4))[0]:
            content += await reader.readexactly(length)
        self.seen.append(content)
        writer.write(self.answer if MALWARE in content else b"stream: OK\0")
        writer.close()


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon()
    async with await asyncio.start_unix_server(daemon.serve, path):
        yield daemon


async def test_the_daemon_gets_all_of_a_message_in_pieces(runner: asyncio.Runner, tmp_path: Path) -> None:
    async with running(tmp_path / "s") as daemon:
        for content in (b"", LONG):
            assert await clamd.ask((str(tmp_path / "s"), 0), content, 5.0) == ""
    assert daemon.seen == [b"", LONG]


async def test_it_is_asked_over_tcp(runner: asyncio.Runner) -> None:
    daemon = Daemon()
    async with await asyncio.start_server(daemon.serve, "127.0.0.1", 0) as server:
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await clamd.ask(place, MALWARE, 5.0) == "Win.Test-1"


ODD = [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK", b"x" * 5_000 + b"\0", b"stream: \xff\0"]


@pytest.mark.parametrize("answer", ODD)
async def test_what_is_no_answer_is_none(runner: asyncio.Runner, tmp_path: Path, answer: bytes) -> None:
    async with running(tmp_path / "s") as daemon:
        daemon.answer = answer
        with pytest.raises(Unavailable, match="clamd"):
            await clamd.ask((str(tmp_path / "s"), 0), MALWARE, 5.0)


async def test_a_silent_daemon_is_not_waited_for(runner: asyncio.Runner, tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(silent, tmp_path / "s"):
        with pytest.raises(Unavailable, match=r"within 0\.05 s"):
            await clamd.ask((str(tmp_path / "s"), 0), b"x", 0.05)


async def test_known_malware_is_refused_by_name(runner: asyncio.Runner, tmp_path: Path) -> None:
    async with running(tmp_path / "s"):
        antivirus = Antivirus(AntivirusSettings((str(tmp_path / "s"), 0)))
        with pytest.raises(FilterRefused) as refused:
            await antivirus.scan("m1", MX, MALWARE)
        assert (refused.value.code, refused.value.lines) == (550, ("Malware was found: Win.Test-1",))
        assert await antivirus.scan("m2", MX, b"hello") == Scanned(MX, b"hello")


@pytest.mark.parametrize("name", [b"Heuristics.Phishing.Email", b"PUA.Win.Packer", b"Sanesecurity.Junk.1.UNOFFICIAL"])
async def test_a_guess_is_kept_apart(runner: asyncio.Runner, tmp_path: Path, name: bytes) -> None:
    assert not is_certain(name.decode()) and is_certain("Win.Test-1")
    async with running(tmp_path / "s") as daemon:
        daemon.answer = b"stream: %b FOUND\0" % name
        scanned = await Antivirus(AntivirusSettings((str(tmp_path / "s"), 0))).scan("m", MX, MALWARE)
    assert scanned.quarantine == f"malware: {name.decode()}"


async def test_known_malware_can_be_kept_apart(runner: asyncio.Runner, tmp_path: Path) -> None:
    async with running(tmp_path / "s"):
        settings = AntivirusSettings((str(tmp_path / "s"), 0), found="quarantine")
        assert (await Antivirus(settings).scan("m", MX, MALWARE)).quarantine == "malware: Win.Test-1"


async def test_who_cannot_be_asked(runner: asyncio.Runner, tmp_path: Path) -> None:
    nobody = (str(tmp_path / "nobody"), 0)
    with pytest.raises(FilterDeferred):
        await Antivirus(AntivirusSettings(nobody)).scan("m", MX, b"x")
    lenient = Antivirus(AntivirusSettings(nobody, on_failure="accept"))
    assert await lenient.scan("m", MX, b"x") == Scanned(MX, b"x")


async def test_other_doors_and_large_messages_are_not_asked_about(runner: asyncio.Runner, tmp_path: Path) -> None:
    async with running(tmp_path / "s") as daemon:
        settings = AntivirusSettings((str(tmp_path / "s"), 0), frozenset({Door.MX}), octets=len(MALWARE))
        antivirus = Antivirus(settings)
        assert (await antivirus.scan("m", SUBMISSION, MALWARE)).quarantine is None
        assert (await antivirus.scan("m", MX, MALWARE + b"!")).quarantine is None
        with pytest.raises(FilterRefused):
            await antivirus.scan("m", MX, MALWARE)
    assert daemon.seen == [MALWARE]


async def test_filters_come_after_it_and_its_reason_stays(runner: asyncio.Runner, tmp_path: Path) -> None:
    class Filters:
        async def scan(self, id: str, envelope: Envelope, content: bytes) -> Scanned:
            return Scanned(envelope, b"changed", "theirs")

    async with running(tmp_path / "s"):
        antivirus = Antivirus(AntivirusSettings((str(tmp_path / "s"), 0), found="quarantine"), Filters())
        assert await antivirus.scan("m", MX, MALWARE) == Scanned(MX, b"changed", "malware: Win.Test-1")
        assert await antivirus.scan("m", MX, b"x") == Scanned(MX, b"changed", "theirs")


def test_settings_switch_it_on() -> None:
    assert with_antivirus(load(None, {}, []), None) is None
    assert isinstance(with_antivirus(load(None, {}, ["clamav.address=unix:/run/x"]), None), Antivirus)
    with pytest.raises(SettingsError, match=r"clamav\.address: 127\.0\.0\.1"):
        with_antivirus(load(None, {}, ["clamav.address=127.0.0.1"]), None)
