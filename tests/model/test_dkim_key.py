"""The lives of a domain's keys: seen before they sign, spares, rotation, the end."""

from __future__ import annotations

from courriel.formats.zone_file import STRING_OCTETS, strings
from courriel.model.dkim_key import (
    LOOKS,
    Algorithm,
    DkimSettings,
    DomainKey,
    KeyState,
    Look,
    advance,
    looked,
    missing,
    new_selector,
    record,
    retire,
    rotate,
)

DAY = 86_400.0
T = 1_000.0
"""When the keys were made."""
SETTINGS = DkimSettings()
A, B = (DomainKey(name, Algorithm.RSA, b"\x01" * 294, T, T) for name in ("ra", "rb"))
Keys = tuple[DomainKey, ...]


def _seen(keys: Keys, now: float, *names: str) -> Keys:
    return tuple(looked(key, Look.SEEN if key.selector in names else Look.ABSENT, now) for key in keys)


def _states(keys: Keys) -> dict[str, str]:
    return {key.selector: key.state.value for key in keys}


def test_a_key_signs_once_it_was_seen() -> None:
    keys = advance((A, B), T, SETTINGS)
    assert _states(keys) == {"ra": "pending", "rb": "pending"}
    keys = advance(_seen(keys, T + 5, "rb"), T + 5, SETTINGS)
    assert _states(keys) == {"ra": "pending", "rb": "active"}
    assert advance(_seen(keys, T + 6, "ra", "rb"), T + 6, SETTINGS)[1].since == T + 5


def test_a_spare_follows_after_90_days_if_it_is_there() -> None:
    keys = advance(_seen((A, B), T, "ra"), T, SETTINGS)
    late = T + 91 * DAY
    assert _states(advance(_seen(keys, late, "ra"), late, SETTINGS)) == {"ra": "active", "rb": "pending"}
    keys = advance(_seen(keys, late, "ra", "rb"), late, SETTINGS)
    assert _states(keys) == {"ra": "retiring", "rb": "active"}
    assert missing(keys) == [Algorithm.RSA, Algorithm.ED25519, Algorithm.ED25519]
    keys = advance(keys, late + 7 * DAY, SETTINGS)
    assert _states(keys) == {"ra": "retired", "rb": "active"}
    assert _states(advance(keys, late + 37 * DAY, SETTINGS)) == {"rb": "active"}


def test_rotation_on_order_needs_a_spare() -> None:
    keys = advance(_seen((A, B), T, "ra"), T, SETTINGS)
    assert rotate(keys, T + 1) == keys
    assert _states(rotate(_seen(keys, T + 1, "ra", "rb"), T + 1)) == {"ra": "retiring", "rb": "active"}


def test_a_key_that_others_may_have_is_retired_at_once() -> None:
    keys = advance(_seen((A, B), T, "ra", "rb"), T, SETTINGS)
    assert _states(retire(keys, "ra", T + 1)) == {"ra": "retired", "rb": "active"}
    assert _states(retire(keys, "rb", T + 1)) == {"ra": "active", "rb": "retired"}
    assert retire(retire(keys, "ra", T + 1), "ra", T + 2) == retire(keys, "ra", T + 1)


def test_a_key_that_has_left_the_dns_signs_no_more() -> None:
    keys = advance(_seen((A,), T, "ra"), T, SETTINGS)
    for _ in range(LOOKS - 1):
        keys = _seen(keys, T + 1)
    assert _states(keys) == {"ra": "active"}
    assert looked(keys[0], Look.UNKNOWN, T + 2) == keys[0]
    assert _states(advance(_seen(keys, T + 2), T + 2, SETTINGS)) == {"ra": "pending"}
    assert _states(advance(_seen(keys, T + 2, "ra"), T + 2, SETTINGS)) == {"ra": "active"}


def test_selectors_are_new() -> None:
    taken: list[DomainKey] = []
    for _ in range(30):
        taken.append(DomainKey(new_selector(taken, Algorithm.ED25519, "20261124"), Algorithm.ED25519, b"", 0.0, 0.0))
    names = [key.selector for key in taken]
    assert names[0] == "e20261124a" and len(set(names)) == 30


def test_records_fit_into_strings() -> None:
    text = record(A)
    assert text.startswith("v=DKIM1; k=rsa; p=AQEB")
    assert "".join(strings(text)) == text
    assert max(map(len, strings(text))) == STRING_OCTETS
    assert record(A, revoked=True) == "v=DKIM1; k=rsa; p="
    assert A.state is KeyState.PENDING
