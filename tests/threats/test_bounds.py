"""What signals cost: time for hostile messages, memory for lists and phrases."""

from __future__ import annotations

import subprocess
import sys
import time

from courriel.threats.signals import authentication, history, identity, links, lookalike, route
from courriel.threats.view import Arrival, Context, Executive, View
from tests.threats.views import hop, judged, link, person, view

MODULES = (authentication, history, identity, links, lookalike, route)
MEMORY_MB = 4.0
HOSTILE_S = 0.05


def _hostile() -> View:
    names = tuple(f"First{i} Last{i}" for i in range(5_000))
    return view(
        display="secure paypal " * 2_000,
        authors=tuple(person(f"x@{'payment' * 8}{i}.com", "PayPal " * 500) for i in range(100)),
        reply_to=tuple(person(f"x@{'rn' * 30}{i}.com") for i in range(100)),
        links=tuple(link(f"https://{'a.' * 100}{'paypal' * 9}{i}.com/{'x' * 3000}", "a." * 140) for i in range(500)),
        hops=tuple(hop("a" * 200, "203.0.113.7", at=float(i)) for i in range(50)),
        arrival=Arrival("203.0.113.7", "1-" * 120, "2." * 120, "x@y", judgement=judged("fail", domain="x.example")),
        context=Context(
            own_domains=frozenset(f"house{i}.example" for i in range(100)),
            executives=tuple(Executive(name) for name in names[:100]),
            colleagues=names,
            remembers=True,
        ),
        html=True,
    )


def test_a_hostile_message_costs_little() -> None:
    """The second time, as lists are read and names are split once."""
    spent = 1.0
    for _ in range(2):
        message = _hostile()
        began = time.process_time()
        for module in MODULES:
            for look in module.LOOKS:
                list(look(message))
        spent = time.process_time() - began
    assert spent < HOSTILE_S


def test_lists_take_little_memory() -> None:
    program = (
        "import tracemalloc; from courriel.threats.signals import looks; from tests.threats.views import view, link\n"
        "from courriel.threats.reading.organisation import organisation; organisation('a.example.com')\n"
        "tracemalloc.start()\n"
        "message = view(display='PayPal', author='x@gmail.com', html=True, links=(link('https://paypa1-x.com/'),))\n"
        "[list(look(message)) for look in looks()]\n"
        "print(tracemalloc.get_traced_memory()[0] / 1e6)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(said.stdout) < MEMORY_MB
