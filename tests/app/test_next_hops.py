"""What the administrator may write for a next hop."""

from __future__ import annotations

import pytest

from courriel.app.config import RelaySection, RouteSection, Settings, SettingsError
from courriel.app.outbound import relay_settings_of
from courriel.delivery.relay.settings import NextHop


def hop(text: str, tls: str = "starttls") -> NextHop:
    settings = Settings(relay=RelaySection(routes={"Example.org": RouteSection(text, tls=tls)}))
    return relay_settings_of(settings).routes["example.org"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mx.example", NextHop("mx.example", 25, "starttls")),
        ("mx.example:2525", NextHop("mx.example", 2525, "starttls")),
        ("[2001:db8::1]", NextHop("2001:db8::1", 25, "starttls")),
        ("[2001:db8::1]:587", NextHop("2001:db8::1", 587, "starttls")),
        ("lmtp:box.example", NextHop("box.example", 24, "starttls", lmtp=True)),
        ("lmtp:[2001:db8::1]:2003", NextHop("2001:db8::1", 2003, "starttls", lmtp=True)),
        ("lmtp:unix:/run/dovecot/lmtp", NextHop("/run/dovecot/lmtp", 0, "none", lmtp=True)),
    ],
)
def test_next_hops(text: str, wanted: NextHop) -> None:
    assert hop(text) == wanted
    assert wanted.is_socket is text.startswith("lmtp:unix:")


@pytest.mark.parametrize(
    "text", ["", "mx.example:", "mx.example:0", "mx.example:70000", "lmtp:", "lmtp:unix:run", "lmtp:unix:"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match=r"relay\.routes\.Example\.org\.host"):
        hop(text)
