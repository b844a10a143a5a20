"""DKIM and ARC in numbers: signatures made and judged a second of processor time, DNS in memory.

    python -m bench.auth_dkim

What others reach on the same kind of machine (RSA-2048, relaxed, 1.5 KB / 100 KB / 1 MB): OpenDKIM's C library judges
5,350 / 1,266 / 152 a second, dkimpy 1,449 / 157 / 14; dkimpy signs 116 / 73 / 14, and judges 1,277 short chains.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from courriel.mailauth.arc import validate
from courriel.mailauth.arc_seal import seal
from courriel.mailauth.dkim_sign import SigningKey, sign
from courriel.mailauth.dkim_verify import verify
from tests.mailauth.signing import MESSAGE, ed25519_key, record, rsa_key
from tests.mailauth.zone import Zone

SIZES: Final = ((1_500, 2_000), (100_000, 300), (1_000_000, 30))
"""Octets of a message, and how often it is taken."""
LINE: Final = b"The quick  brown fox jumps over the lazy dog,\tand then again over it. \r\n"
NOW: Final = 1_800_000_000.0


def message(octets: int) -> bytes:
    header = MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4]
    return header + LINE * ((octets - len(header)) // len(LINE))


def a_second(run: Callable[[], None], times: int) -> int:
    began = time.process_time()
    for _ in range(times):
        run()
    return round(times / (time.process_time() - began))


def main() -> None:
    rsa, ed = SigningKey("example.org", "r", rsa_key()), SigningKey("example.org", "e", ed25519_key())
    zone = Zone({f"{key.selector}._domainkey.example.org": [record(key.private)] for key in (rsa, ed)})
    with asyncio.Runner() as loop:
        for octets, times in SIZES:
            plain = message(octets)
            for name, keys in (("RSA-2048", [rsa]), ("Ed25519", [ed]), ("both", [rsa, ed])):
                signed = sign(plain, keys, NOW) + plain

                async def judge(signed: bytes = signed, times: int = times) -> int:
                    began = time.process_time()
                    for _ in range(times):
                        await verify(signed, zone, lambda: NOW)
                    return round(times / (time.process_time() - began))

                signs = a_second(lambda plain=plain, keys=keys: sign(plain, keys, NOW), times)  # type: ignore[misc]
                print(f"{octets:>9} octets  {name:<9} verify {loop.run(judge()):>6}/s  sign {signs:>6}/s")


def chains() -> None:
    """Three hops, each with its signature and its seal: six RSA checks."""
    keys = [SigningKey(f"hop{number}.test", "r", rsa_key()) for number in range(3)]
    zone = Zone({f"r._domainkey.{key.domain}": [record(key.private)] for key in keys})
    content = message(SIZES[0][0])
    with asyncio.Runner() as loop:
        for key in keys:
            content = seal(content, b"mx; spf=pass", loop.run(validate(content, zone)), key, NOW) + content

        async def judge() -> int:
            began = time.process_time()
            for _ in range(1_000):
                await validate(content, zone)
            return round(1_000 / (time.process_time() - began))

        print(f"ARC, three hops: judged {loop.run(judge()):>6}/s")


if __name__ == "__main__":
    main()
    chains()
