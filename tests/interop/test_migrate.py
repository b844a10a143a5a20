"""``courriel migrate`` from Debian's Dovecot: everything comes over, once, as it was, however often it is cut off."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from courriel.app.config import load
from courriel.app.installation import Installation
from courriel.imap.client import ImapClient
from courriel.model.flags import SYSTEM_FLAGS
from courriel.net.tls import client_context
from tests.interop.old_server import OldServer, old_server
from tests.trial import ROOT, command, courriel

pytestmark = [pytest.mark.interop, pytest.mark.slow]

LOGIN = "alice@example.org"

Facts = Counter[tuple[str, str, int, frozenset[str]]]
"""(mailbox, digest, date, flags) of every message."""

SPECIAL = {"Gesendete Objekte": "Sent", "Papierkorb": "Trash"}


async def _client(old: OldServer) -> ImapClient:
    client = await ImapClient.connect("localhost", old.imaps, client_context(old.ca))
    await client.login("alice", "secret")
    return client


def _letter(number: int, dice: random.Random) -> bytes:
    body = "".join(f"{dice.random()}\r\n" for _ in range(dice.choice((1, 5, 300))))
    return f"From: a@far.test\r\nSubject: n{number}\r\nMessage-ID: <{number}@far.test>\r\n\r\n{body}".encode()


FLAGS = ([], ["\\Seen"], ["\\Seen", "\\Answered"], ["\\Flagged", "$Forwarded"], ["\\Draft"], ["\\Deleted", "Work"])


async def _fill(old: OldServer, count: int, first: int = 0) -> None:
    dice = random.Random(first)
    client = await _client(old)
    for place, mailbox in enumerate(("INBOX", "Gesendete Objekte", "Travail/Été", "Leer")):
        if mailbox not in ("INBOX", "Gesendete Objekte") and not first:
            await client.create(mailbox)
        for place_ in range(count if place < 3 else 0):
            raw = _letter(first + place_ // 2, dice) if place == 2 else _letter(1000 * place + first + place_, dice)
            await client.append(mailbox, raw, FLAGS[place_ % len(FLAGS)], 1_700_000_000 + 60 * place_)
    await client.close()


async def _there(old: OldServer) -> Facts:
    """What Dovecot says it has."""
    client = await _client(old)
    facts: Facts = Counter()
    for one in await client.mailboxes():
        if not one.can_be_selected:
            continue
        exists = (await client.open(one.name, readonly=True)).exists
        async for items in client.each(
            sorted(await client.flags(exists)) if exists else [], "(UID FLAGS INTERNALDATE BODY.PEEK[])"
        ):
            raw, flags, date = items[b"BODY[]"], items[b"FLAGS"], items[b"INTERNALDATE"]
            assert isinstance(raw, bytes) and isinstance(flags, list) and isinstance(date, bytes)
            at = time.strptime(date.decode()[:20].strip(), "%d-%b-%Y %H:%M:%S")
            names = frozenset(flag.decode() for flag in flags if flag and flag != b"\\Recent")
            path = SPECIAL.get(one.text, one.text)
            facts[path, hashlib.sha256(raw).hexdigest(), int(time.mktime(at)), names] += 1
    await client.close()
    return facts


async def _here(data: Path) -> Facts:
    """What our store has; dates as Dovecot writes them, in the machine's zone."""
    home = await Installation.open(data, load(None, {}, ()))
    facts: Facts = Counter()
    try:
        account = home.directory.by_login(LOGIN)
        assert account is not None
        for mailbox in await home.store.mailboxes(account.id):
            view = await home.store.view(account.id, mailbox.id)
            words = home.store.keyword_names(account.id)
            for record in await home.store.records(account.id, mailbox.id, view.uids):
                bits = view.flags[view.index(record.uid)]
                names = {name for name, bit in SYSTEM_FLAGS.items() if bits & bit}
                names |= {name for place, name in words.items() if bits >> place & 1}
                digest = hashlib.sha256(await home.store.read(account.id, record.id)).hexdigest()
                facts[mailbox.path, digest, int(record.received_at), frozenset(names)] += 1
    finally:
        await home.close()
    return facts


@pytest.fixture
def new_home(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    assert courriel("domain", "add", "example.org", data=data).returncode == 0
    assert courriel("user", "add", LOGIN, "--password-stdin", data=data, stdin="x\n").returncode == 0
    return data


@pytest.fixture
def old() -> Iterator[OldServer]:
    with old_server() as server:
        yield server


def _words(old: OldServer) -> list[str]:
    return ["migrate", f"imaps://alice@localhost:{old.imaps}", "--to", LOGIN, "--ca", str(old.ca)]


def _migrate(old: OldServer, data: Path, *more: str) -> dict[str, int]:
    done = courriel(*_words(old), "--json", *more, data=data, COURRIEL_PASSWORD="secret")
    assert done.returncode == 0, done.stderr
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_everything_comes_over_once_and_a_second_run_brings_the_news(old: OldServer, new_home: Path) -> None:
    asyncio.run(_fill(old, 30))
    plan = courriel(*_words(old), "--dry-run", data=new_home, COURRIEL_PASSWORD="secret")
    assert "Travail/Été" in plan.stdout and "Gesendete Objekte" in plan.stdout, plan.stderr
    first = _migrate(old, new_home)
    assert (first["brought"], first["known"], first["verified"], first["whole"]) == (90, 0, 90, True)
    assert asyncio.run(_here(new_home)) == asyncio.run(_there(old))

    async def change() -> None:
        await _fill(old, 4, first=500)
        client = await _client(old)
        await client.select("INBOX")
        await client.change_flags([1, 2], "", ["\\Flagged", "New"])
        await client.close()

    asyncio.run(change())
    second = _migrate(old, new_home)
    assert (second["brought"], second["known"], second["flags_changed"], second["verified"]) == (12, 90, 2, 102)
    assert asyncio.run(_here(new_home)) == asyncio.run(_there(old))
    assert _migrate(old, new_home)["brought"] == 0


def test_cut_off_at_random_it_ends_the_same(old: OldServer, new_home: Path) -> None:
    asyncio.run(_fill(old, 200))
    dice = random.Random(os.environ.get("MIGRATE_SEED", "7"))
    killed = 0
    for _ in range(12):
        process = subprocess.Popen(
            command(*_words(old), "--data", str(new_home)),
            env=os.environ | {"COURRIEL_PASSWORD": "secret"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        try:
            process.wait(dice.uniform(0.6, 1.6))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    last = _migrate(old, new_home)
    assert (last["brought"] + last["known"], last["verified"], last["missing"]) == (600, 600, 0)
    assert asyncio.run(_here(new_home)) == asyncio.run(_there(old))
    assert killed, "nothing was cut off"


def test_a_wrong_password_and_a_stranger_s_certificate_are_said(old: OldServer, new_home: Path) -> None:
    words = _words(old)
    wrong = courriel(*words, data=new_home, COURRIEL_PASSWORD="wrong")
    assert wrong.returncode == 1 and "Wrong name or password" in wrong.stderr
    stranger = courriel(*words[:-2], data=new_home, COURRIEL_PASSWORD="secret")
    assert stranger.returncode == 1 and "CERTIFICATE_VERIFY_FAILED" in stranger.stderr.replace("\n", "")


def test_a_server_whose_mailboxes_are_below_inbox(new_home: Path) -> None:
    """Namespaces as Cyrus and Courier have them; STARTTLS on the plain port."""
    with old_server("maildir", "INBOX.", ".") as old:

        async def fill() -> None:
            client = await _client(old)
            await client.create("INBOX.Work.Old")
            await client.append("INBOX.Work.Old", b"Subject: x\r\n\r\nx\r\n")
            await client.append("INBOX.Gesendete Objekte", b"Subject: y\r\n\r\ny\r\n")
            await client.close()

        asyncio.run(fill())
        words = ["migrate", f"imap://alice@localhost:{old.imap}", "--to", LOGIN, "--ca", str(old.ca)]
        done = courriel(*words, data=new_home, COURRIEL_PASSWORD="secret")
        assert done.returncode == 0, done.stderr
    assert sorted(path for path, *_ in asyncio.run(_here(new_home))) == ["Sent", "Work/Old"]
