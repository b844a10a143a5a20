"""Settings: order of sources, types, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from courriel.app.config import SettingsError, load
from courriel.app.services import judges_senders, sender_settings
from courriel.app.trial import settings_base
from courriel.model.retry import RetrySettings


def test_defaults() -> None:
    settings = load(None, {}, ())
    assert (settings.listen.smtp, settings.listen.imaps, settings.relay.hold) == (25, 993, False)
    assert settings.store.url == "sqlite:"


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "courriel.toml"
    file.write_text('hostname = "file.example"\n[listen]\nsmtp = 1\nimap = 2\npop3 = 3\n[store]\nretention_days = 7\n')
    environment = {"COURRIEL_LISTEN_IMAP": "20", "COURRIEL_LISTEN_POP3": "30", "COURRIEL_DATA": "/x", "OTHER": "1"}
    settings = load(file, environment, ["listen.pop3=300", "relay.hold=true"], {"listen": {"smtp": 9, "imaps": 9}})
    listen = settings.listen
    assert (settings.hostname, listen.smtp, listen.imap, listen.pop3, listen.imaps) == ("file.example", 1, 20, 300, 9)
    assert settings.store.retention_days == 7
    assert settings.relay.hold is True


def test_protocol_limits_are_settings_too() -> None:
    assert load(None, {"COURRIEL_SMTP_MESSAGE_OCTETS": "1000"}, ()).smtp.message_octets == 1000


def test_what_people_may_send_is_set() -> None:
    set_here = ["submission.messages_per_hour=7", "hijack.spread=9", "wishes.highest_priority=9"]
    settings = load(None, {"COURRIEL_SUBMISSION_RECIPIENTS_PER_DAY": "70"}, set_here)
    assert (settings.submission.messages_per_hour, settings.submission.recipients_per_day) == (7, 70)
    assert settings.hijack.spread == 9 and settings.wishes.highest_priority == 9


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("wishes.highest=9", "wishes"),
        ("auth.senders=maybe", "auth.senders"),
        ("auth.spf_fail=drop", "auth.spf_fail"),
        ("listen.smtp", "expected section.key=value"),
        ("listen.smtp=x", "listen.smtp"),
        ("listen.smpt=1", "smpt"),
        ("nonsense=1", "nonsense"),
        ("sts.mode=perhaps", "sts.mode"),
        ("sts.mx=a b", "sts.mx"),
        ("sts.max_age_s=60", "sts.max_age_s"),
        ("hostname.x.y=1", "hostname"),
        ("relay.retry_s=", "relay.retry_s"),
        ("relay.retry_s=60,0", "relay.retry_s"),
        ("relay.expire_s=-1", "relay.expire_s"),
        ("dkim.rotate_days=0", "dkim.rotate_days"),
        ("dkim.rotation=3", "rotation"),
        ("arc.seal=perhaps", "arc.seal"),
    ],
)
def test_errors_say_where(override: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load(None, {}, [override])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "absent.toml", {}, ())
    (tmp_path / "broken.toml").write_text("= 1")
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        load(tmp_path / "broken.toml", {}, ())


def test_lists_may_be_written_with_commas() -> None:
    settings = load(None, {"COURRIEL_DNS_SERVERS": "192.0.2.53, [2001:db8::53]:5353"}, [])
    assert settings.dns.servers == ("192.0.2.53", "[2001:db8::53]:5353")
    assert load(None, {}, ["dns.servers="]).dns.servers == ()
    anchors = ("test. DS 1 13 2 AB", ". DS 2 13 2 CD")
    assert load(None, {"COURRIEL_DNS_ANCHORS": ", ".join(anchors)}, []).dns.anchors == anchors


def test_patience_of_the_queue() -> None:
    assert load(None, {}, ()).retry == RetrySettings()
    settings = load(None, {}, ["relay.retry_s=1, 2.5", "relay.warn_s=3", "relay.expire_s=4"])
    assert settings.retry == RetrySettings((1.0, 2.5), warn_s=3.0, expire_s=4.0)


def test_filters(tmp_path: Path) -> None:
    file = tmp_path / "courriel.toml"
    file.write_text('[[milters]]\nname = "a"\naddress = "inet:127.0.0.1:1"\n[[milters]]\nname = "b"\naddress = "x"\n')
    first, second = load(file, {}, []).milters
    assert (first.name, first.doors, first.on_failure, second.address) == ("a", ("mx", "submission"), "tempfail", "x")
    for wrong in ('on_failure = "ignore"', 'doors = ["lmtp"]', "command_s = 0"):
        file.write_text(f'[[milters]]\nname = "a"\naddress = "inet:127.0.0.1:1"\n{wrong}\n')
        with pytest.raises(SettingsError, match="milters"):
            load(file, {}, [])


def test_routes_of_the_relay(tmp_path: Path) -> None:
    file = tmp_path / "courriel.toml"
    file.write_text('[relay.routes."example.org"]\nhost = "partner.example:2525"\ntls = "none"\n', "utf-8")
    route = load(file, {}, []).relay.routes["example.org"]
    assert (route.host, route.tls, route.user) == ("partner.example:2525", "none", "")


def test_a_trial_holds_mail_until_something_is_said_about_the_relay() -> None:
    for overrides, held in [([], True), (["relay.smart_host=127.0.0.1:2525"], False), (["relay.hold=true"], True)]:
        assert load(None, {}, overrides, settings_base(10_000, overrides, {})).relay.hold is held
    environment = {"COURRIEL_RELAY_SMART_HOST": "127.0.0.1:2525", "HOME": "/"}
    assert load(None, environment, [], settings_base(10_000, [], environment)).relay.hold is False


def test_overrides_for_senders(tmp_path: Path) -> None:
    file = tmp_path / "courriel.toml"
    file.write_text(
        '[auth.overrides."Partner.example"]\naction = "accept"\nuntil = "2026-12-31"\nreason = "they move"\n'
    )
    settings = load(file, {}, ["auth.trusted_networks=192.0.2.0/24, 2001:db8::/32"])
    [override] = settings.auth.overrides.values()
    assert (override.action, override.until, override.reason) == ("accept", "2026-12-31", "they move")
    checked = sender_settings(settings)
    assert list(checked.overrides) == ["partner.example"] and len(checked.trusted) == 2
    file.write_text('[auth.overrides."partner.example"]\naction = "accept"\nuntil = "new year"\n')
    with pytest.raises(SettingsError, match=r"auth\.overrides"):
        load(file, {}, ())


def test_senders_are_judged_where_the_dns_is_known() -> None:
    """``courriel try`` needs no DNS, so it asks none until it is told whom."""
    assert judges_senders(load(None, {}, ()))
    assert not judges_senders(load(None, {}, ["auth.senders=off", "dns.servers=127.0.0.1"]))
    for words, judged in (([], False), (["dns.servers=127.0.0.1:5353"], True), (["auth.senders=on"], True)):
        settings = load(None, {}, words, settings_base(10_000, words, {}))
        assert judges_senders(settings) is judged and settings.auth.trusted_networks == ()
