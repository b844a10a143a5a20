"""The daily examination tells a domain's postmaster of changes, once."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from pathlib import Path

from courriel.app import config
from courriel.app.checkup import Checkup
from courriel.app.server import Server, running
from courriel.model.finding import Finding, Group, Health, Symptom
from courriel.model.ids import MessageId
from courriel.ports import administration as do
from courriel.zones.change import compare

OFF = ("listen.smtp=0", "listen.submission=0", "listen.submissions=0", "listen.imap=0", "listen.imap3=0",
       "listen.imaps=0", "listen.pop3=0", "listen.pop3s=0", "listen.observe=0", "listen.https=0",
       "hostname=mx.example.org", "relay.hold=true", "doctor.every_h=0")  # fmt: skip

RECORD = "example.org. 3600 IN MX 10 mx.example.org."
MISSING = Finding(Group.MX, Health.BAD, Symptom.MISSING, "example.org MX", "", RECORD)
GOOD = Finding(Group.MX, Health.GOOD, Symptom.RIGHT, "example.org MX")
ASLEEP = Finding(Group.MX, Health.UNKNOWN, Symptom.NO_ANSWER, "example.org MX")
LISTED = Finding(Group.BLOCKLISTS, Health.BAD, Symptom.LISTED, "192.0.2.25 zen.spamhaus.org", "127.0.0.2")


def test_only_what_is_new_or_gone_is_a_change() -> None:
    first = compare((), [MISSING])
    assert first.worse == (MISSING,) and not first.better
    assert not compare(first.marks, [MISSING])
    asleep = compare(first.marks, [ASLEEP])
    assert not asleep and asleep.marks == first.marks
    healed = compare(asleep.marks, [GOOD])
    assert healed.better == first.marks and healed.marks == ()
    assert not compare(healed.marks, [GOOD])


class Told:
    """Finds what it is given."""

    def __init__(self, *days: list[Finding] | Exception) -> None:
        self.days = list(days)

    async def examine(self, domain: str) -> list[Finding]:
        day = self.days.pop(0)
        if isinstance(day, Exception):
            raise day
        return day


async def _post(server: Server) -> list[bytes]:
    """What the postmaster has got."""
    store, directory = server.installation.store, server.installation.directory
    account = directory.by_login("postmaster@example.org")
    assert account is not None
    inbox = await store.mailbox(account.id, "INBOX")
    view = await store.view(account.id, inbox.id)
    return [await store.read(account.id, MessageId(number)) for number in view.ids]


def _text(raw: bytes) -> str:
    body = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_the_postmaster_hears_of_changes_and_of_nothing_else(tmp_path: Path) -> None:
    doctor = Told([MISSING, LISTED], [MISSING, LISTED], RuntimeError("a bug"), [GOOD, LISTED], [GOOD, LISTED])

    async def run() -> list[bytes]:
        settings = config.load(None, {}, OFF)
        async with running(tmp_path / "data", settings) as server:
            for request in (do.DomainAdd("example.org"), do.UserAdd("postmaster@example.org", "secret")):
                async for answer in server.administration.perform(request):
                    assert isinstance(answer, do.Result), answer
            checkup = Checkup(doctor, server.installation, server.intake)
            while doctor.days:
                await checkup.examine_all()
            return await _post(server)

    first, second = [_text(message) for message in asyncio.run(run())]
    assert "example.org MX is missing." in first and "est absent" in first
    assert RECORD in first
    assert "zen.spamhaus.org" in first
    assert "What is gone" in second and "example.org MX" in second
    assert "zen.spamhaus.org" not in second
