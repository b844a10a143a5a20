"""Messages that Outlook saved, as messages of mail."""

from __future__ import annotations

import random
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest

from courriel.base.errors import FormatError
from courriel.formats.message import outlook
from courriel.formats.message.outlook import message_of
from tests.cli.compound import Tree, compound, properties

NOON = 134_086_320_000_000_000
"""A FILETIME."""


def text(value: str) -> bytes:
    return value.encode("utf-16-le")


def attachment(name: str, content: bytes) -> Tree:
    return {
        "__substg1.0_3707001F": text(name),
        "__substg1.0_370E001F": text("application/pdf"),
        "__substg1.0_37010102": content,
        "__properties_version1.0": properties(8, {}),
    }


def saved() -> Tree:
    return {
        "__properties_version1.0": properties(32, {0x3FDE: (3, 65001), 0x0039: (0x40, NOON)}),
        "__substg1.0_0037001F": text("Facture n° 12"),
        "__substg1.0_0C1A001F": text("Éric Dupont"),
        "__substg1.0_5D01001F": text("eric@example.org"),
        "__substg1.0_1035001F": text("<1@example.org>"),
        "__substg1.0_1000001F": text("Bonjour\r\nà vous"),
        "__substg1.0_10130102": "<p>Bonjour <b>à</b> vous</p>".encode(),
        "__recip_version1.0_#00000000": {
            "__substg1.0_3001001F": text("Marie"),
            "__substg1.0_39FE001F": text("marie@example.org"),
        },
        "__attach_version1.0_#00000000": attachment("facture été.pdf", b"%PDF-" + bytes(9_000)),
    }


def parsed(tree: Tree) -> Message:
    return message_from_bytes(message_of(compound(tree)), policy=default)


def test_properties_become_a_message() -> None:
    message = parsed(saved())
    assert message["from"] == "Éric Dupont <eric@example.org>"
    assert message["to"] == "Marie <marie@example.org>"
    assert message["subject"] == "Facture n° 12"
    assert message["message-id"] == "<1@example.org>"
    assert message["date"] == "Wed, 26 Nov 2025 12:00:00 +0000"
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "application/pdf"]
    assert parts[0].get_payload(decode=True) == "Bonjour\r\nà vous".encode()
    assert parts[2].get_filename() == "facture été.pdf"
    assert parts[2].get_payload(decode=True) == b"%PDF-" + bytes(9_000)


def test_the_header_that_came_over_the_wire_is_kept_without_what_speaks_of_parts() -> None:
    header = (
        "Received: from a by b;\r\n\tTue, 24 Nov 2026 10:00:00 +0000\r\nContent-Type: text/html;\r\n\tcharset=x\r\n"
    )
    header += "MIME-Version: 1.0\r\nFrom: a@example.org\r\nSubject: kept\r\n\r\n"
    message = parsed(saved() | {"__substg1.0_007D001F": text(header)})
    assert message["subject"] == "kept" and message["from"] == "a@example.org"
    assert message.get_all("content-type") == ['multipart/mixed; boundary="=_msg_0"']
    assert message["received"] == "from a by b;\tTue, 24 Nov 2026 10:00:00 +0000"


def test_a_message_in_a_message_is_a_part() -> None:
    inner = {"__properties_version1.0": properties(24, {}), "__substg1.0_0037001F": text("inner")}
    tree = saved() | {"__attach_version1.0_#00000001": {"__substg1.0_3701000D": inner}}
    found = [part for part in parsed(tree).walk() if part.get_content_type() == "message/rfc822"]
    assert [part.get_payload(0)["subject"] for part in found] == ["inner"]  # type: ignore[union-attr, index]


def test_texts_of_the_code_page() -> None:
    tree: Tree = {
        "__properties_version1.0": properties(32, {0x3FDE: (3, 1252)}),
        "__substg1.0_0037001E": "été".encode("cp1252"),
        "__substg1.0_1000001E": "déjà".encode("cp1252"),
    }
    assert parsed(tree)["subject"] == "été"


def test_no_property_begins_a_field_of_its_own() -> None:
    message = parsed(
        saved() | {"__substg1.0_0037001F": text("a\r\nBcc: x@example.org"), "__substg1.0_5D01001F": text("a>\nX: y")}
    )
    assert message["bcc"] is None and message["x"] is None


def test_what_is_read_of_all_streams_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "TOTAL_OCTETS", 5_000)
    with pytest.raises(FormatError, match=r"outlook\.total_octets"):
        message_of(compound(saved()))


def test_a_broken_file_is_refused_or_read_and_never_anything_else() -> None:
    whole = compound(saved())
    chance = random.Random(6)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randrange(1, 40)):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        try:
            message_of(bytes(broken[: chance.randrange(512, len(broken))]))
        except FormatError:
            continue
