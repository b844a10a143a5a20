"""``dovecot-uidlist``: what others wrote is read, what we write is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.base.errors import FormatError
from courriel.formats.mailbox import uidlist
from courriel.formats.mailbox.uidlist import Entry, UidList

WRITTEN = (
    b"3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
    b"25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
    b"25017 W2481 P0000abcd :1276533073.M242911P3632.kurkku:2,F\n"
    b"no entry at all\n"
    b"25018 Pwith\x7fcontrol :x\n"
)


def test_what_another_server_wrote() -> None:
    found = uidlist.parse(WRITTEN)
    assert found == UidList(
        1275660208,
        25022,
        (
            Entry(25006, "1276528487.M364837P9451.kurkku"),
            Entry(25017, "1276533073.M242911P3632.kurkku", b"0000abcd"),
            Entry(25018, "x"),
        ),
    )
    assert list(found.unique_ids().values()) == [b"000061ae4c0907b0", b"0000abcd", b"000061ba4c0907b0"]


names = st.text(st.characters(min_codepoint=48, max_codepoint=0x2FF, exclude_characters=":,"), min_size=1)
ids = st.from_regex(rb"\A[\x21-\x7e]{0,70}\Z")


@given(st.lists(st.builds(Entry, st.integers(1, 4294967295), names, ids), max_size=5))
def test_what_we_write_is_read_back(entries: list[Entry]) -> None:
    assert uidlist.parse(uidlist.render(7, 99, entries)) == UidList(7, 99, tuple(entries))


@pytest.mark.parametrize("data", [b"", b"1 5 6\n", b"3 V12345678901 N1\n", b"3 N1\n", b"3 Vx N1\n"])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        uidlist.parse(data)
