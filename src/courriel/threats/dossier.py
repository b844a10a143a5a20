"""All that a report shows of one message, in one value: the source of the terminal, the page and the JSON.

The field names of these structs are the JSON of ``courriel analyze --json`` (docs/analyze.md).  SCHEMA changes when
one of them is renamed, removed or means something else; new ones may come at any time.

Pure.  What a message says stands here as it says it; whoever shows it defangs it (``defang``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from courriel.formats.archive.sniff import HEAD_OCTETS, sniff
from courriel.model.judgement import Judgement
from courriel.model.threat import Report
from courriel.model.verdict import Result
from courriel.threats.defang import defang
from courriel.threats.explain import Explanation, explain
from courriel.threats.reading.reach import is_private
from courriel.threats.signal import Signal
from courriel.threats.view import Attachment, Hop, Link, Person, View

SCHEMA: Final = "courriel.analysis/1"
LINKS: Final = 100
"""``dossier.links``: that are listed; the rest are counted."""
ATTACHMENTS: Final = 100
"""``dossier.attachments``: that are listed and hashed."""
HOPS: Final = 50
"""``dossier.hops``: stations of the way, the newest."""
HASHED_OCTETS: Final = 64 << 20
"""``dossier.hashed_octets``: of all attachments together; what comes after has no sha256."""
TEXT_CHARACTERS: Final = 50_000
"""``dossier.text_characters``: of each text."""
HEADER_CHARACTERS: Final = 500
"""``dossier.header_characters``: of a subject, a name, a link."""


class Mailbox(msgspec.Struct, frozen=True):
    """Somebody in an address field.  ``address`` is "" where there is none."""

    display: str
    address: str
    organisation: str


class Card(msgspec.Struct, frozen=True):
    """Who a message says it is from.  ``differs``: "reply_to", "return_path", "sender" where these belong to another
    organisation than the author; ``several`` where more than one author is named."""

    authors: tuple[Mailbox, ...]
    sender: Mailbox | None
    reply_to: tuple[Mailbox, ...]
    return_path: Mailbox | None
    recipients: tuple[Mailbox, ...]
    differs: tuple[str, ...]
    several: bool


class Check(msgspec.Struct, frozen=True):
    """A check of the sender.  ``method`` is "SPF", "DKIM", "DMARC", "ARC" or "name" (of the client's address);
    ``result`` a word of RFC 8601 §2.7; ``aligned``: whether it is about the author's own domain, None: unknown."""

    method: str
    result: str
    domain: str
    detail: str
    aligned: bool | None


class Station(msgspec.Struct, frozen=True):
    """A Received field, oldest first.  ``delay_s`` since the station before; negative where clocks disagree.
    ``private``: the address belongs to no public network."""

    from_name: str
    from_ip: str
    by: str
    with_: str
    at: float | None
    delay_s: float | None
    private: bool
    text: str


class Target(msgspec.Struct, frozen=True):
    """A link.  ``differs``: the text shows another host than the one it leads to."""

    kind: str
    text: str
    href: str
    defanged: str
    host: str
    organisation: str
    differs: bool


class File(msgspec.Struct, frozen=True):
    """An attachment.  ``real_type`` is what its first octets say, a word of ``sniff.TYPES``.  ``sha256`` is "" past
    HASHED_OCTETS, and ``octets`` then a guess from the encoded size."""

    name: str
    media_type: str
    real_type: str
    octets: int
    inline: bool
    sha256: str


class Text(msgspec.Struct, frozen=True):
    """What a reader sees (blanks run together), the plain part, what is hidden from readers; ``cut`` where one was
    longer."""

    visible: str
    plain: str
    hidden: str
    cut: bool

    @property
    def readable(self) -> str:
        """What a reader sees, with the line ends of the plain part where that says the same."""
        return self.plain if self.plain.split() == self.visible.split() else self.visible


class Source(msgspec.Struct, frozen=True):
    """Where the message came from: ``cut`` where only its beginning was looked at; ``checked_by`` is who checked the
    sender: "server" (its Authentication-Results, of ``authserv_id``), "dns" (we did) or "nobody"."""

    name: str
    octets: int
    sha256: str
    cut: bool = False
    checked_by: str = "nobody"
    authserv_id: str = ""


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """One message, judged and taken apart."""

    schema: str = SCHEMA
    source: Source
    channel: str
    level: str
    kind: str | None
    probability: float
    score: float
    prior: float
    groups: int
    kinds: dict[str, float]
    explanation: Explanation
    subject: str
    date: str
    message_id: str
    card: Card
    checks: tuple[Check, ...]
    route: tuple[Station, ...]
    stations_in_all: int
    links: tuple[Target, ...]
    links_in_all: int
    files: tuple[File, ...]
    files_in_all: int
    text: Text


def dossier(source: Source, view: View, report: Report, catalogue: Mapping[str, Signal], language: str) -> Dossier:
    """``report`` is that of ``view``; ``language`` is the reader's."""
    return Dossier(
        source=source,
        channel=report.channel.value,
        level=report.level.value,
        kind=report.kind.value if report.kind is not None else None,
        probability=report.probability,
        score=report.score,
        prior=report.prior,
        groups=report.groups,
        kinds={kind.value: share for kind, share in sorted(report.kinds.items(), key=lambda item: -item[1])},
        explanation=explain(report, catalogue, language, view),
        subject=view.subject[:HEADER_CHARACTERS],
        date=(view.header("date") or "")[:HEADER_CHARACTERS],
        message_id=(view.header("message-id") or "")[:HEADER_CHARACTERS],
        card=_card(view),
        checks=_checks(view.arrival.judgement),
        route=_route(view.hops[:HOPS]),
        stations_in_all=len(view.hops),
        links=tuple(_target(link) for link in view.links[:LINKS]),
        links_in_all=view.links_in_all,
        files=_files(view.attachments[:ATTACHMENTS]),
        files_in_all=len(view.attachments),
        text=_text(view),
    )


def _card(view: View) -> Card:
    authors = {person.organisation or person.domain for person in view.authors}
    others = {"reply_to": view.reply_to, "return_path": _one(view.return_path), "sender": _one(view.sender)}
    differs = [
        name
        for name, people in others.items()
        if authors and any(person.domain and (person.organisation or person.domain) not in authors for person in people)
    ]
    return Card(
        tuple(_mailbox(person) for person in view.authors[:ATTACHMENTS]),
        _mailbox(view.sender) if view.sender is not None else None,
        tuple(_mailbox(person) for person in view.reply_to[:ATTACHMENTS]),
        _mailbox(view.return_path) if view.return_path is not None else None,
        tuple(_mailbox(person) for person in view.recipients[:ATTACHMENTS]),
        tuple(differs),
        len(view.authors) > 1,
    )


def _one(person: Person | None) -> tuple[Person, ...]:
    return (person,) if person is not None else ()


def _mailbox(person: Person) -> Mailbox:
    address = f"{person.local}@{person.domain}" if person.domain else person.local
    return Mailbox(person.display[:HEADER_CHARACTERS], address[:HEADER_CHARACTERS], person.organisation)


def _checks(judgement: Judgement | None) -> tuple[Check, ...]:
    if judgement is None:
        return ()
    dmarc, spf = judgement.dmarc, judgement.origin.spf
    found = [
        Check("DMARC", dmarc.result.value, dmarc.domain, dmarc.reason or dmarc.policy, None),
        Check("SPF", spf.result.value, spf.domain, spf.explanation or spf.scope, dmarc.spf_aligned),
    ]
    for one in judgement.dkim.signatures[:ATTACHMENTS]:
        aligned = dmarc.dkim_aligned if one.result is Result.PASS else None
        found.append(Check("DKIM", one.result.value, one.domain, one.reason or one.selector, aligned))
    if judgement.dkim.arc is not None:
        arc = judgement.dkim.arc
        found.append(Check("ARC", arc.result.value, ", ".join(arc.sealers), arc.reason, None))
    iprev = judgement.origin.iprev
    if iprev.ip:
        found.append(Check("name", iprev.result.value, iprev.name, iprev.ip, None))
    return tuple(found)


def _route(hops: tuple[Hop, ...]) -> tuple[Station, ...]:
    stations: list[Station] = []
    before: float | None = None
    for hop in reversed(hops):
        delay = hop.at - before if hop.at is not None and before is not None else None
        before = hop.at if hop.at is not None else before
        text = hop.text[:HEADER_CHARACTERS]
        private = is_private(hop.from_ip)
        stations.append(Station(hop.from_name, hop.from_ip, hop.by, hop.with_, hop.at, delay, private, text))
    return tuple(stations)


def _target(link: Link) -> Target:
    href = link.href[:HEADER_CHARACTERS]
    return Target(
        link.kind,
        link.text[:HEADER_CHARACTERS],
        href,
        defang(href),
        link.host,
        link.organisation,
        _shows_another(link),
    )


def _shows_another(link: Link) -> bool:
    """Whether the text is itself an address, of another host."""
    shown = link.text.strip().lower().removeprefix("https://").removeprefix("http://")
    host = shown.partition("/")[0].partition("?")[0]
    if not link.host or " " in shown or "." not in host or "@" in host or link.kind == "text":
        return False
    organisation = link.organisation or link.host
    return host != organisation and not host.endswith(f".{organisation}")


def _files(attachments: tuple[Attachment, ...]) -> tuple[File, ...]:
    files: list[File] = []
    left = HASHED_OCTETS
    for one in attachments:
        digest, size = "", one.octets
        if size <= left:
            content = one.content(size)
            digest, size = hashlib.sha256(content).hexdigest(), len(content)
            left -= size
        real = sniff(one.content(HEAD_OCTETS))
        files.append(File(one.name[:HEADER_CHARACTERS], one.media_type, real, size, one.inline, digest))
    return tuple(files)


def _text(view: View) -> Text:
    texts = view.visible, view.plain.replace("\r\n", "\n"), view.hidden
    cut = any(len(text) > TEXT_CHARACTERS for text in texts)
    visible, plain, hidden = (text[:TEXT_CHARACTERS] for text in texts)
    return Text(visible, plain, hidden, cut)
