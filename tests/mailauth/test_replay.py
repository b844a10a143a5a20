"""Copies of one signed body, counted in bounded memory."""

from __future__ import annotations

import asyncio

from courriel.base.log import log
from courriel.mailauth.dkim_sign import SigningKey, sign
from courriel.mailauth.dkim_signature import parse_signature
from courriel.mailauth.dkim_verify import verify
from courriel.mailauth.replay import BODIES, MANY, WINDOW_S, Replays
from tests.mailauth.signing import MESSAGE, ed25519_key, record, rsa_key
from tests.mailauth.zone import Zone

NOW = 1_800_000_000.0
KEYS = [SigningKey("example.org", "r", rsa_key()), SigningKey("example.org", "e", ed25519_key())]
ZONE = Zone({f"{key.selector}._domainkey.example.org": [record(key.private)] for key in KEYS})


def test_a_copy_is_a_copy_however_many_signatures_it_has() -> None:
    replays = Replays()
    fields = sign(MESSAGE, KEYS, NOW)
    bh = parse_signature(fields[fields.index(b":") + 1 : fields.index(b"\r\nDKIM") + 2]).bh
    for content in (fields + MESSAGE, b"X-Copy: 2\r\n" + fields + MESSAGE, fields + MESSAGE.replace(b"what", b"that")):
        asyncio.run(verify(content, ZONE, lambda: NOW, replays))
    assert replays.copies("example.org", bh, NOW) == 2
    assert replays.copies("example.net", bh, NOW) == 0


def test_the_window_ends() -> None:
    replays = Replays()
    assert [replays.note("a", b"1", NOW + second) for second in (0, 1, WINDOW_S - 1, WINDOW_S)] == [1, 2, 3, 1]
    assert replays.copies("a", b"1", NOW + 2 * WINDOW_S) == 0


def test_many_copies_are_told_once() -> None:
    replays, before = Replays(), log.counters.snapshot().get("dkim.many_copies", 0)
    for _ in range(2 * MANY):
        replays.note("a", b"1", NOW)
    assert log.counters.snapshot()["dkim.many_copies"] == before + 1


def test_memory_is_bounded() -> None:
    replays = Replays()
    replays.note("old", b"", NOW)
    for number in range(BODIES):
        replays.note("a", number.to_bytes(4, "big"), NOW)
    assert replays.copies("old", b"", NOW) == 0
    assert replays.copies("a", (0).to_bytes(4, "big"), NOW) == 1
