"""Scenarios of the relay as text that anyone can read, and what carries them out.

First the world:

    zone    a line of the zone; {one} is the address of the host "one", {one tlsa} the TLSA data of its certificate
    peer    one                                  a mail server that takes everything
            one absent                           nobody listens
            one offers SMTPUTF8                  also
            one tls NAME [by nobody]             STARTTLS with a certificate for NAME, of our authority or of none
            one tls NAME … offers REQUIRETLS     also, over TLS
    habit   one RCPT b@x.test: 450 4.7.1 wait, 1 times          the words after the colon; "hangs up" hangs up
    policy  sts far.test enforce one.far.test    an MTA-STS policy given by the host "sts"
    with    relay.retry_s=3600                   a setting, or "a small disk", "a clock"

then what happens, and what must be seen within some seconds:

    send [REQUIRETLS] TO …    refused 452 TO             bounce 5.1.1 TO       one got TO [n times]
    waits TO: words           queue is empty             one got nothing       one was called n times
    bounce 5.1.1 TO, headers only                one heard REQUIRETLS
    counted POLICY RESULT: some TLS session so far had that policy and ended so (RFC 8460 words, "good")
    retry                     names fail, names work     disk is full, disk has room      clock +2h
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.flows.lab import inbox, send, until
from tests.flows.network import Network
from tests.flows.peers import Habit, Peer, PolicyHost, open_for_mail
from tests.flows.signed import Nsd
from tests.net.certificates import Made, make
from tests.trial import Trial, courriel, running

DISK_OCTETS = 24 << 20
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
PATIENCE_S = 20.0
BODY = b"hello\r\n.dot\r\n"
MESSAGE = b"From: Alice <alice@courriel.test>\r\nTo: you\r\nSubject: scenario\r\n\r\n" + BODY
WORLD = ("zone", "peer", "habit", "policy", "with")


class Scenario:
    """The text, cut into lines of (word, rest)."""

    def __init__(self, file: Path) -> None:
        lines = [line.split("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
        self.lines = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]

    def said(self, word: str) -> list[str]:
        return [rest for one, rest in self.lines if one == word]

    @property
    def acts(self) -> list[str]:
        return [f"{word} {rest}" for word, rest in self.lines if word not in WORLD]

    @property
    def hosts(self) -> list[str]:
        """In the order of their addresses; the first is the DNS server's."""
        return ["names", *(text.split()[0] for word in ("peer", "policy") for text in self.said(word))]

    @property
    def needs_clock(self) -> bool:
        return "a clock" in self.said("with")

    @property
    def needs_disk(self) -> bool:
        return "a small disk" in self.said("with")


class Play:
    """One scenario, under way."""

    def __init__(self, scenario: Scenario, network: Network, directory: Path) -> None:
        self._scenario, self._network, self._directory = scenario, network, directory
        self._ips = {host: network.ip(n) for n, host in enumerate(scenario.hosts, 1)}
        self._authority = _certificate("Lab authority", ca=True)
        self._made: dict[str, Made] = {}
        self.peers = {text.split()[0]: self._peer(*text.split()) for text in scenario.said("peer")}
        for text in scenario.said("habit"):
            name, _, rest = text.partition(" ")
            verb, _, answer = rest.partition(": ")
            reply, _, times = answer.rpartition(", ")
            self.peers[name].habits.append(Habit(verb, "" if reply == "hangs up" else reply, float(times.split()[0])))

    def run(self) -> None:
        """Raises AssertionError where something that must be seen is not."""
        directory = self._directory
        ca = directory / "lab-ca.pem"
        ca.write_bytes(_pem(self._authority))
        self._names = Nsd(directory / "names", self._ips["names"], self._network.dns, self._zone())
        policies = [self._policy(*text.split()) for text in self._scenario.said("policy")]
        with ExitStack() as stack:
            stack.callback(self._names.stop)
            self._names.start()
            network = self._network
            stack.enter_context(open_for_mail(list(self.peers.values()), network.smtp, policies, network.https))
            words = [
                f"relay.port={network.smtp}", f"dns.servers={self._names.address}", f"dns.anchors={self._names.anchor}",
                f"relay.ca_file={ca}", f"relay.sts_port={network.https}", "relay.retry_s=1",
                *(text for text in self._scenario.said("with") if "=" in text),
            ]  # fmt: skip
            self._server = stack.enter_context(self._start(stack, words))
            for act in self._scenario.acts:
                self._act(act)

    # --- the world ------------------------------------------------------------------------------------------------
    def _start(self, stack: ExitStack, words: list[str]) -> AbstractContextManager[Trial]:
        data, env = self._directory / "near", {}
        if self._scenario.needs_disk:
            data.mkdir()
            _run("mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS}", "none", str(data))
            stack.callback(_run, "umount", "-l", str(data))
        if self._scenario.needs_clock:
            self._set_clock("+0")
            env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self._directory / "clock")}
            env |= {"FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
        settings = [word for one in words for word in ("--set", one)]
        return running(data, *settings, env=env)

    def _set_clock(self, offset: str) -> None:
        fresh = self._directory / "clock.new"
        fresh.write_text(offset + "\n")
        fresh.replace(self._directory / "clock")

    def _peer(self, name: str, *words: str) -> Peer:
        peer = Peer(self._ips[name])
        match words:
            case ("absent",):
                peer.absent = True
            case ("offers", *offers):
                peer.offers += tuple(offers)
            case ("tls", subject, *more):
                peer.tls = self._tls(name, subject, None if more[:2] == ["by", "nobody"] else self._authority)
                peer.secret_offers = tuple(more[more.index("offers") + 1 :]) if "offers" in more else ()
            case _:
                assert not words, words
        return peer

    def _tls(self, name: str, subject: str, issuer: Made | None) -> ssl.SSLContext:
        made = self._made[name] = _certificate(subject, issuer)
        where = self._directory / f"tls-{name}"
        where.mkdir()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*made.write(where))
        return context

    def _policy(self, name: str, domain: str, mode: str, *hosts: str) -> PolicyHost:
        lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), "max_age: 86400"]
        return PolicyHost(
            self._ips[name],
            self._tls(name, f"mta-sts.{domain}", self._authority),
            "".join(f"{line}\r\n" for line in lines),
        )

    def _zone(self) -> str:
        text = "\n".join(self._scenario.said("zone")) + "\n"
        for name, ip in self._ips.items():
            text = text.replace(f"{{{name}}}", ip)
        for name, made in self._made.items():
            tlsa = made.tlsa(3)
            text = text.replace(f"{{{name} tlsa}}", f"3 1 1 {tlsa.data.hex()}")
        return text.replace("{smtp}", str(self._network.smtp))

    # --- what happens ---------------------------------------------------------------------------------------------
    def _act(self, act: str) -> None:
        words = act.split()
        match words:
            case ["send", *to]:
                self._send(to)
            case ["refused", code, *to]:
                self._is_refused(code, to)
            case ["bounce", status, to]:
                self._see(act, lambda: any(f"Status: {status}\r\n".encode() in one for one in self._bounces(to)))
            case ["bounce", status, to, "headers", "only"]:
                to = to.rstrip(",")
                self._act(f"bounce {status} {to}")
                [bounce] = self._bounces(to)
                assert b"\r\nContent-Type: text/rfc822-headers" in bounce and BODY not in bounce, act
            case [name, "heard", word]:
                self._see(act, lambda: any(word in mail.split() for mail in self.peers[name].mails))
            case ["waits", to, *_]:
                because = act.partition(": ")[2]
                self._see(act, lambda: any(because in row["reason"] for row in self._queue(to.rstrip(":"))))
            case ["queue", "is", "empty"]:
                self._see(act, lambda: not self._queue())
            case ["counted", policy, result]:
                self._see(act, lambda: (policy, result) in self._tls_counts())
            case ["retry"]:
                self._order("retry", "--all")
            case ["names", "fail"]:
                self._names.stop()
            case ["names", "work"]:
                self._names.start()
            case ["disk", "is", "full"]:
                self._fill_disk()
            case ["disk", "has", "room"]:
                (self._directory / "near" / "ballast").unlink()
            case ["clock", offset]:
                self._set_clock(offset)
            case [name, "got", "nothing"]:
                assert not self.peers[name].got, act
            case [name, "got", to, times, "times"]:
                self._see(act, lambda: self.peers[name].copies(to) == int(times))
            case [name, "got", to]:
                self._see(act, lambda: self.peers[name].copies(to) == 1)
            case [name, "was", "called", times, "times"]:
                self._see(act, lambda: self.peers[name].calls == int(times))
            case _:
                raise AssertionError(f"what is this: {act}")

    def _see(self, act: str, look: Callable[[], bool]) -> None:
        patience_s = 2 * PATIENCE_S if self._scenario.needs_clock else PATIENCE_S
        try:
            until(look, patience_s)
        except AssertionError:
            rows = [(row["to"], row["state"], row["reason"]) for row in self._queue()]
            seen = {name: [to for to, _ in peer.got] for name, peer in self.peers.items()}
            raise AssertionError(f"{act}: not seen.  Queue: {rows}; peers: {seen}") from None

    def _send(self, to: list[str]) -> None:
        options = [word for word in to if word == "REQUIRETLS"]
        to = [one for one in to if one not in options]
        options += ["SMTPUTF8"] if any(not one.isascii() for one in to) else []
        send(self._server, to, MESSAGE, tuple(options))

    def _is_refused(self, code: str, to: list[str]) -> None:
        try:
            self._send(to)
        except smtplib.SMTPResponseException as error:
            assert str(error.smtp_code).startswith(code), error
        except smtplib.SMTPRecipientsRefused as error:
            assert all(str(one).startswith(code) for one, _ in error.recipients.values()), error
        else:
            raise AssertionError(f"taken, not refused with {code}")

    def _bounces(self, to: str) -> list[bytes]:
        return [one for one in inbox(self._server, "alice@courriel.test") if to.encode() in one]

    def _order(self, *words: str) -> str:
        done = courriel("queue", *words, data=self._server.data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _queue(self, to: str = "") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self._order("list", "--json"))
        return [row for row in rows if not to or to in row["to"]]

    def _tls_counts(self) -> set[tuple[str, str]]:
        reports = json.loads(self._order("tls", "--json"))
        counts = set()
        for told in (policy for report in reports for policy in report["policies"]):
            type = told["policy"]["policy-type"]
            counts |= {(type, failure["result-type"]) for failure in told.get("failure-details", ())}
            if told["summary"]["total-successful-session-count"]:
                counts.add((type, "good"))
        return counts

    def _fill_disk(self) -> None:
        with (self._directory / "near" / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4_096)):
                    pass
            except OSError:
                return


def _certificate(subject: str, issuer: Made | None = None, *, ca: bool = False) -> Made:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    names = () if ca else (subject,)
    return make(
        subject, issuer, names=names, ca=ca, may_sign=True if ca else None, begins=now - day, ends=now + 30 * day
    )


def _pem(made: Made) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return made.certificate.public_bytes(Encoding.PEM)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def may_mount() -> bool:
    return os.getuid() == 0
