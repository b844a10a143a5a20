"""What is sent: one message of 4 KB and one of 50 KB, and a thousand distinct ones for mailboxes.

All made here from a fixed seed.  Each holds sixteen octets that the load generators change in every copy, so that no
store can keep one body for many messages.
"""

from __future__ import annotations

import base64
import random
import struct
from pathlib import Path
from typing import Final

MARK: Final = "0123456789ABCDEF"
DISTINCT: Final = 1000
PROSE: Final = (
    "the meeting moved letter invoice garden project train weather please answer yesterday budget morning thanks "
    "attached draft review ticket order number window server paper friend regards table price offer contract music "
    "school holiday kitchen report deadline question update photo address phone bridge river mountain coffee"
)
WORDS: Final = PROSE.split()


def _prose(dice: random.Random, octets: int) -> str:
    lines, length = [], 0
    while length < octets:
        line = " ".join(dice.choices(WORDS, k=dice.randint(6, 11))).capitalize() + "."
        lines.append(line)
        length += len(line) + 2
    return "\r\n".join(lines) + "\r\n"


def _head(dice: random.Random, number: int, content_type: str) -> str:
    subject = " ".join(dice.choices(WORDS, k=5)).capitalize()
    return (
        f"From: {dice.choice(WORDS).capitalize()} Sender <sender{number}@outside.test>\r\n"
        f"To: {dice.choice(WORDS).capitalize()} Reader <u0@courriel.test>\r\n"
        f"Subject: {subject}\r\n"
        f"Date: Tue, {number % 28 + 1:02} Nov 2026 0{number % 10}:{number % 60:02}:00 +0000\r\n"
        f"Message-ID: <{MARK}.{number}@outside.test>\r\n"
        f"X-Mailer: bench {number % 7}\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n"
    )


def alternative(seed: int, octets: int) -> bytes:
    """A multipart/alternative of about ``octets``: plain text and the same as HTML."""
    dice = random.Random(seed)
    text = _prose(dice, max(200, (octets - 1100) // 2))
    paragraphs = "".join(f"<p>{line}</p>\r\n" for line in text.splitlines())
    return (
        _head(dice, seed, f'multipart/alternative; boundary="=_part_{seed}"')
        + f"\r\n--=_part_{seed}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}"
        + f"\r\n--=_part_{seed}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        + f"<html><body>\r\n{paragraphs}</body></html>\r\n\r\n--=_part_{seed}--\r\n"
    ).encode()


def with_attachment(seed: int, octets: int) -> bytes:
    """A multipart/mixed of about ``octets``: a text and a base64 attachment that does not compress."""
    dice = random.Random(seed)
    raw = dice.randbytes(max(1000, (octets - 2500) * 57 // 78))
    encoded = base64.encodebytes(raw).replace(b"\n", b"\r\n").decode()
    return (
        _head(dice, seed, f'multipart/mixed; boundary="=_part_{seed}"')
        + f"\r\n--=_part_{seed}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{_prose(dice, 1200)}"
        + f'\r\n--=_part_{seed}\r\nContent-Type: application/pdf; name="offer.pdf"\r\n'
        + "Content-Transfer-Encoding: base64\r\n"
        + f'Content-Disposition: attachment; filename="offer.pdf"\r\n\r\n{encoded}'
        + f"\r\n--=_part_{seed}--\r\n"
    ).encode()


class Material:
    """The files the load generators read."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.small = directory / "4k.eml"
        self.large = directory / "50k.eml"
        self.pack = directory / "mailbox.pack"
        self.small.write_bytes(alternative(1, 3900))
        self.large.write_bytes(with_attachment(2, 51_500))
        dice = random.Random(3)
        messages = [alternative(10 + number, dice.randint(1500, 7600)) for number in range(DISTINCT)]
        self.pack.write_bytes(b"".join(struct.pack("<I", len(message)) + message for message in messages))
