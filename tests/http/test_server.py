"""HTTP as others speak it to us: whose name, how much, how long."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from courriel.base.log import log
from courriel.http.settings import HttpSettings
from tests.http.house import Answer, House, house, site

STS = "/.well-known/mta-sts.txt"


def run(directory: Path, act: Callable[[House], Awaitable[None]], settings: HttpSettings | None = None) -> None:
    async def inside() -> None:
        async with house(directory, settings) as place:
            await act(place)

    asyncio.run(inside())


NAMES = [
    ("mta-sts.example.org", 200),
    ("MTA-STS.Example.ORG:443", 200),
    ("mta-sts.example.org.", 200),
    ("mta-sts.elsewhere.example", 421),
    ("mta-sts.mta-sts.example.org", 421),
    ("example.org", 404),
    ("mx.example.org", 404),
    ("192.0.2.1", 421),
    ("localhost:10443", 404),
    ("exa mple.org", 421),
    ("", 421),
]


@pytest.mark.parametrize(("host", "status"), NAMES)
def test_only_names_of_ours_are_served(tmp_path: Path, host: str, status: int) -> None:
    async def act(place: House) -> None:
        assert (await place.ask(host, STS)).status == status

    run(tmp_path, act)


def test_a_policy_is_text_with_the_fields_that_make_answers_safe(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        given = await place.ask("mta-sts.example.net", STS)
        assert given.body == (
            b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmx: *.backup.example\r\nmax_age: 86400\r\n"
        )
        assert given.fields["content-type"].startswith("text/plain")
        assert given.fields["x-content-type-options"] == "nosniff"
        assert "date" in given.fields and "server" not in given.fields

    run(tmp_path, act)


def test_without_a_promise_there_is_no_policy(tmp_path: Path) -> None:
    async def act() -> Answer:
        async with house(tmp_path, about=site(None)) as place:
            return await place.ask("mta-sts.example.org", STS)

    assert asyncio.run(act()).status == 404


def test_in_clear_one_is_sent_on_and_only_to_names_of_ours(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        sent = await place.ask("autodiscover.example.org", "/Autodiscover/Autodiscover.xml?a=b", tls=False)
        assert sent.status == 302
        assert sent.fields["location"] == "https://autodiscover.example.org/Autodiscover/Autodiscover.xml?a=b"
        assert (await place.ask("elsewhere.example", "/", tls=False)).status == 421

    run(tmp_path, act)


def test_requests_one_behind_another_are_answered_in_order(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        one = f"GET {STS} HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n"
        last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").replace(STS, "/nothing")
        raw = await place.send((one * 50 + last).encode())
        assert raw.count(b"HTTP/1.1 200") == 50 and raw.count(b"HTTP/1.1 404") == 1
        assert raw.rindex(b"HTTP/1.1 404") > raw.rindex(b"HTTP/1.1 200")

    run(tmp_path, act)


def test_who_sends_no_more_still_gets_the_answer(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        raw = await place.send(f"GET {STS} HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n".encode(), tls=False, end=True)
        assert raw.startswith(b"HTTP/1.1 302")

    run(tmp_path, act)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"NOT HTTP\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: mx.example.org\r\nX: " + b"a" * 600_000 + b"\r\n\r\n",
        b"\x16\x03\x01" + b"\xff" * 500 + b"\r\n\r\n",
    ],
    ids=["no host", "nonsense", "two hosts", "long field", "octets"],
)
def test_what_is_no_request_is_refused_and_hung_up_on(tmp_path: Path, raw: bytes) -> None:
    async def act(place: House) -> None:
        before = log.counters.snapshot().get("http.refused", 0)
        assert b"HTTP/1.1 400 " in await place.send(raw)
        assert log.counters.snapshot()["http.refused"] == before + 1

    run(tmp_path, act)


def test_a_request_that_comes_in_drops_is_cut_off(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", place.http)
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(10):
            while not reader.at_eof():
                writer.write(b"X: y\r\n")
                try:
                    async with asyncio.timeout(0.1):
                        if await reader.read(1000) == b"":
                            break
                except TimeoutError:
                    continue
        writer.transport.abort()

    run(tmp_path, act, HttpSettings(request_s=0.3))


def test_a_body_nobody_reads_costs_little(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        body = b"x" * 4_000_000
        await place.ask("mx.example.org", "/", method="POST", body=b"x")  # loaded
        began = time.process_time()
        await place.ask("mta-sts.example.org", STS, method="POST", body=body)
        assert (time.process_time() - began) / (len(body) / 1e6) < 0.05  # seconds a megabyte, the client's included

    run(tmp_path, act)


def test_many_small_fields_cost_little(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        await place.ask("mx.example.org", "/", tls=False)  # loaded
        head = b"GET / HTTP/1.1\r\nHost: mx.example.org\r\n" + b"a:b\r\n" * 200_000 + b"\r\n"
        began = time.process_time()
        before = log.counters.snapshot().get("http.refused", 0)
        await place.send(head, tls=False)
        assert (time.process_time() - began) / (len(head) / 1e6) < 0.05
        assert log.counters.snapshot()["http.refused"] == before + 1

    run(tmp_path, act)


def test_many_fields_behind_a_good_request_are_not_read_either(tmp_path: Path) -> None:
    async def act(place: House) -> None:
        good = b"GET / HTTP/1.1\r\nHost: mx.example.org\r\n\r\n"
        raw = await place.send(good + good[:-2] + b"a:b\r\n" * 500 + b"\r\n", tls=False)
        assert raw.count(b"HTTP/1.1 302 ") == 1 and raw.count(b"HTTP/1.1 400 ") == 1

    run(tmp_path, act)


def test_the_framework_is_not_loaded_before_somebody_asks() -> None:
    asked = (
        "import courriel.app.main, courriel.app.server, sys;"
        "print([m for m in ('uvicorn', 'starlette', 'h11') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
