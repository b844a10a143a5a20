"""A lab on the loopback: a DNS server with the zones of the story, real servers, and what became of mail."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.message import Message
from dns.rcode import Rcode

from tests.net.dns.authority import serving
from tests.trial import Trial

PATIENCE_S = 20.0


class Names:
    """One zone at the root, unsigned; ``silent`` names get no answer."""

    def __init__(self, text: str) -> None:
        self._zone = dns.zone.from_text(
            f"$TTL 5\n@ SOA ns.test. root.test. 1 1 1 1 1\n@ NS ns.test.\n{text}", origin=".", relativize=False
        )
        self.silent: set[str] = set()
        self.address = ""

    def publish(self, name: str, strings: list[str]) -> None:
        """One more TXT record."""
        text = " ".join(f'"{one}"' for one in strings)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, text)
        self._zone.find_rdataset(name, dns.rdatatype.TXT, create=True).add(rdata, 5)

    def answer(self, query: Message) -> Message | None:
        [question] = query.question
        if question.name.to_text().lower().rstrip(".") in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        node = self._zone.get_node(question.name)
        found = node.get_rdataset(question.rdclass, question.rdtype) if node is not None else None
        if found is not None:
            answer.answer.append(dns.rrset.from_rdata_list(question.name, 5, list(found)))
        else:
            inner = any(name.is_subdomain(question.name) for name in self._zone.nodes)
            answer.set_rcode(Rcode.NOERROR if inner else Rcode.NXDOMAIN)
            soa = self._zone.find_rdataset("@", dns.rdatatype.SOA)
            answer.authority.append(dns.rrset.from_rdata_list(self._zone.origin, 5, list(soa)))
        return answer


@contextlib.contextmanager
def names(text: str) -> Iterator[Names]:
    """A DNS server in a thread of its own."""
    zone, ready, loop = Names(text), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def main() -> None:
        async with serving(zone.answer) as authority:
            zone.address = authority.address
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield zone
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def send(
    server: Trial, to: list[str], message: bytes, options: tuple[str, ...] = (), rcpt: tuple[str, ...] = ()
) -> None:
    """Submit as alice."""
    with smtplib.SMTP("localhost", server.port("submission")) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(server.ca)))
        client.login("alice@courriel.test", "secret")
        client.sendmail("alice@courriel.test", to, message, options, rcpt)


def inbox(server: Trial, login: str) -> list[bytes]:
    """All messages there are."""
    client = imaplib.IMAP4("localhost", server.port("imap"))
    try:
        client.login(login, "secret")
        client.select("INBOX", readonly=True)
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [part[1] for part in found if isinstance(part, tuple)]
    finally:
        client.shutdown()


def until(look: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until it is so."""
    end = time.monotonic() + patience_s
    while not look():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.05)
