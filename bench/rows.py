"""The rows: how each figure is taken from a server, and what it should be beside the peers.

An experiment runs one load and gives several figures; a row is one figure of one experiment with its two marks,
"must" and "reach".  Marks are ratios, Courriel to peer: for rates larger is better, for costs smaller.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import generators
from bench.generators import Figures, LoadFailed, sink
from bench.material import Material
from bench.measure import count_syncs, syncs_counted
from bench.peers import CROWD, DOMAIN, PASSWORD, SINK_PORT, Courriel, Server
from bench.world import ILL_OF, Seen, world

BACKLOG_PATIENCE_S: Final = 300.0
NO_INDEX: Final = "search.index=false"


@dataclass(frozen=True)
class Sizes:
    """How much of everything; ``quick`` is for trying the bench itself."""

    messages: int = 10_000
    large_messages: int = 3_000
    slow_messages: int = 3_000
    latency_messages: int = 100
    operations: int = 40_000
    big: int = 10_000
    huge: int = 100_000
    idle: int = 5_000

    @classmethod
    def quick(cls) -> Sizes:
        return cls(1_000, 500, 300, 20, 3_000, 1_000, 5_000, 200)


@dataclass(frozen=True)
class Bench:
    """What an experiment works with."""

    sizes: Sizes
    material: Material
    scratch: Path


Measure = Callable[[Server, Bench], Figures]


@dataclass(frozen=True)
class Experiment:
    """``boxes``: needs the filled mailboxes.  ``hibernate``: the peer runs with its hibernation on.  ``alone``: the
    peer does not run; the marks are for our own figure."""

    name: str
    measure: Measure
    boxes: bool = False
    hibernate: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Row:
    """``larger`` says whether a larger figure is the better one.  A mark of 0 is not set."""

    experiment: str
    figure: str
    title: str
    unit: str
    larger: bool
    must: float
    reach: float
    alone: bool = False


# --- SMTP ------------------------------------------------------------------------------------------------------


def _smtp(file: Callable[[Material], Path], count: Callable[[Sizes], int], connections: int, *options: str) -> Measure:
    def measure(server: Server, bench: Bench) -> Figures:
        messages = count(bench.sizes)
        cpu, octets = server.processes.cpu_s(), server.disk.written_octets()
        began = time.monotonic()
        argv = ["-p", server.doors.smtp, "-c", connections, "-n", messages, "-f", file(bench.material)]
        figures = generators.run("smtpload", *argv, "-d", DOMAIN, "-r", CROWD, *options)
        _wait_delivered(server)
        figures["delivered_rate"] = messages / (time.monotonic() - began)
        figures["cpu_us"] = (server.processes.cpu_s() - cpu) / messages * 1e6
        after = server.disk.written_octets()
        if octets is not None and after is not None:
            figures["disk_octets"] = (after - octets) / messages
        return figures

    return measure


def _wait_delivered(server: Server, flush_every_s: float = BACKLOG_PATIENCE_S) -> None:
    """Until nothing is queued.  Postfix passes over what it is just deferring, so a flush may be needed again."""
    began = flushed = time.monotonic()
    while server.backlog():
        now = time.monotonic()
        if now > began + BACKLOG_PATIENCE_S:
            raise generators.LoadFailed(f"{server.name}: {server.backlog()} messages are still queued")
        if now > flushed + flush_every_s:
            server.flush()
            flushed = now
        time.sleep(0.01)


def _small(material: Material) -> Path:
    return material.small


def _large(material: Material) -> Path:
    return material.large


def _syncs(server: Server, bench: Bench) -> Figures:
    messages = max(100, bench.sizes.messages // 10)
    log = bench.scratch / f"syncs-{server.name}.log"
    with syncs_counted(server.processes.pids(), log):
        argv = ["-p", server.doors.smtp, "-c", 10, "-n", messages, "-f", bench.material.small]
        generators.run("smtpload", *argv, "-d", DOMAIN, "-r", CROWD)
        _wait_delivered(server)
    return {"syncs": count_syncs(log) / messages}


DESTINATIONS: Final = 10
FLUSH_S: Final = 5.0


def _relay(server: Server, bench: Bench) -> Figures:
    """Taken and handed on to ten servers that take everything."""
    messages = bench.sizes.messages
    with sink(SINK_PORT):
        cpu, began = server.processes.cpu_s(), time.monotonic()
        _fill_queue(server, bench, messages)
        _wait_delivered(server)
        return {
            "relayed_rate": messages / (time.monotonic() - began),
            "cpu_us": (server.processes.cpu_s() - cpu) / messages * 1e6,
        }


def _queue(server: Server, bench: Bench) -> Figures:
    """The queue is full and nobody answers; then ten servers do, and it is flushed."""
    messages = bench.sizes.messages
    _fill_queue(server, bench, messages)
    with sink(SINK_PORT):
        cpu, began = server.processes.cpu_s(), time.monotonic()
        server.flush()
        _wait_delivered(server, FLUSH_S)
        return {
            "queue_rate": messages / (time.monotonic() - began),
            "cpu_us": (server.processes.cpu_s() - cpu) / messages * 1e6,
        }


def _fill_queue(server: Server, bench: Bench, messages: int) -> None:
    argv = ["-p", server.doors.relay, "-c", 10, "-n", messages, "-f", bench.material.small]
    generators.run("smtpload", *argv, "-a", DESTINATIONS)


MANY: Final = 1_000
DEAD: Final = "[127.0.200.1]"
"""Nobody listens there."""


def _dead(server: Server, bench: Bench) -> Figures:
    """How ten destinations fare while very much waits for another one, which is dead; then the server starts again."""
    with world(SINK_PORT, DESTINATIONS) as seen:
        alone = _pass_on(server, bench, seen, DESTINATIONS, bench.sizes.messages)
        waiting = bench.sizes.huge
        generators.run(
            "smtpload", "-p", server.doors.relay, "-c", 10, "-n", waiting, "-f", bench.material.small, "-d", DEAD
        )
        beside = _pass_on(server, bench, seen, DESTINATIONS, bench.sizes.messages)
    memory = server.processes.pss_octets()
    start_s = server.restart_s()
    if server.backlog() != waiting:
        raise LoadFailed(f"{server.backlog()} messages wait, not {waiting}")
    again = server.processes.pss_octets()
    server.forget()
    return {
        "unharmed": beside / alone,
        "octets": float(memory),
        "octets_again": float(again),
        "start_s": start_s,
        "rate": alone,
    }


def _many(server: Server, bench: Bench) -> Figures:
    """A thousand destinations that are well, then with one in ten slow or failing."""
    rates = []
    for ill in (False, True):
        messages = bench.sizes.messages
        well = messages - messages // ILL_OF if ill else messages
        with world(SINK_PORT, MANY, ill=ill) as seen:
            rates.append(_pass_on(server, bench, seen, MANY, messages, well))
    server.forget()
    return {"unharmed": rates[1] / (rates[0] * (1 - 1 / ILL_OF)), "rate": rates[0], "ill_rate": rates[1]}


def _pass_on(
    server: Server, bench: Bench, seen: Seen, destinations: int, messages: int, wanted: int | None = None
) -> float:
    """Messages a second, taken and handed on, until ``wanted`` (all of them) have come to those who are well."""
    before, began = seen.taken(), time.monotonic()
    argv = ["-p", server.doors.relay, "-c", 10, "-n", messages, "-f", bench.material.small]
    generators.run("smtpload", *argv, "-a", destinations)
    wanted = messages if wanted is None else wanted
    while (came := seen.taken() - before) < wanted:
        if time.monotonic() > began + BACKLOG_PATIENCE_S:
            raise LoadFailed(f"{came} messages of {wanted} came")
        time.sleep(0.01)
    return wanted / (time.monotonic() - began)


def _latency(server: Server, bench: Bench) -> Figures:
    argv = ["-p", server.doors.smtp, "-i", server.doors.imap, "-u", server.login("u0"), "-w", PASSWORD]
    return generators.run(
        "latency", *argv, "-t", f"u0@{DOMAIN}", "-f", bench.material.small, "-n", bench.sizes.latency_messages
    )


# --- IMAP and POP3 ---------------------------------------------------------------------------------------------


def _imap(server: Server, person: str, *options: str | int, tls: bool = False) -> list[str | int]:
    port = server.doors.imaps if tls else server.doors.imap
    return ["-p", port, "-u", server.login(person), "-w", PASSWORD, *options, *(["-T"] if tls else [])]


def _loop(
    commands: str | Callable[[Bench], str],
    *,
    person: str = "big",
    share: float = 1.0,
    least: int = 3,
    connections: int = 1,
    tls: bool = False,
    warm: bool = True,
) -> Measure:
    """``commands`` again and again: ``share`` of the usual number of operations, at least ``least``."""

    def measure(server: Server, bench: Bench) -> Figures:
        text = commands if isinstance(commands, str) else commands(bench)
        box = bench.sizes.huge if person == "huge" else bench.sizes.big
        operations = max(least, int(bench.sizes.operations * share))
        argv = _imap(server, person, "-m", "loop", "-C", text, "-N", box, "-c", connections, tls=tls)
        if warm:
            generators.run("imapload", *argv, "-n", connections)
        cpu = server.processes.cpu_s()
        figures = generators.run("imapload", *argv, "-n", operations)
        figures["cpu_us"] = (server.processes.cpu_s() - cpu) / operations * 1e6
        figures["octets_rate"] = figures["octets"] / figures["seconds"]
        figures["cpu_ns_per_octet"] = figures["cpu_us"] * operations * 1e3 / max(1.0, figures["octets"])
        return figures

    return measure


def _some_bodies(bench: Bench) -> str:
    return f"FETCH 1:{bench.sizes.big} (BODY.PEEK[])"


def _search(*settings: str) -> Measure:
    """A word that no message has: each has to be ruled out.  The peer has no index of words."""
    look = _loop('SEARCH BODY "haystack"', share=0.0001, least=3)

    def measure(server: Server, bench: Bench) -> Figures:
        if not isinstance(server, Courriel):
            return look(server, bench)
        server.use(*settings)
        try:
            server.wait_indexed()
            return look(server, bench)
        finally:
            server.use()

    return measure


def _delivery_index(server: Server, bench: Bench) -> Figures:
    """The rate while the index is fed beside it, of the rate without; and when the index had all of it."""
    assert isinstance(server, Courriel)
    deliver = _smtp(_small, lambda sizes: sizes.messages, 50)
    try:
        server.use(NO_INDEX)
        without = deliver(server, bench)["delivered_rate"]
        server.use()
        server.wait_indexed()
        with_index = deliver(server, bench)["delivered_rate"]
        return {"share": with_index / without, "lag_s": server.wait_indexed()}
    finally:
        server.use()


def _login_select(server: Server, bench: Bench) -> Figures:
    operations = max(50, bench.sizes.operations // 40)
    argv = _imap(server, "big", "-m", "reconnect")
    generators.run("imapload", *argv, "-n", 1)
    cpu = server.processes.cpu_s()
    figures = generators.run("imapload", *argv, "-n", operations)
    figures["cpu_us"] = (server.processes.cpu_s() - cpu) / operations * 1e6
    return figures


def _append(connections: int) -> Measure:
    def measure(server: Server, bench: Bench) -> Figures:
        operations = max(200, bench.sizes.operations // 8)
        pack = str(bench.material.pack)
        argv = _imap(server, "u%d", "-U", 10, "-m", "append", "-P", pack, "-c", connections)
        generators.run("imapload", *argv, "-n", connections)  # the first login of each hashes a password
        cpu = server.processes.cpu_s()
        figures = generators.run("imapload", *argv, "-n", operations)
        figures["cpu_us"] = (server.processes.cpu_s() - cpu) / operations * 1e6
        return figures

    return measure


def _retr(server: Server, bench: Bench) -> Figures:
    argv = ["-p", server.doors.pop3, "-u", server.login("big"), "-w", PASSWORD, "-m", "pop3"]
    operations = bench.sizes.big
    generators.run("imapload", *argv, "-n", 1)
    cpu = server.processes.cpu_s()
    figures = generators.run("imapload", *argv, "-N", bench.sizes.big, "-n", operations)
    figures["cpu_us"] = (server.processes.cpu_s() - cpu) / operations * 1e6
    return figures


def _idle(tls: bool, *, settle_s: float = 1.0) -> Measure:
    def measure(server: Server, bench: Bench) -> Figures:
        argv = _imap(server, "u%d", "-U", CROWD, "-m", "idle", tls=tls)
        with generators.held(
            "imapload", *argv, "-c", CROWD
        ):  # what one session of each account costs is not per connection
            pass
        time.sleep(settle_s)
        before = server.processes.pss_octets()
        with generators.held("imapload", *argv, "-c", bench.sizes.idle):
            time.sleep(settle_s)
            after = server.processes.pss_octets()
        time.sleep(settle_s)
        if after <= before:
            raise LoadFailed(f"memory went from {before} to {after} octets with {bench.sizes.idle} connections more")
        return {"octets_each": (after - before) / bench.sizes.idle}

    return measure


def _memory(server: Server, bench: Bench) -> Figures:
    return {"pss_octets": float(server.processes.pss_octets())}


ENVELOPES: Final = "FETCH 1:* (UID ENVELOPE BODYSTRUCTURE RFC822.SIZE)"
TOGGLE: Final = (
    "STORE %d +FLAGS.SILENT (\\Flagged)|FETCH 1:* (FLAGS)|STORE %d -FLAGS.SILENT (\\Flagged)|FETCH 1:* (FLAGS)"
)
SORTS: Final = "|".join(
    f"SORT ({key}) UTF-8 ALL" for key in ("ARRIVAL", "DATE", "SUBJECT", "FROM", "TO", "SIZE", "REVERSE DATE")
)
THREADS: Final = "THREAD REFERENCES UTF-8 ALL|THREAD ORDEREDSUBJECT UTF-8 ALL|THREAD REFS UTF-8 ALL"
SEARCHES: Final = "SEARCH SUBJECT invoice|SEARCH FROM sender77|SEARCH TO garden|SEARCH SENTSINCE 10-Nov-2026"
STORE_ONE: Final = "STORE %d +FLAGS (\\Seen)|STORE %d -FLAGS (\\Seen)"
STORE_ALL: Final = "STORE 1:* +FLAGS (\\Answered)|STORE 1:* -FLAGS (\\Answered)"

EXPERIMENTS: Final = (
    Experiment("smtp-4k-50", _smtp(_small, lambda sizes: sizes.messages, 50)),
    Experiment("smtp-4k-1", _smtp(_small, lambda sizes: sizes.slow_messages, 1)),
    Experiment("smtp-50k-50", _smtp(_large, lambda sizes: sizes.large_messages, 50)),
    Experiment("smtp-4k-10", _smtp(_small, lambda sizes: sizes.slow_messages, 10)),
    Experiment("smtp-4k-50-tls", _smtp(_small, lambda sizes: sizes.messages, 50, "-T")),
    Experiment("smtp-4k-1-tls", _smtp(_small, lambda sizes: sizes.slow_messages, 1, "-T")),
    Experiment("smtp-50k-50-tls", _smtp(_large, lambda sizes: sizes.large_messages, 50, "-T")),
    Experiment("syncs", _syncs),
    Experiment("latency", _latency),
    Experiment("relay", _relay),
    Experiment("queue", _queue),
    Experiment("dead", _dead, alone=True),
    Experiment("many", _many, alone=True),
    Experiment("login-select", _login_select, boxes=True),
    Experiment("select-100k", _loop("SELECT INBOX", person="huge", share=0.2), boxes=True),
    Experiment("flags-first", _loop(TOGGLE, person="huge", share=0.00025), boxes=True),
    Experiment("flags-cached", _loop("FETCH 1:* (FLAGS)", person="huge", share=0.001), boxes=True),
    Experiment("envelopes", _loop(ENVELOPES, person="huge", share=0.0001), boxes=True),
    Experiment("sort", _loop(SORTS, person="huge", share=0.0005), boxes=True),
    Experiment("thread", _loop(THREADS, person="huge", share=0.0003), boxes=True),
    Experiment("search-header", _loop(SEARCHES, person="huge", share=0.0003), boxes=True),
    Experiment("bodies", _loop(_some_bodies, share=0.00025, least=5), boxes=True),
    Experiment("bodies-tls", _loop(_some_bodies, share=0.00025, least=5, tls=True), boxes=True),
    Experiment("fetch-one", _loop("FETCH %d (BODY.PEEK[])"), boxes=True),
    Experiment("fetch-one-8", _loop("FETCH %d (BODY.PEEK[])", connections=8), boxes=True),
    Experiment("noop", _loop("NOOP"), boxes=True),
    Experiment("noop-8", _loop("NOOP", connections=8), boxes=True),
    Experiment("store-1", _loop(STORE_ONE, share=0.5), boxes=True),
    Experiment("store-8", _loop(STORE_ONE, share=0.5, connections=8), boxes=True),
    Experiment("store-all", _loop(STORE_ALL, share=0.0005, least=5), boxes=True),
    Experiment("search-body", _search(NO_INDEX), boxes=True),
    Experiment("search-body-index", _search(), boxes=True),
    Experiment("delivery-index", _delivery_index, alone=True),
    Experiment("append-1", _append(1)),
    Experiment("append-10", _append(10)),
    Experiment("pop3-retr", _retr, boxes=True),
    Experiment("idle", _idle(False)),
    Experiment("idle-tls", _idle(True)),
    Experiment("idle-hibernate", _idle(False, settle_s=8.0), hibernate=True),
    Experiment("idle-tls-hibernate", _idle(True, settle_s=8.0), hibernate=True),
    Experiment("memory", _memory),
)

ROWS: Final = (
    Row("smtp-4k-50", "delivered_rate", "SMTP accepted + delivered, 4 KB, 50 connections", "/s", True, 8, 20),
    Row("smtp-4k-1", "delivered_rate", "SMTP accepted + delivered, 4 KB, 1 connection", "/s", True, 3, 6),
    Row("smtp-50k-50", "delivered_rate", "SMTP accepted + delivered, 50 KB, 50 connections", "/s", True, 5, 10),
    Row("smtp-4k-50", "rate", "accept rate alone, 4 KB, 50 connections", "/s", True, 3, 8),
    Row("smtp-50k-50", "rate", "accept rate alone, 50 KB, 50 connections", "/s", True, 2, 4),
    Row("smtp-4k-50-tls", "delivered_rate", "TLS: accepted + delivered, 4 KB, 50 connections", "/s", True, 8, 20),
    Row("smtp-4k-1-tls", "delivered_rate", "TLS: accepted + delivered, 4 KB, 1 connection", "/s", True, 3, 6),
    Row("smtp-50k-50-tls", "delivered_rate", "TLS: accepted + delivered, 50 KB, 50 connections", "/s", True, 5, 10),
    Row("smtp-4k-10", "cpu_us", "CPU per delivered message, 4 KB, 10 connections", "µs", False, 1 / 8, 1 / 20),
    Row("smtp-4k-10", "disk_octets", "octets to disk per delivered message", "B", False, 1 / 6, 1 / 20),
    Row("syncs", "syncs", "syncs per delivered message", "", False, 1 / 8, 1 / 40),
    Row("latency", "dot_us_p50", "final dot → 250, one at a time, p50", "µs", False, 1, 0.7),
    Row("latency", "exists_us_p50", "final dot → EXISTS in IDLE, p50", "µs", False, 1 / 200, 1 / 600),
    Row("relay", "relayed_rate", "SMTP accepted + relayed to 10 destinations, 4 KB", "/s", True, 6, 15),
    Row("relay", "cpu_us", "CPU per message accepted + relayed", "µs", False, 1 / 8, 0),
    Row("queue", "queue_rate", "queue → 10 destinations, 4 KB", "/s", True, 8, 20),
    Row("queue", "cpu_us", "CPU per message relayed from the queue", "µs", False, 1 / 8, 0),
    Row("dead", "unharmed", "rate of 10 destinations while 100k messages wait for a dead one", "×", True, 0.9, 0, True),
    Row("dead", "octets", "memory with 100k messages that wait", "B", False, 200e6, 0, True),
    Row("dead", "start_s", "start with 100k messages that wait", "s", False, 5, 0, True),
    Row("many", "unharmed", "rate of 1,000 destinations when 1 in 10 is slow or fails", "×", True, 0.9, 0, True),
    Row("login-select", "rate", "LOGIN + SELECT of 10k, new connection", "/s", True, 15, 40),
    Row("select-100k", "rate", "SELECT of 100k", "/s", True, 3, 5),
    Row("flags-first", "rate", "FETCH FLAGS of 100k, after a change (×2)", "/s", True, 3, 6),
    Row("flags-cached", "rate", "FETCH FLAGS of 100k, again", "/s", True, 15, 45),
    Row("envelopes", "rate", "FETCH ENVELOPE … of 100k, warm", "/s", True, 7, 20),
    Row("sort", "rate", "SORT of 100k by one of seven keys, again", "/s", True, 3, 10),
    Row("thread", "rate", "THREAD of 100k by one of three algorithms, again", "/s", True, 3, 10),
    Row("search-header", "rate", "SEARCH of 100k envelopes", "/s", True, 3, 10),
    Row("bodies", "octets_rate", "FETCH BODY.PEEK[] stream", "B/s", True, 4, 8),
    Row("bodies-tls", "cpu_ns_per_octet", "FETCH BODY.PEEK[] stream over TLS, CPU", "ns/B", False, 1 / 2.5, 1 / 3.5),
    Row("fetch-one", "rate", "FETCH one body, 1 connection", "/s", True, 2.5, 5),
    Row("fetch-one-8", "rate", "FETCH one body, 8 connections", "/s", True, 2.5, 5),
    Row("noop", "rate", "NOOP, 1 connection", "/s", True, 2.5, 5),
    Row("noop-8", "rate", "NOOP, 8 connections", "/s", True, 2.5, 5),
    Row("store-1", "rate", "STORE one message, 1 connection (×2)", "/s", True, 1.5, 3),
    Row("store-8", "rate", "STORE one message, 8 connections (×2)", "/s", True, 3, 6),
    Row("store-all", "rate", "STORE 1:* of 10k (×2)", "/s", True, 2, 5),
    Row("search-body", "cpu_us", "SEARCH BODY of 10k messages, without an index", "µs", False, 1 / 15, 1 / 30),
    Row("search-body-index", "cpu_us", "SEARCH BODY of 10k messages, with an index", "µs", False, 1 / 300, 1 / 1500),
    Row("delivery-index", "share", "delivery rate with the index, of that without", "", True, 0.85, 0.95, alone=True),
    Row("delivery-index", "lag_s", "index has all of a burst of 10k, after", "s", False, 10, 5, alone=True),
    Row("append-1", "rate", "APPEND 4 KB, 1 connection", "/s", True, 1.5, 3),
    Row("append-10", "rate", "APPEND 4 KB, 10 connections", "/s", True, 4, 8),
    Row("pop3-retr", "rate", "POP3 RETR of 10k messages", "/s", True, 2, 4),
    Row("idle", "octets_each", "memory per IDLE connection", "B", False, 1 / 100, 1 / 300),
    Row("idle-tls", "octets_each", "memory per IDLE connection, TLS", "B", False, 1 / 10, 0),
    Row("idle-hibernate", "octets_each", "memory per IDLE, peer hibernates", "B", False, 1 / 3, 0),
    Row("idle-tls-hibernate", "octets_each", "memory per IDLE, TLS, peer hibernates", "B", False, 1 / 2.5, 0),
)
