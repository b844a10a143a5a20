"""The evaluation kit: a folder with index.csv and one tar.gz (or unpacked folder) per source.  See its README.

What the collectors added is taken away here, for training and for measuring alike: a score must be about the message.
"""

from __future__ import annotations

import csv
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from courriel.formats.message.parse import header_end
from courriel.model.judgement import DkimFindings, Iprev, Judgement, Origin
from courriel.model.threat import Channel
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.threats.read import read
from courriel.threats.reading.organisation import host_name, organisation
from courriel.threats.view import Arrival, Context, Executive, View

GOOD = frozenset({"ham", "sms_ham", "voice_ham"})
PERMISSIVE = frozenset(
    {"sa-public-corpus", "csdmc-readme-test-use", "MIT", "CC-BY-4.0", "CC-BY-4.0-derived", "CC0-1.0"}
    | {"public-list-archive-research"}
)
"""Licences a shipped model may learn from: not the non-commercial, academic, AGPL, and unlicensed rows."""

_COLLECTOR = re.compile(
    rb"^(?:X-MS-|X-Microsoft-|X-Forefront-|X-SID-|X-Sender-IP|X-Incoming|X-Spam|X-Gm-|X-Google-|Authentication-Results"
    rb"|Received-SPF|ARC-|Delivered-To|X-Original-To|Return-Path|X-EOP|X-Exchange|X-OriginatorOrg)",
    re.IGNORECASE,
)
_LIST_FIELD = re.compile(rb"^(?:List-|Mailing-List|Errors-To|X-BeenThere|X-Mailman|Precedence|Sender:)", re.IGNORECASE)
_FIELD = re.compile(rb"^[!-9;-~]+[ \t]*:[^\n]*\n?(?:[ \t][^\n]*\n?)*", re.MULTILINE)
_SUBJECT_TAG = re.compile(rb"(?im)^(subject:(?:\s*(?:re|fwd?|aw):)*)\s*\[[A-Za-z][\w.+ -]{1,30}\]\s*")
_FOOTER = re.compile(
    rb"\r?\n_{20,}\r?\n[^\n]{0,80}(?:mailing list|list)[\s\S]{0,1500}\Z"
    rb"|\r?\n-{2,}\s?\r?\n(?:To unsubscribe|You received this message)[\s\S]{0,1500}\Z"
    rb"|\r?\n[-_]{5,}[^\n]*\r?\n[^\n]{0,90}(?:sf\.net|ThinkGeek|sourceforge|Irish Linux)[\s\S]{0,1500}\Z",
    re.IGNORECASE,
)

_HEADED = re.compile(rb"(?:From|Subject): ")
_SMS_SOURCES = frozenset(
    {"88milsms", "mendeley-sms", "smishtank", "uci-sms", "uci-sms-fr-mt", "synthetic-own", "fr-official"}
)


@dataclass(frozen=True)
class Row:
    """One message with its label."""

    file: str
    label: str
    source: str
    licence: str
    also: frozenset[str]
    lang: str
    synthetic: bool
    cluster: str
    told: dict[str, str]
    raw: bytes

    @property
    def bad(self) -> bool:
        return self.label not in GOOD

    @property
    def channel(self) -> Channel:
        """Told, as the README has it: by label, and by whether there is a header."""
        if self.file.endswith(".eml") or _HEADED.match(self.raw):
            return Channel.MAIL
        if self.label in ("voice_ham", "vishing") and self.source != "fr-official":
            return Channel.CALL
        return Channel.SMS if self.source in _SMS_SOURCES else Channel.MAIL

    def view(self) -> View:
        raw = self.raw
        if self.channel is Channel.MAIL:
            raw = clean(raw, self.told["client_ip"]) if self.file.endswith(".eml") else _headed(raw)
        return read(raw, self._arrival(raw), _context(self), self.channel)

    def _arrival(self, raw: bytes) -> Arrival:
        told = self.told
        judgement = _judgement(told, raw) if told["spf"] or told["dkim"] or told["dmarc"] else None
        return Arrival(told["client_ip"], told["helo"], "", told["mail_from"], (), False, judgement)


def rows(folder: Path) -> Iterator[Row]:
    """All messages that the index names, in its order."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as index:
        entries = list(csv.DictReader(index))
    sources: dict[str, list[dict[str, str]]] = {}
    for entry in entries:
        sources.setdefault(entry["file"].split("/")[0], []).append(entry)
    for source, several in sources.items():
        contents = _contents(folder, source)
        for entry in several:
            yield Row(
                entry["file"],
                entry["label"],
                entry["source"],
                entry["licence"],
                frozenset(filter(None, entry["also"].split(";"))),
                entry["lang"],
                bool(entry["synthetic"]),
                entry["cluster"],
                {name: entry[name] for name in ("client_ip", "helo", "mail_from", "spf", "dkim", "dmarc")},
                contents[entry["file"]],
            )


def _contents(folder: Path, source: str) -> dict[str, bytes]:
    unpacked = folder / source
    if unpacked.is_dir():
        return {f"{source}/{path.name}": path.read_bytes() for path in unpacked.iterdir()}
    found: dict[str, bytes] = {}
    with tarfile.open(folder / f"{source}.tar.gz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                found[member.name.removeprefix("./")] = stream.read()
    return found


def clean(raw: bytes, client_ip: str) -> bytes:
    """Without what the receiving side and the mailing list added."""
    end = header_end(raw, 0, len(raw))
    fields = _FIELD.findall(raw[:end])
    edge = -1
    if client_ip:
        for at, one in enumerate(fields):
            if one[:9].lower() == b"received:" and client_ip.encode() in one:
                edge = at
    kept = [
        one
        for at, one in enumerate(fields)
        if not _COLLECTOR.match(one)
        and not _LIST_FIELD.match(one)
        and not (at <= edge and one[:9].lower() == b"received:")
    ]
    header = _SUBJECT_TAG.sub(rb"\1 ", b"".join(kept))
    return header + b"\r\n" + _FOOTER.sub(b"\n", raw[end:])


_NOBODY = b"From: Sender <sender@example.net>\r\n"
"""Of rows of which only subject and text are left: that they have no From says nothing of the message."""


def _headed(raw: bytes) -> bytes:
    """A text file as a message: its first lines are From and Subject, where it has them."""
    lines = raw.split(b"\n")
    header = []
    while lines and lines[0].startswith((b"From: ", b"Subject: ", b"Subject:")):
        header.append(lines.pop(0).rstrip(b"\r") + b"\r\n")
    author = b"" if any(one.startswith(b"From:") for one in header) else _NOBODY
    plain = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return author + b"".join(header) + plain + b"\n".join(lines)


def _judgement(told: dict[str, str], raw: bytes) -> Judgement:
    author = re.search(rb"(?im)^from:[^\n]*(?:\n[ \t][^\n]*)*?@([A-Za-z0-9.-]+)", raw)
    domain = host_name(author[1].decode()) if author else ""
    sender = host_name(told["mail_from"].rpartition("@")[2].strip("<>"))
    signer = re.search(rb"(?is)\ndkim-signature:.{0,1500}?[;\s]d=\s*([A-Za-z0-9.-]+)", b"\n" + raw)
    signed = host_name(signer[1].decode()) if signer else ""
    spf, dkim, dmarc = (_result(told[name]) for name in ("spf", "dkim", "dmarc"))
    owner = organisation(domain)
    return Judgement(
        Origin(
            SpfVerdict(spf, sender or told["helo"], "mfrom" if sender else "helo"),
            None,
            Iprev(Result.NONE, told["client_ip"]),
        ),
        DkimFindings((DkimVerdict(dkim, signed, "", f"@{signed}", "rsa-sha256"),) if dkim is not Result.NONE else ()),
        DmarcVerdict(
            dmarc,
            domain,
            "",
            "",
            org_domain=owner,
            spf_aligned=spf is Result.PASS and bool(owner) and organisation(sender) == owner,
            dkim_aligned=dkim is Result.PASS and bool(owner) and organisation(signed) == owner,
        ),
    )


def _result(word: str) -> Result:
    return {one.value: one for one in Result}.get(word.lower(), Result.NONE)


_HOUSES = {
    "acme-industrie.example": (
        Executive("Hélène Marchand", "présidente-directrice générale", ("helene@acme-industrie.example",)),
        Executive("Luc Fontanel", "directeur financier", ("luc@acme-industrie.example",)),
    ),
    "northwind-tools.example": (
        Executive("Margaret Oakes", "chief executive officer", ("margaret@northwind-tools.example",)),
        Executive("Peter Lindqvist", "chief financial officer", ("peter@northwind-tools.example",)),
    ),
}
"""The invented houses of our own templates, and who leads them."""
_TO = re.compile(rb"(?m)^To:[^\n]*?@([A-Za-z0-9.-]+)")


def _context(row: Row) -> Context:
    """Only for the templates of our own it is known in whose house they arrive."""
    to = _TO.search(row.raw) if row.source == "synthetic-own" and row.channel is Channel.MAIL else None
    domain = to[1].decode().lower() if to else ""
    if domain not in _HOUSES:
        return Context()
    return Context(own_domains=frozenset({domain}), executives=_HOUSES[domain])
