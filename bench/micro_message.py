"""CPU of the message format: microseconds a message, best of many, for 4 KB and 50 KB.

    .venv/bin/python -m bench.micro_message [--profile]

``cold`` clears the caches (media types, address lists) before each turn: the worst case, since real mail repeats them.
"""

from __future__ import annotations

import base64
import cProfile
import sys
import time
from collections.abc import Callable

from courriel.formats.message import envelope, media, structure
from courriel.formats.message.index import index, pack
from courriel.formats.message.parse import parse
from courriel.formats.message.section import Section, extract
from courriel.formats.message.structure import bodystructure
from courriel.formats.message.summary import summarise
from courriel.formats.message.text import preview

TURNS = 2_000

RECEIVED = (
    b"Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n\tby mx.example.net (Courriel) with ESMTPS id "
    b"4f2a9c%d\r\n\tfor <bob@example.net>; Tue, 24 Nov 2026 05:53:5%d +0000\r\n"
)
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=2026;\r\n\th=from:to:subject:date;\r\n"
    b"\tbh=%b;\r\n\tb=%b\r\n" % (b"A" * 44, b"\r\n\t ".join([b"B" * 70] * 5))
)
FIELDS = (
    b"From: Alice Example <alice@example.org>\r\nTo: Bob <bob@example.net>, carol@example.net\r\n"
    b"Cc: =?utf-8?q?Ren=C3=A9?= <rene@example.fr>\r\nSubject: =?utf-8?q?Quarterly_r=C3=A9sum=C3=A9?= and minutes\r\n"
    b"Date: Tue, 24 Nov 2026 05:53:50 +0000\r\nMessage-ID: <20261124055350.4f2a@example.org>\r\n"
    b"In-Reply-To: <1@example.net>\r\nReferences: <0@example.net> <1@example.net>\r\nMIME-Version: 1.0\r\n"
    b"User-Agent: Example 1.0\r\nX-Priority: 3\r\n"
)
HEADER = b"".join([RECEIVED % ((n,) * 5) for n in range(3)]) + SIGNATURE + FIELDS


def alternative(octets: int) -> bytes:
    text = b"Dear Bob, here are the minutes of the meeting we had.\r\n" * ((octets - 1_900) // 112)
    return (
        b'Content-Type: multipart/alternative; boundary="=_alt_0001"\r\n\r\n--=_alt_0001\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + text
        + b"\r\n--=_alt_0001\r\nContent-Type: text/html; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p>" + text + b"</p></body></html>\r\n"
        b"--=_alt_0001--\r\n"
    )


def messages() -> dict[str, bytes]:
    file = base64.encodebytes(bytes(range(256)) * 132).replace(b"\n", b"\r\n")
    return {
        "4 KB text/plain": HEADER
        + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
        + b"Hello, Bob and all.\r\n" * 130,
        "4 KB alternative": HEADER + alternative(4_096),
        "50 KB with attachment": HEADER
        + b'Content-Type: multipart/mixed; boundary="=_mix_0001"\r\n\r\n--=_mix_0001\r\n'
        + alternative(4_000)
        + b'\r\n--=_mix_0001\r\nContent-Type: application/pdf; name="minutes.pdf"\r\n'
        b'Content-Disposition: attachment; filename="minutes.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + file
        + b"--=_mix_0001--\r\n",
    }


def best_us(act: Callable[[], object], before: Callable[[], None] | None = None) -> float:
    best = float("inf")
    for _ in range(TURNS):
        if before is not None:
            before()
        began = time.perf_counter_ns()
        act()
        best = min(best, time.perf_counter_ns() - began)
    return best / 1_000


def cold() -> None:
    for cache in (envelope._cached, media._cached, structure._disposition, structure._mechanism):
        cache.cache_clear()


def main() -> None:
    if "--profile" in sys.argv:
        raw = messages()["4 KB alternative"]
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(TURNS):
            summarise(raw)
        profile.disable()
        profile.print_stats("tottime")
        return
    print(
        f"{'':24}{'octets':>8}{'parse':>8}{'envel.':>8}{'struct.':>8}{'index':>8}{'preview':>8}{'all':>8}{'cold':>8}"
        f"{'BODY[1]':>9}"
    )
    for name, raw in messages().items():
        root = parse(raw)
        node = index(root)
        parts = pack(node)
        figures = [
            best_us(lambda raw=raw: parse(raw)),
            best_us(lambda root=root: envelope.envelope(root.fields)),
            best_us(lambda raw=raw, root=root: bodystructure(raw, root)),
            best_us(lambda root=root: pack(index(root))),
            best_us(lambda raw=raw, node=node: preview(raw, node)),
            best_us(lambda raw=raw: summarise(raw)),
            best_us(lambda raw=raw: summarise(raw), cold),
        ]
        section = best_us(lambda raw=raw, parts=parts: extract(raw, parts, 0, Section((1,))))
        print(f"{name:24}{len(raw):8}" + "".join(f"{figure:8.1f}" for figure in figures) + f"{section:9.1f}")


if __name__ == "__main__":
    main()
