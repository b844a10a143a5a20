"""Mail from elsewhere is judged by who sent it: over SMTP, with a DNS of a table.  RFC 7208, RFC 8601, RFC 9989."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from courriel.base.clock import ManualClock
from courriel.delivery import authenticate
from courriel.delivery.judge import Header
from courriel.delivery.settings import SenderOverride, SenderSettings
from courriel.model.envelope import Address, Client, Door, Envelope
from courriel.model.judgement import DkimFindings
from courriel.model.transit import Transit
from courriel.model.verdict import ArcVerdict, DkimVerdict, Result
from courriel.ports.dkim_judge import DkimJudge
from tests.smtp.house import House, build, in_house, say
from tests.zone import Zone

GOOD, BAD = "192.0.2.1", "198.51.100.66"
ID = "mail.courriel.test"


def _zone() -> Zone:
    return Zone(
        {
            "good.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 -all"], "A": [GOOD]},
            "_dmarc.good.example": {"TXT": [b"v=DMARC1; p=reject"]},
            "soft.example": {"TXT": [b"v=spf1 ip4:192.0.2.1 ~all"]},
            "_dmarc.soft.example": {"TXT": [b"v=DMARC1; p=quarantine"]},
            "watch.example": {"TXT": [b"v=spf1 -all"]},
            "_dmarc.watch.example": {"TXT": [b"v=DMARC1; p=none"]},
            "plain.example": {"TXT": [b"v=spf1 -all exp=why.plain.example"]},
            "why.plain.example": {"TXT": [b"%{i} is not ours"]},
            "1.2.0.192.in-addr.arpa": {"PTR": ["good.example"]},
        },
        failing=["_dmarc.broken.example"],
    )


def _mail(
    sender: str, author: str, to: str = "bob@courriel.test", *, header: str = "", helo: str = "good.example"
) -> bytes:
    return (
        f"EHLO {helo}\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        f"{header}From: {author}\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n"
    ).encode()


def _run(
    test: Callable[[House], Awaitable[None]],
    settings: SenderSettings | None = None,
    zone: Zone | None = None,
    dkim: DkimJudge | None = None,
) -> None:
    in_house(test, zone=zone or _zone(), senders=settings or SenderSettings(), dkim=dkim)


async def _one(house: House, path: str = "INBOX") -> str:
    [message] = await house.mail("bob", path)
    return message.decode()


def _unfolded(message: str) -> str:
    return message.partition("\r\n\r\n")[0].replace("\r\n\t", " ").replace("  ", " ")


def test_a_proven_sender_goes_to_the_inbox_with_the_verdicts_before_it() -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail("a@good.example", "A <a@good.example>"), ip=GOOD)
        assert b"250 2.0.0 Accepted" in said
        header = _unfolded(await _one(house))
        assert (
            f"Authentication-Results: {ID}; spf=pass smtp.mailfrom=a@good.example; spf=pass smtp.helo=good.example; "
            f"dkim=none; dmarc=pass (p=reject) header.from=good.example; "
            f"iprev=pass (good.example) policy.iprev={GOOD}\r\n"
        ) in header
        assert "\r\nReceived-SPF: pass (mail.courriel.test: domain of good.example designates 192.0.2.1" in header
        # RFC 8601 §4.1, RFC 7208 §9.1: above the Received of the server that found it out.
        assert header.index("Authentication-Results") < header.index("Received-SPF") < header.index("Received: ")

    _run(test)


@pytest.mark.parametrize(
    ("sender", "author", "settings", "where"),
    [
        ("x@elsewhere.example", "a@good.example", SenderSettings(), "Junk"),
        ("x@soft.example", "a@soft.example", SenderSettings(), "Junk"),
        ("x@soft.example", "a@soft.example", SenderSettings(reject=True), "Junk"),
        ("x@watch.example", "a@watch.example", SenderSettings(reject=True), "INBOX"),
        ("x@plain.example", "a@plain.example", SenderSettings(), "INBOX"),
        ("x@plain.example", "a@plain.example", SenderSettings(spf_fail="junk"), "Junk"),
        ("x@broken.example", "a@broken.example", SenderSettings(reject=True), "INBOX"),
        ("", "a@nothing.example", SenderSettings(reject=True), "INBOX"),
        ("", "nobody", SenderSettings(reject=True), "Junk"),
        ("x@elsewhere.example", "a@good.example <x@elsewhere.example>", SenderSettings(), "Junk"),
        ("x@elsewhere.example", "a@1.x a@2.x a@3.x a@4.x <a@good.example>", SenderSettings(), "Junk"),
        ("x@good.example", "a@good.example", SenderSettings(trusted=("198.51.100.0/24",)), "INBOX"),
        (
            "x@good.example",
            "a@good.example",
            SenderSettings(reject=True, overrides={"good.example": SenderOverride("accept", "moves house")}),
            "INBOX",
        ),
        (
            "x@good.example",
            "a@good.example",
            SenderSettings(overrides={"good.example": SenderOverride("accept", "moves house", "1999-12-31")}),
            "Junk",
        ),
        (
            "x@watch.example",
            "a@watch.example",
            SenderSettings(overrides={"watch.example": SenderOverride("junk")}),
            "Junk",
        ),
    ],
)
def test_where_it_goes(sender: str, author: str, settings: SenderSettings, where: str) -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail(sender, author), ip=BAD)
        assert b"250 2.0.0 Accepted" in said
        await _one(house, where)

    _run(test, settings)


def test_what_fails_with_p_reject_is_refused_in_session_and_told_what_would_help() -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail("x@elsewhere.example", "a@good.example"), ip=BAD)
        assert b"550-5.7.26 DMARC: good.example wants mail refused that is not proven to be its own\r\n" in said
        assert b"550-5.7.26 SPF: none (198.51.100.66 for elsewhere.example)\r\n" in said
        assert b"550 5.7.26 Sign with d=good.example, or send from a server in its SPF record\r\n" in said
        assert await house.mail("bob") == [] and await house.mail("bob", "Junk") == []
        assert await house.queue.entries() == []

    _run(test, SenderSettings(reject=True))


def test_list_mail_is_not_refused_for_p_reject() -> None:
    """RFC 9989 §7.4: lists break signatures, and p=reject alone is no reason."""

    async def test(house: House) -> None:
        header = "List-Id: <l.lists.example>\r\n"
        assert b"250 2.0.0" in await say(house, _mail("l@lists.example", "a@good.example", header=header), ip=BAD)
        await _one(house, "Junk")

    _run(test, SenderSettings(reject=True))


def test_an_spf_refusal_has_the_domains_own_words_apart_from_ours() -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail("x@plain.example", "a@plain.example"), ip=BAD)
        assert b"550-5.7.23 SPF: 198.51.100.66 is no server of plain.example\r\n" in said
        assert b"550 5.7.23 plain.example explains: 198.51.100.66 is not ours\r\n" in said

    _run(test, SenderSettings(spf_fail="refuse"))


def test_an_override_can_refuse() -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail("a@good.example", "a@good.example"), ip=GOOD)
        assert b"550 5.7.1 Mail from good.example is not taken here\r\n" in said

    _run(test, SenderSettings(overrides={"good.example": SenderOverride("refuse", "spam")}))


FORGED = [
    "Authentication-Results: mail.courriel.test; dmarc=pass header.from=good.example\r\n",
    "AUTHENTICATION-RESULTS : MAIL.Courriel.Test 1; dmarc=pass header.from=good.example\r\n",
    "Authentication-Results:\r\n (x) mail.courriel.test\r\n ; dmarc=pass header.from=good.example\r\n",
    'Authentication-Results: "mail.courriel.test"; dmarc=pass header.from=good.example\r\n',
    'Authentication-Results: "mail\\.courriel.test"; dmarc=pass header.from=good.example\r\n',
    "Authentication-Results: mail.courriel.test.; dmarc=pass header.from=good.example\r\n",
    "Authentication-Results\r\n : mail.courriel.test; dmarc=pass header.from=good.example\r\n",
    "Authentication-Results: ((( mail.courriel.test; dmarc=pass header.from=good.example\r\n",
    "authentication-results: mail.courriel.test; dmarc=pass header.from=good.example; ;;\r\n",
    "Received-SPF: Pass (x) receiver=mail.courriel.test; dmarc=pass header.from=good.example\r\n",
]


@pytest.mark.parametrize("field", FORGED)
def test_claims_to_be_ours_are_taken_out(field: str) -> None:
    """RFC 8601 §5; others' fields stay, wherever they are."""

    async def test(house: House) -> None:
        others = "Authentication-Results: relay.example; spf=pass smtp.mailfrom=mail.courriel.test\r\n"
        said = await say(
            house, _mail("x@watch.example", "a@watch.example", header=others + field + "X-A: b\r\n"), ip=BAD
        )
        assert b"250 2.0.0" in said
        message = await _one(house)
        assert "dmarc=pass" not in message and "X-A: b\r\nFrom: a@watch.example" in message
        assert others in message and message.count("dmarc=fail") == 1

    _run(test)


def test_they_are_taken_out_where_nobody_judges_too() -> None:
    async def run() -> None:
        house = await build()
        try:
            await say(house, _mail("x@watch.example", "a@watch.example", header=FORGED[0]), ip=BAD)
            assert "dmarc=pass" not in await _one(house)
        finally:
            await house.close()

    asyncio.run(run())


def test_nobody_is_told_whose_name_may_be_stolen() -> None:
    """AUTH attack row 37: mail sent on for us may come back; an unproven sender hears nothing of it."""

    async def test(house: House) -> None:
        for to in ("away@courriel.test", "both@courriel.test"):
            assert b"250 2.0.0" in await say(house, _mail("x@watch.example", "a@watch.example", to), ip=BAD)
        unproven = [one.message for one in await house.queue.entries()]
        assert [(one.reverse_path, one.recipients[0].notify) for one in unproven] == [("", {"NEVER"})] * 2
        said = await say(house, _mail("a@good.example", "a@good.example", "away@courriel.test"), ip=GOOD)
        assert b"250 2.0.0" in said
        [proven] = [one.message for one in await house.queue.entries() if one.message.reverse_path]
        assert proven.reverse_path.startswith("SRS0=") and proven.recipients[0].notify is None

    _run(test)


def test_submission_and_devices_are_not_judged() -> None:
    async def test(house: House) -> None:
        said = await say(house, _mail("x@good.example", "a@good.example"), "lmtp", BAD)
        assert b"500" in said  # LMTP greets in its own way, and is no door of strangers
        assert zone.asked == []

    zone = _zone()
    _run(test, zone=zone)


def test_the_judges_begin_at_mail_from() -> None:
    async def test(house: House) -> None:
        await say(house, b"EHLO good.example\r\nMAIL FROM:<a@good.example>\r\n", ip=GOOD)
        await asyncio.sleep(0)
        assert ("good.example", "TXT") in zone.asked

    zone = _zone()
    _run(test, zone=zone)


class _Signed:
    """Finds what it was told."""

    def __init__(self, *signatures: DkimVerdict, arc: ArcVerdict | None = None) -> None:
        self._findings = DkimFindings(signatures, arc)

    async def judge(self, content: bytes, envelope: Envelope, now: float) -> DkimFindings:
        return self._findings


def _dkim(result: Result, domain: str) -> DkimVerdict:
    return DkimVerdict(result, domain, "sel", f"@{domain}", "rsa-sha256", b="AbCdEfGh")


@pytest.mark.parametrize(
    ("judge", "where", "told"),
    [
        (
            _Signed(_dkim(Result.PASS, "good.example")),
            "INBOX",
            "dkim=pass header.d=good.example header.i=@good.example",
        ),
        (_Signed(_dkim(Result.PASS, "other.example")), "Junk", "dmarc=fail (p=reject)"),
        (_Signed(_dkim(Result.TEMPERROR, "good.example")), "INBOX", "dmarc=temperror"),
        # A name that is none is not written (AUTH attack row 12, A4).
        (_Signed(_dkim(Result.PERMERROR, "good.example'a.evil.example")), "Junk", "dkim=permerror header.s=sel"),
        (_Signed(arc=ArcVerdict(Result.PASS, sealers=("relay.example",))), "INBOX", "arc=pass"),
        (_Signed(arc=ArcVerdict(Result.PASS, sealers=("evil.example",))), "Junk", "arc=pass"),
        (_Signed(arc=ArcVerdict(Result.FAIL, sealers=("relay.example",))), "Junk", "arc=fail"),
    ],
)
def test_signatures_count(judge: _Signed, where: str, told: str) -> None:
    async def test(house: House) -> None:
        assert b"250 2.0.0" in await say(house, _mail("x@elsewhere.example", "a@good.example"), ip=BAD)
        assert told in _unfolded(await _one(house, where))

    _run(test, SenderSettings(sealers=("relay.example",)), dkim=judge)


def test_what_was_begun_is_bounded_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of MAIL FROM without mail keeps nothing for long; who brings his message after all is judged."""
    monkeypatch.setattr(authenticate, "BEGUN", 2)

    async def run() -> None:
        zone = _zone()
        check = authenticate.SenderCheck(zone, SenderSettings(), ID, ManualClock())
        clients = [Client(GOOD, port, "good.example") for port in (1, 2, 3)]
        for client in clients:
            check.begin(client, Address("a", "good.example"))
        content = b"From: a@good.example\r\n\r\n"
        for client in clients:
            transit = Transit("id", Envelope(Door.MX, client, Address("a", "good.example"), ()), content, 0.0)
            await check.judge(transit, Header(24, (b" a@good.example",)))
            assert b"dmarc=pass" in transit.verdict_fields
        assert [name for name, rdtype in zone.asked].count("1.2.0.192.in-addr.arpa") == 3
        check.begin(clients[0], Address("a", "good.example"))
        await check.close()

    asyncio.run(run())


def test_mail_through_a_relay_of_ours_is_judged_by_who_connected_to_it() -> None:
    """A second MX: its address proves nothing of the sender, and disproves nothing."""
    received = f"Received: from good.example (good.example [{GOOD}]) by mx2.test; Tue, 24 Nov 2026 10:00:00 +0000\r\n"

    async def test(house: House) -> None:
        await say(house, _mail("a@good.example", "A <a@good.example>", header=received, helo="mx2.test"), ip=BAD)
        header = _unfolded(await _one(house))
        assert "spf=pass smtp.mailfrom=a@good.example" in header and f"policy.iprev={GOOD}" in header
        await say(house, _mail("a@good.example", "A <a@good.example>", header=received), ip="203.0.113.5")
        [junk] = await house.mail("bob", "Junk")
        assert b"spf=fail" in junk, "whoever is no relay of ours is himself"

    _run(test, SenderSettings(relays=("198.51.100.0/24",)))
