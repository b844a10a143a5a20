"""Asking ClamAV about a message: command INSTREAM of its daemon.  clamd(8), COMMANDS.

    C: zINSTREAM NUL, then pieces: 4 octets of length (big-endian) and so many octets; a length of 0 ends
    S: "stream: OK" NUL  |  "stream: NAME FOUND" NUL  |  "... ERROR" NUL

One connection a message: the daemon forks no process for it, and keeps none open for idle clients.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from courriel.base.errors import Unavailable

PIECE_OCTETS: Final = 65_536
"""``clamd.piece``: of a message that is sent at once."""

ANSWER_OCTETS: Final = 1_024
"""``clamd.answer``: longest answer; names of signatures have less than 100 octets."""

NAME_CHARACTERS: Final = 100
"""Of a signature's name that is passed on."""


async def ask(place: tuple[str, int], content: bytes, timeout_s: float) -> str:
    """The name of what was found in ``content``, "" for nothing.

    ``place`` is host and port, or the path of a socket and 0.  Needs a task of its own.  Raises Unavailable: no
    answer within ``timeout_s``, or none that can be understood.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return _found(await _exchange(place, content))
    except TimeoutError:
        raise Unavailable(f"clamd: no answer within {timeout_s:g} s") from None
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise Unavailable(f"clamd: {error}") from None


async def _exchange(place: tuple[str, int], content: bytes) -> bytes:
    host, port = place
    if port:
        reader, writer = await asyncio.open_connection(host, port, limit=ANSWER_OCTETS)
    else:
        reader, writer = await asyncio.open_unix_connection(host, limit=ANSWER_OCTETS)
    try:
        writer.write(b"zINSTREAM\0")
        view = memoryview(content)
        for start in range(0, len(view), PIECE_OCTETS):
            piece = view[start : start + PIECE_OCTETS]
            writer.writelines((struct.pack(">I", len(piece)), piece))
            await writer.drain()
        writer.write(struct.pack(">I", 0))
        return await reader.readuntil(b"\0")
    finally:
        writer.close()


def _found(answer: bytes) -> str:
    """Raises Unavailable for an error, and for what is no answer."""
    text = answer.rstrip(b"\0").decode("ascii", "replace")
    said = text.removeprefix("stream: ")
    if said == "OK":
        return ""
    if said.endswith(" FOUND"):
        name = said.removesuffix(" FOUND")[:NAME_CHARACTERS]
        return "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    raise Unavailable(f"clamd: {text[:NAME_CHARACTERS]!a}")
