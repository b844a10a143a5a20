"""From events to stations."""

from __future__ import annotations

from courriel.model.journey import Fields, Hop, Mood, Place, hops

ACCEPTED: dict[str, str | int | float | bool | None] = {
    "msg": "m1",
    "door": "submission",
    "ip": "192.0.2.9",
    "helo": "laptop",
    "tls": "TLSv1.3 X",
    "login": "alice@x.org",
    "sender": "alice@x.org",
    "message_id": "<a@x.org>",
    "octets": 400,
    "began": 99.5,
}


def test_a_message_for_here_and_elsewhere() -> None:
    attempt: Fields = {
        "msg": "m1", "recipient": "b@y.org", "result": "deferred", "state": "waiting", "status": "4.7.1",
        "reply": "450 4.7.1 greylisted", "host": "mx.y.org", "ip": "198.51.100.1", "tls": "",
    }  # fmt: skip
    taken: Fields = {**attempt, "result": "delivered", "state": "delivered", "reply": "250 2.0.0 ok"}
    found = hops(
        [
            ("delivery.accepted", 100.0, ACCEPTED),
            ("delivery.stored", 100.0, {"to": "c@x.org"}),
            ("delivery.queued", 100.0, {"to": "b@y.org"}),
            ("something.new", 100.1, {}),
            ("relay.attempt", 100.5, attempt),
            ("relay.attempt", 160.5, taken),
        ]
    )
    assert [(hop.place, hop.mood, hop.seconds) for hop in found] == [
        (Place.MUA, Mood.GOOD, 0.0),
        (Place.MSA, Mood.GOOD, 0.5),
        (Place.MDA, Mood.GOOD, 0.0),
        (Place.QUEUE, Mood.GOOD, 0.0),
        (Place.REMOTE, Mood.WAITING, 0.5),
        (Place.REMOTE, Mood.GOOD, 60.0),
    ]
    assert found[0].facts == {
        "login": "alice@x.org", "helo": "laptop", "ip": "192.0.2.9", "sender": "alice@x.org"
    }  # fmt: skip
    assert found[4].facts["reply"] == "450 4.7.1 greylisted" and "tls" not in found[4].facts


def test_doors() -> None:
    def places(door: str) -> list[Place]:
        return [hop.place for hop in hops([("delivery.accepted", 100.0, {**ACCEPTED, "door": door})])]

    assert places("mx") == [Place.MTA, Place.MX] and places("lmtp") == [Place.MTA, Place.MX]
    assert places("device") == [Place.DEVICE, Place.MSA] and places("own") == [Place.OURSELVES]


def test_what_is_sent_on_and_what_lists_decide() -> None:
    found = hops(
        [
            ("delivery.accepted", 100.0, {**ACCEPTED, "door": "mx"}),
            ("delivery.forwarded", 100.0, {"forwarder": "a@x.org", "to": "b@y.org", "part": "m1-1"}),
            ("delivery.loop", 100.0, {"forwarder": "c@x.org"}),
            ("delivery.list", 100.0, {"list": "dev@x.org", "decision": "posted", "why": "e@y.org", "count": 3}),
            ("delivery.list", 100.0, {"list": "ops@x.org", "decision": "held", "why": "e@y.org", "count": 0}),
            ("delivery.list", 100.0, {"list": "all@x.org", "decision": "loop", "why": "e@y.org", "count": 0}),
        ]
    )[2:]
    assert [(hop.place, hop.mood) for hop in found] == [
        (Place.FORWARD, Mood.GOOD),
        (Place.FORWARD, Mood.BAD),
        (Place.LIST, Mood.GOOD),
        (Place.LIST, Mood.WAITING),
        (Place.LIST, Mood.BAD),
    ]
    assert found[0].facts == {"forwarder": "a@x.org", "to": "b@y.org", "part": "m1-1"}
    assert found[2].facts == {"list": "dev@x.org", "decision": "posted", "why": "e@y.org", "count": "3"}


def test_failures_and_reports() -> None:
    found = hops(
        [
            ("relay.attempt", 1.0, {"state": "failed", "host": "mx.y.org", "reply": "550 no"}),
            ("relay.expired", 2.0, {"domain": "y.org"}),
            ("delivery.reported", 3.0, {"kind": "failed", "report": "m2"}),
        ]
    )
    assert [(hop.place, hop.mood) for hop in found] == [
        (Place.REMOTE, Mood.BAD),
        (Place.QUEUE, Mood.BAD),
        (Place.REPORT, Mood.GOOD),
    ]
    assert hops([]) == list[Hop]()


def test_a_reader_s_script_is_a_station() -> None:
    wants = {"account": "a@x.org", "wanted": "fileinto Work"}
    found = hops([("delivery.sorted", 100.0, wants), ("delivery.sorted", 100.0, wants | {"error": "line 1: no"})])
    assert [(hop.place, hop.mood) for hop in found] == [(Place.RULES, Mood.GOOD), (Place.RULES, Mood.BAD)]
    assert found[0].facts == wants


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert [hop.seconds for hop in hops([("delivery.queued", 9.0, {}), ("delivery.stored", 5.0, {})])] == [0.0, 0.0]
