"""People's rules: processor time they add to one delivery.

    .venv/bin/python -m bench.micro_sieve [--profile]

``run`` is the interpreter alone, message parsed anew each time; ``sort`` is the whole step of delivery for one reader;
``compile`` happens once a script.  50 rules, of which the last one files the mail; a message of usual size.
"""

from __future__ import annotations

import asyncio
import cProfile
import statistics
import sys
import time
from collections.abc import Callable

from courriel.delivery.intake import _as_it_came
from courriel.delivery.letter import Letter
from courriel.delivery.route import make_plan
from courriel.delivery.rules import Rules
from courriel.model.envelope import Client, Door, Envelope, Recipient, address_of
from courriel.model.transit import Transit
from courriel.sieve.check import compile_script
from courriel.sieve.message import Message
from courriel.sieve.run import Environment, execute
from courriel.sieve.settings import DEFAULT
from tests.smtp.house import KEYS, build

TURNS = 500
ROUNDS = 7

RULES = b'require ["fileinto"];\n' + b"".join(
    b'if header :contains ["subject", "list-id"] "word%d" { fileinto "folder%d"; stop; }\n' % (n, n) for n in range(49)
) + b'if address :domain :is "from" "far.test" { fileinto "Archive"; }\n'  # fmt: skip

RECEIVED = b"Received: from a%d.far.test by b%d.far.test with ESMTPS id x; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=far.test; s=x; h=from:to:subject; bh=%b; b=%b\r\n"
MAIL = (
    b"".join(RECEIVED % (n, n) for n in range(4))
    + SIGNATURE % (b"a" * 44, b"a" * 340)
    + b"From: Eve Example <eve@far.test>\r\nTo: alice@courriel.test\r\n"
    + b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= of today\r\nMessage-ID: <1@far.test>\r\n"
    + b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    + b"Hello there.\r\n" * 300
)


def cpu_us(work: Callable[[], object], turns: int = TURNS) -> float:
    """Median of some rounds, in microseconds each."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(turns):
            work()
        found.append((time.process_time() - began) / turns * 1e6)
    return statistics.median(found)


def interpreter() -> float:
    script = compile_script(RULES)
    world = Environment("eve@far.test", "alice@courriel.test", 1.8e9, time.thread_time)
    return cpu_us(lambda: execute(script, Message(MAIL), world))


async def step(active: bool) -> float:
    """``Rules.concern`` and, with a script at work, ``Rules.sort``."""
    house = await build()
    account = house.directory.by_login("alice")
    assert account is not None
    if active:
        await house.scripts.put(account.id, "rules", RULES, 9)
        await house.scripts.activate(account.id, "rules")
    rules = Rules(house.scripts, house.store, house.directory, DEFAULT, "mail.courriel.test", KEYS, lambda *_: None)
    to = Recipient(address_of("alice@courriel.test"))
    envelope = Envelope(Door.MX, Client("192.0.2.1", 1, "c"), address_of("eve@far.test"), (to,))

    async def one() -> None:
        transit = Transit("x", envelope, MAIL, 1.8e9)
        plan = make_plan(house.directory.resolve, house.directory, (to,), frozenset)
        letters: list[Letter] = [_as_it_came(transit, plan)]
        if active and rules.concern(letters):
            await rules.sort(transit, plan, letters)

    await one()
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TURNS):
            await one()
        found.append((time.process_time() - began) / TURNS * 1e6)
    await house.close()
    return statistics.median(found)


async def main() -> None:
    without, with_script = await step(False), await step(True)
    print(f"compile   {cpu_us(lambda: compile_script(RULES), 20):8.1f} us")
    print(f"run       {interpreter():8.1f} us")
    print(f"sort      {with_script - without:8.1f} us more than without ({without:.1f} us for plan and letter)")


if __name__ == "__main__":
    if "--profile" in sys.argv:
        cProfile.run("asyncio.run(main())", sort="tottime")
    else:
        asyncio.run(main())
