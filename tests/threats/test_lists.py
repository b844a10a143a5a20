"""The lists: in order, without doubles, and about what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.formats.domain import normalise
from courriel.threats import lists
from courriel.threats.lists import brands
from courriel.threats.signals.identity import brand_in

FILES = sorted(path.stem for path in Path(lists.__file__).parent.glob("*.txt"))
HOSTS = ("free_mail", "free_hosts", "shorteners", "mailers", "neighbours")


@pytest.mark.parametrize("name", FILES)
def test_each_entry_stands_once_in_lower_case(name: str) -> None:
    entries = lists.lines(name)
    assert entries and len(entries) == len(set(entries))
    assert name == "brands" or all(entry == entry.lower().strip() for entry in entries)


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_are_hosts(name: str) -> None:
    assert [entry for entry in lists.lines(name) if normalise(entry) != entry] == []
    assert max(entry.count(".") for entry in lists.lines(name)) < lists.LABELS


def test_every_list_is_named_in_the_readme() -> None:
    readme = (Path(lists.__file__).parent / "README.md").read_text("utf-8")
    assert [name for name in FILES if f"`{name}.txt`" not in readme] == []


@pytest.mark.parametrize(
    ("host", "entry"),
    [("x.web.app", "web.app"), ("web.app", "web.app"), ("a.b.c.d.e.web.app", "web.app"), ("notweb.app", ""), ("", "")],
)
def test_within(host: str, entry: str) -> None:
    assert lists.within(host, "free_hosts") == entry


def test_every_brand_is_recognised_by_its_names() -> None:
    for name, brand in brands.all_brands():
        found = brand_in(" ".join(name))
        assert found is not None and found[1], (name, brand)


def test_brands_have_domains() -> None:
    known = brands.by_domain()
    assert len({brand.name for _, brand in brands.all_brands()}) >= 300
    assert [brand for _, brand in brands.all_brands() if not brand.domains] == []
    assert [domain for domain in known if "." in domain and normalise(domain) != domain] == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("youtube.com", "youtu.be", True),
        ("amazon.fr", "amazonses.com", True),
        ("shop.example", "shop.example", True),
        ("shop.example", "shop.fr", True),
        ("paypal.com", "stripe.com", False),
        ("", "shop.example", False),
    ],
)
def test_one_owner(one: str, other: str, same: bool) -> None:
    assert brands.same_owner(one, other) is same
