"""Two domains with keys and policies, each judged by the other's server, and what becomes of their mail.

Honest, spoofed, forwarded, listed and replayed mail ends where docs/senders.md says, seen by IMAP.  A forger connects
from 127.0.0.2, which no record of theirs allows.
"""

from __future__ import annotations

import imaplib
import json
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.lab import Names, names, until
from tests.trial import Trial, courriel, free_base_port, running

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ZONE = """
near.test. TXT "v=spf1 ip4:127.0.0.1 -all"
near.test. MX 10 mx.near.test.
mx.near.test. A 127.0.0.1
_dmarc.near.test. TXT "v=DMARC1; p=reject"
far.test. TXT "v=spf1 ip4:127.0.0.1 -all"
far.test. MX 10 mx.far.test.
mx.far.test. A 127.0.0.1
mild.test. TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.mild.test. TXT "v=DMARC1; p=quarantine"
watching.test. TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.watching.test. TXT "v=DMARC1; p=none"
evil.test. TXT "v=spf1 ip4:127.0.0.2 -all"
"""
MESSAGE = b"From: Alice <alice@%b>\r\nTo: b@far.test\r\nSubject: %b\r\nMessage-ID: <%b@x>\r\n\r\nhello\r\n"
FORGER = ("127.0.0.2", 0)
OURS = b"Authentication-Results: "


@dataclass
class Lab:
    """``near`` is near.test and sends signed mail to ``far``, which is far.test and judges."""

    near: Trial
    far: Trial
    zone: Names

    def send(self, to: str, id: bytes) -> None:
        """Submit as alice@near.test."""
        with smtplib.SMTP("localhost", self.near.port("submission")) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(self.near.ca)))
            client.login("alice@near.test", "secret")
            client.sendmail("alice@near.test", [to], MESSAGE % (b"near.test", id, id))

    def forge(self, author: bytes, id: bytes, sender: str = "x@evil.test", to: str = "b@far.test") -> None:
        with smtplib.SMTP("127.0.0.1", self.far.port("smtp"), source_address=FORGER) as client:
            client.sendmail(sender, [to], MESSAGE % (author, id, id))

    def signed(self, id: bytes) -> bytes:
        """As it was when it left its author's server."""
        [mail] = self.found("INBOX", id)
        return mail[mail.index(b"DKIM-Signature") :]

    def found(self, mailbox: str, id: bytes, login: str = "b@far.test", at: Trial | None = None) -> list[bytes]:
        """The messages of this Message-ID in a mailbox, at far.test unless another server is named."""
        with imaplib.IMAP4("localhost", (at or self.far).port("imap")) as client:
            client.login(login, "secret")
            client.select(mailbox, readonly=True)
            found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
            return [part[1] for part in found if isinstance(part, tuple) and b"<" + id + b"@x>" in part[1]]

    def comes(self, mailbox: str, id: bytes, login: str = "b@far.test", at: Trial | None = None) -> bytes:
        """The one message, once it is there; what our judges said of it is in front."""
        until(lambda: bool(self.found(mailbox, id, login, at)))
        [mail] = self.found(mailbox, id, login, at)
        return mail[mail.index(OURS) :].replace(b"\r\n\t", b" ")


def _do(server: Trial, *words: str, stdin: str = "") -> Any:
    done = courriel(*words, data=server.data, stdin=stdin)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout) if "--json" in words else done.stdout


def _words(zone: Names, relay_port: int) -> tuple[str, ...]:
    """What mail is after is looked at elsewhere (test_threats): here it is who sent it."""
    settings = (f"dns.servers={zone.address}", f"relay.port={relay_port}", "threats.scan=off")
    return tuple(word for one in settings for word in ("--set", one))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root: Path = tmp_path_factory.mktemp("two")
    base = free_base_port()
    other = free_base_port(apart_from=base)
    with names(ZONE) as zone, running(root / "far", *_words(zone, base + 25), base_port=other) as far:
        _do(far, "domain", "add", "far.test")
        for person in ("b", "c"):
            _do(far, "user", "add", f"{person}@far.test", "--password-stdin", stdin="secret\n")
        with running(root / "near", *_words(zone, far.port("smtp")), base_port=base) as near:
            _do(near, "domain", "add", "near.test")
            for person in ("alice", "bob"):
                _do(near, "user", "add", f"{person}@near.test", "--password-stdin", stdin="secret\n")
            for row in _do(near, "dkim", "new", "near.test", "--json"):
                zone.publish(row["name"] + ".", row["strings"])
            _do(near, "dkim", "check", "near.test")
            yield Lab(near, far, zone)


def test_honest_mail_is_proven_twice(lab: Lab) -> None:
    lab.send("b@far.test", b"honest")
    mail = lab.comes("INBOX", b"honest")
    assert b"spf=pass smtp.mailfrom=alice@near.test" in mail and b"dmarc=pass (p=reject)" in mail
    assert mail.count(b"dkim=pass header.d=near.test") == 2


@pytest.mark.parametrize(
    ("author", "mailbox", "told"),
    [
        (b"near.test", "Junk", b"dmarc=fail (p=reject)"),
        (b"mild.test", "Junk", b"dmarc=fail (p=quarantine)"),
        (b"watching.test", "INBOX", b"dmarc=fail (p=none)"),
    ],
)
def test_a_stolen_name_is_filed_as_its_owner_wants(lab: Lab, author: bytes, mailbox: str, told: bytes) -> None:
    lab.forge(author, b"forged-" + author)
    assert told in lab.comes(mailbox, b"forged-" + author)


def test_a_stolen_envelope_fails_spf_too(lab: Lab) -> None:
    lab.forge(b"near.test", b"stolen-envelope", "alice@near.test")
    mail = lab.comes("Junk", b"stolen-envelope")
    assert b"spf=fail smtp.mailfrom=alice@near.test" in mail and b"dmarc=fail (p=reject)" in mail


def test_what_is_forwarded_lives_by_its_signature(lab: Lab) -> None:
    """The forwarder's own envelope proves nothing about the author; the signature still does."""
    lab.send("b@far.test", b"for-b")
    lab.comes("INBOX", b"for-b")
    carried = lab.signed(b"for-b")
    with smtplib.SMTP("127.0.0.1", lab.far.port("smtp"), source_address=FORGER) as forwarder:
        forwarder.sendmail("SRS0=x=y=near.test=alice@evil.test", ["c@far.test"], carried)
    mail = lab.comes("INBOX", b"for-b", "c@far.test")
    assert b"spf=pass smtp.mailfrom=" in mail and b"@evil.test" in mail and b"dmarc=pass (p=reject)" in mail


def test_what_is_forwarded_and_changed_is_among_the_junk(lab: Lab) -> None:
    lab.send("b@far.test", b"changed")
    lab.comes("INBOX", b"changed")
    carried = lab.signed(b"changed").replace(b"hello", b"hello, click here")
    with smtplib.SMTP("127.0.0.1", lab.far.port("smtp"), source_address=FORGER) as forwarder:
        forwarder.sendmail("someone@evil.test", ["c@far.test"], carried)
    mail = lab.comes("Junk", b"changed", "c@far.test")
    assert b"dkim=fail" in mail and b"dmarc=fail (p=reject)" in mail


@pytest.mark.parametrize(
    ("name", "prefix", "mailbox", "told"),
    [
        ("plain", (), "INBOX", b"dmarc=pass (p=reject)"),
        ("tagged", ("--subject-prefix", "[tag]"), "Junk", b"dmarc=fail (p=reject)"),
    ],
)
def test_list_mail_lives_by_its_signature(
    lab: Lab, name: str, prefix: tuple[str, ...], mailbox: str, told: bytes
) -> None:
    """A list that writes into the subject breaks it, and its post is junk for a domain with p=reject."""
    address, id = f"{name}@far.test", name.encode()
    _do(lab.far, "list", "add", address, "--owner", "b@far.test", *prefix)
    _do(lab.far, "list", "add-member", address, "alice@near.test", "bob@near.test")
    lab.send(address, id)
    mail = lab.comes(mailbox, id, "bob@near.test", lab.near)
    assert told in mail and b"List-Id: " in mail


def test_a_replayed_message_is_still_its_authors_and_is_counted(lab: Lab) -> None:
    """Its signature holds, whoever sends it: nothing is taken away from it, and the copies are counted."""
    lab.send("b@far.test", b"replayed")
    lab.comes("INBOX", b"replayed")
    carried = lab.signed(b"replayed")
    for _ in range(3):
        with smtplib.SMTP("127.0.0.1", lab.far.port("smtp"), source_address=FORGER) as stranger:
            stranger.sendmail("bulk@evil.test", ["c@far.test"], carried)
    until(lambda: len(lab.found("INBOX", b"replayed", "c@far.test")) == 3)
    for mail in lab.found("INBOX", b"replayed", "c@far.test"):
        assert b"dkim=pass" in mail and b"smtp.mailfrom=bulk@evil.test" in mail
