"""SRS: there and back, over several forwarders, forged and old.  The paper's own scenes, and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.path import Path
from courriel.formats.seal import is_sealed, seal
from courriel.formats.srs import EXPIRE_DAYS, BadReturn, is_rewritten, restore, rewrite

DAY_S = 86_400.0
NOW = 1_800_000_000.0
KEYS = (b"n" * 32, b"o" * 32)
OTHER = (b"x" * 32,)

locals_ = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9+_=-]{0,11}(\.[A-Za-z0-9=]{1,6})?", fullmatch=True)
domains = st.sampled_from(["a.test", "sub.b.example", "xn--bcher-kva.example"])
times = st.floats(0, 4e9)


def sent_on(sender: Path, domain: str = "ours.test", keys: tuple[bytes, ...] = KEYS, now: float = NOW) -> Path:
    rewritten = rewrite(keys, sender, domain, now)
    assert rewritten is not None
    return rewritten


@given(locals_, domains, times, st.integers(0, EXPIRE_DAYS))
def test_a_bounce_finds_its_sender(local: str, domain: str, now: float, days: int) -> None:
    rewritten = sent_on(Path(local, domain), now=now)
    assert rewritten.domain == "ours.test" and is_rewritten(rewritten.local)
    assert len(rewritten.local.encode()) <= 64
    if not is_rewritten(local):
        assert restore(KEYS, rewritten.local, now + days * DAY_S) == Path(local, domain)


@given(locals_, domains)
def test_capitals_may_get_lost(local: str, domain: str) -> None:
    found = restore(KEYS, sent_on(Path(local, domain)).local.lower(), NOW)
    assert (found.local, found.domain) == (local.lower(), domain)


@given(locals_, domains, st.data())
def test_what_was_changed_is_nobody_s(local: str, domain: str, data: st.DataObject) -> None:
    text = sent_on(Path(local, domain)).local
    place = data.draw(st.integers(5, len(text) - 1))
    character = data.draw(st.sampled_from("abcz27=.+"))
    changed = text[:place] + character + text[place + 1 :]
    if changed.lower() != text.lower():
        with pytest.raises(BadReturn):
            restore(KEYS, changed, NOW)


@given(st.text(max_size=40))
def test_anything_is_refused_that_we_did_not_write(text: str) -> None:
    for mark in ("SRS0=", "SRS1=", "srs0+", ""):
        with pytest.raises(BadReturn):
            restore(KEYS, mark + text, NOW)


def test_it_ends() -> None:
    text = sent_on(Path("anna", "a.test")).local
    assert restore(KEYS, text, NOW + EXPIRE_DAYS * DAY_S)
    for days in (EXPIRE_DAYS + 1, EXPIRE_DAYS + 500, -2):
        with pytest.raises(BadReturn):
            restore(KEYS, text, NOW + days * DAY_S)


def test_keys_rotate() -> None:
    old = sent_on(Path("anna", "a.test"), keys=KEYS[1:]).local
    assert restore(KEYS, old, NOW) == Path("anna", "a.test")
    with pytest.raises(BadReturn):
        restore(OTHER, old, NOW)


def test_a_chain_of_forwarders_jumps_back_to_the_first() -> None:
    first = sent_on(Path("anna", "a.test"), "one.test", (b"1" * 32,))
    second = sent_on(first, "two.test", (b"2" * 32,))
    third = sent_on(second, "three.test", (b"3" * 32,))
    assert second.local.startswith("SRS1=") and third.local.startswith("SRS1=")
    assert third.local.count("one.test") == 1 and "two.test" not in third.local
    for keys, path in (((b"2" * 32,), second), ((b"3" * 32,), third)):
        assert restore(keys, path.local, NOW) == first
    assert restore((b"1" * 32,), first.local, NOW) == Path("anna", "a.test")


def test_a_sender_without_room_is_not_rewritten() -> None:
    assert rewrite(KEYS, Path("b" * 40, "a.test"), "ours.test", NOW) is not None
    assert rewrite(KEYS, Path("b" * 45, "a.test"), "ours.test", NOW) is None


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=5), min_size=1, max_size=3))
def test_a_seal_is_of_its_values_and_purpose(values: list[str]) -> None:
    made = seal(KEYS, "one", *values)
    assert len(made) == 8 and is_sealed(KEYS, made.upper(), "one", *values)
    assert not is_sealed(KEYS, made, "two", *values) and not is_sealed(KEYS, made, "one", *values, "")
    assert not is_sealed(OTHER, made, "one", *values) and not is_sealed(KEYS, "", "one", *values)
