"""``courriel analyze`` on real files: what is read, what is printed, how it ends.  Judging is tested elsewhere."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from courriel.cli import analyze_run as analyzing
from courriel.cli import analyze_sources
from courriel.cli.main import courriel
from courriel.model.envelope import Client
from courriel.model.judgement import Judgement
from courriel.model.threat import Channel, Kind, Level, Report
from courriel.threats.dossier import Dossier
from courriel.threats.view import Arrival, Context, View
from tests.cli.compound import compound
from tests.formats.test_outlook import saved
from tests.threats import made
from tests.trial import ROOT

LETTER = (
    b"Return-Path: <bounce@mass.example>\r\n"
    b"Received: from mass.example ([203.0.113.7]) by mx.home.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"From: Bank <info@bank.example>\r\nSubject: =SUM(1)\r\n\r\nhello http://evil.test/\r\n"
)
BAD = b"From: x@bad.example\r\nSubject: malicious\r\n\r\nx\r\n"
ODD = b"From: x@odd.example\r\nSubject: suspicious\r\n\r\nx\r\n"


class Judge:
    """Stands for ``scan.judge``: a message is what its subject says."""

    def __init__(self) -> None:
        self.asked: list[tuple[Arrival, Context, Channel]] = []

    def __call__(self, view: View, deep: object = ()) -> Report:
        self.asked.append((view.arrival, view.context, view.channel))
        level = next((one for one in Level if one.value == view.subject), Level.CLEAN)
        kind = Kind.PHISHING if level in (Level.SUSPICIOUS, Level.MALICIOUS) else None
        return msgspec.structs.replace(made.report(level, kind), channel=view.channel)


class House:
    """Stands for the doors: a judge who asks no DNS."""

    def __init__(self) -> None:
        self.asked: list[tuple[Client, str]] = []

    def judge_message(self, content: bytes, client: Client, mail_from: str) -> Judgement | None:
        self.asked.append((client, mail_from))
        return made.judgement()


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    judge = Judge()
    monkeypatch.setattr(analyzing, "judge", judge)
    monkeypatch.setattr(analyzing, "catalogue", lambda: made.CATALOGUE)
    return judge


@pytest.fixture
def run(judge: Judge) -> Callable[..., Result]:
    def run(*words: object, stdin: bytes = b"", house: House | None = None) -> Result:
        return CliRunner().invoke(courriel, ["analyze", *map(str, words)], input=stdin, obj=house)

    return run


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def file(folder: Path, content: bytes, name: str = "a.eml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ------------------------------------------------------------------------------------------------- one message


@pytest.mark.parametrize(("content", "code"), [(LETTER, 0), (ODD, 1), (BAD, 2)])
def test_the_exit_code_is_the_verdict(run: Callable[..., Result], tmp_path: Path, content: bytes, code: int) -> None:
    assert run(file(tmp_path, content)).exit_code == code


def test_json_is_one_line_with_the_schema(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run(file(tmp_path, LETTER), "--json", "--lang", "fr")
    (found,) = lines(result)
    assert found["schema"] == "courriel.analysis/1"
    assert found["level"] == "clean" and found["explanation"]["language"] == "fr"
    assert found["links"][0]["defanged"] == "hxxp://evil[.]test/"
    assert found["card"]["authors"] == [
        {"display": "Bank", "address": "info@bank.example", "organisation": "bank.example"}
    ]
    assert found["source"]["checked_by"] == "nobody"
    total = found["prior"] + sum(point["weight"] for point in found["explanation"]["points"])
    assert total == pytest.approx(found["score"])


def test_every_field_of_the_json_is_documented() -> None:
    docs = (ROOT / "docs" / "analyze.md").read_text()
    waiting: list[object] = [Dossier]
    while waiting:
        struct = waiting.pop()
        for field in msgspec.structs.fields(struct):  # type: ignore[arg-type]
            assert f"`{field.name}`" in docs, field.name
            waiting += _structs(field.type)


def _structs(kind: object) -> list[object]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [struct for inner in getattr(kind, "__args__", ()) for struct in _structs(inner)]


def test_standard_input_is_read(run: Callable[..., Result]) -> None:
    result = run("-", "--json", stdin=BAD)
    assert result.exit_code == 2 and lines(result)[0]["source"]["name"] == "-"


def test_a_file_of_outlook_is_read(run: Callable[..., Result], tmp_path: Path) -> None:
    (found,) = lines(run(file(tmp_path, compound(saved()), "a.msg"), "--json"))
    assert found["subject"] == "Facture n° 12"
    assert found["files"][0]["name"] == "facture été.pdf" and found["files"][0]["octets"] == 9_005


def test_a_page_is_written(run: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    assert run(file(tmp_path, BAD), "--html", page, "--lang", "fr").exit_code == 2
    assert page.read_text("utf-8").startswith('<!DOCTYPE html>\n<html lang="fr">')


@pytest.mark.parametrize(("option", "channel"), [("--sms", Channel.SMS), ("--call", Channel.CALL)])
def test_text_messages_and_calls(
    run: Callable[..., Result], judge: Judge, tmp_path: Path, option: str, channel: Channel
) -> None:
    result = run(option, file(tmp_path, b"Votre colis attend : http://col1s.test"), "--json")
    assert lines(result)[0]["channel"] == channel.value
    assert judge.asked[-1][2] is channel
    assert run(option, "-", stdin=b"hello").exit_code == 0
    (found,) = lines(run(option, file(tmp_path, b"From mum at 10:00 on 24.11.2026: bring bread"), "--json"))
    assert found["text"]["visible"].startswith("From mum")
    file(tmp_path / "texts", b"one", "1.txt")
    file(tmp_path / "texts", b"two", "2.txt")
    assert len(lines(run(option, tmp_path / "texts", "--json"))) == 2


# ------------------------------------------------------------------------------------------------- what is known


def test_the_house_is_told_to_the_judge(run: Callable[..., Result], judge: Judge, tmp_path: Path) -> None:
    words = ["--own-domain", "Home.Example", "--executive", "Anne Martin <Anne@home.example>", "--executive", "Paul B"]
    run(file(tmp_path, LETTER), *words)
    context = judge.asked[-1][1]
    assert context.own_domains == {"home.example"}
    assert [(one.name, one.addresses) for one in context.executives] == [
        ("Anne Martin", ("anne@home.example",)),
        ("Paul B", ()),
    ]


def test_the_results_of_the_named_server_count(run: Callable[..., Result], judge: Judge, tmp_path: Path) -> None:
    field = b"Authentication-Results: mx.home.example; dmarc=fail header.from=bank.example\r\n"
    (found,) = lines(run(file(tmp_path, field + LETTER), "--authserv-id", "mx.home.example", "--json"))
    assert found["source"]["checked_by"] == "server"
    assert found["checks"][0]["result"] == "fail"
    arrival = judge.asked[-1][0]
    assert (arrival.client_ip, arrival.mail_from) == ("203.0.113.7", "bounce@mass.example")
    (other,) = lines(run(file(tmp_path, field + LETTER), "--authserv-id", "else.example", "--json"))
    assert other["source"]["checked_by"] == "nobody" and other["checks"] == []


def test_the_dns_is_asked_only_when_wished(run: Callable[..., Result], tmp_path: Path) -> None:
    house = House()
    run(file(tmp_path, LETTER), house=house)
    assert house.asked == []
    (found,) = lines(run(file(tmp_path, LETTER), "--dns", "--json", house=house))
    assert house.asked == [(Client("203.0.113.7", 0, "mass.example"), "bounce@mass.example")]
    assert found["source"]["checked_by"] == "dns"


# ------------------------------------------------------------------------------------------------- many


def test_an_mbox_is_a_batch_and_its_worst_decides(run: Callable[..., Result], tmp_path: Path) -> None:
    mbox = b"".join(b"From a Tue Nov 24 10:00:00 2026\n" + one + b"\n" for one in (LETTER, ODD, BAD))
    page = tmp_path / "all.html"
    result = run(file(tmp_path, mbox, "all.mbox"), "--html", page)
    assert result.exit_code == 2
    assert "Phishing" in result.stdout and "Summary" in result.stdout and "█" in result.stdout
    html = page.read_text()
    assert html.count("<svg") >= 2 and "3 messages analysed" in html and html.count("<h1>Dangerous") == 1
    assert [one["level"] for one in lines(run(tmp_path / "all.mbox", "--json"))] == ["clean", "suspicious", "malicious"]


def test_a_maildir_and_a_folder(run: Callable[..., Result], tmp_path: Path) -> None:
    file(tmp_path / "maildir", ODD, "cur/1:2,S")
    file(tmp_path / "maildir", BAD, ".Junk/new/2")
    file(tmp_path / "maildir", BAD, "tmp/3")
    file(tmp_path / "maildir", b"3 V1 N2", "dovecot-uidlist")
    assert len(lines(run(tmp_path / "maildir", "--json"))) == 2
    file(tmp_path / "folder", ODD, "a.eml")
    file(tmp_path / "folder", b"not mail", "a.py")
    result = run(tmp_path / "folder", "--json")
    assert len(lines(result)) == 1 and result.exit_code == 1


def test_csv_cannot_be_a_formula(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run(file(tmp_path, LETTER), "--csv")
    (row,) = csv.DictReader(io.StringIO(result.stdout, newline=""))
    assert row["subject"] == "'=SUM(1)" and row["level"] == "clean" and row["sender"] == "Bank <info@bank.example>"


# ------------------------------------------------------------------------------------------------- what goes wrong


def test_what_cannot_be_read_ends_with_3_and_the_others_go_on(run: Callable[..., Result], tmp_path: Path) -> None:
    broken = file(tmp_path, analyze_sources.OUTLOOK + b"x" * 600, "broken.msg")
    assert run(broken).exit_code == 3
    assert run(file(tmp_path, b"", "empty.eml")).exit_code == 3
    result = run(broken, file(tmp_path, LETTER), "--json")
    assert result.exit_code == 3
    assert [one.get("problem", "") != "" for one in lines(result)] == [True, False]
    assert run(broken, file(tmp_path, BAD)).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [[], ["--nope"], ["nowhere.eml"], ["--sms", "-", "a.eml"], ["-", "--json", "--csv"], ["-", "--own-domain", "a..b"]],
)
def test_a_wrong_command_line_is_no_verdict(run: Callable[..., Result], words: list[str]) -> None:
    assert run(*words, stdin=LETTER).exit_code == 3


def test_of_a_huge_file_the_beginning_is_looked_at(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyze_sources, "MESSAGE_OCTETS", 2_000_000)
    (found,) = lines(run(file(tmp_path, ODD + b"x" * 5_000_000), "--json"))
    assert found["source"]["cut"] and found["source"]["octets"] == len(ODD) + 5_000_000
    mbox = (
        b"From a Tue Nov 24 10:00:00 2026\n" + BAD + b"x" * 3_000_000 + b"\n\nFrom a Tue Nov 24 10:00:00 2026\n" + ODD
    )
    (large, small) = lines(run(file(tmp_path, mbox, "m"), "--json"))
    assert large["problem"] == "analyze.message_octets" and small["level"] == "suspicious"


HOSTILE = {
    "nested": b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(2_000)),
    "received": b"Received: from a by b;" + b"Received: from a (b [192.0.2.1]) by c; x\r\n" * 5_000 + b"\r\n",
    "links": b"Content-Type: text/html\r\n\r\n" + b"<a href=http://a.test/>b</a>" * 40_000,
    "hidden": b"Content-Type: text/html; charset=utf-8\r\n\r\n" + "\u200b\u202e".encode() * 200_000,
    "addresses": b"From: " + b"a@b.example, " * 50_000 + b"\r\n\r\nx",
    "words": b"\r\n" + b"aa.aa-" * 300_000,
    "at": b"\r\n" + b"www." * 300_000 + b"a" * 300_000,
    "files": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_ends_in_a_bounded_report(run: Callable[..., Result], tmp_path: Path, name: str) -> None:
    page = tmp_path / "a.html"
    path = file(tmp_path, HOSTILE[name])
    began = time.process_time()
    result = run(path, "--html", page)
    assert result.exit_code == 0, result.output
    assert time.process_time() - began < 4
    assert len(result.stdout) < 400_000 and page.stat().st_size < 4_000_000


def test_codes_in_pictures_are_looked_for(tmp_path: Path) -> None:
    """The command has the time that a server has not."""
    codes = pytest.importorskip("zxingcpp")
    image = pytest.importorskip("PIL.Image")
    code = codes.create_barcode("https://evil.example/login", codes.BarcodeFormat.QRCode).to_image(scale=6)
    picture = io.BytesIO()
    image.frombytes("L", code.shape[::-1], bytes(memoryview(code))).save(picture, "PNG")
    part = b"MIME-Version: 1.0\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    letter = b"From: a@home.example\r\nSubject: scan me\r\n" + part + base64.encodebytes(picture.getvalue())
    result = CliRunner().invoke(courriel, ["analyze", str(file(tmp_path, letter)), "--json"])
    (found,) = lines(result)
    assert "attachments.qr-code" in [point["signal"] for point in found["explanation"]["points"]]
