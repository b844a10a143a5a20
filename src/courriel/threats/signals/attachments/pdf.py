"""PDF (ISO 32000-2): scripts, actions that start something, files inside, locks, and links that are its only purpose.

The names are looked for in the raw octets and in object streams, unpacked with a bound; nothing is run, drawn or
fetched. How it is evaded: a picture of a link, a QR code (qr.py); another filter than Deflate.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.signal import Signal
from courriel.threats.signals import advice
from courriel.threats.signals.attachments.file import File, finding

STREAMS: Final = 40
"""Object streams that are unpacked."""
STREAM_OCTETS: Final = 128 << 10
LINKS: Final = 100
FEW_PAGES: Final = 2

_OBJECT_STREAM: Final = re.compile(rb"/ObjStm\b[^>]{0,400}>>\s*stream\r?\n")
_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_ESCAPED_NAME: Final = re.compile(rb"/(?:[A-Za-z]{0,12}#[0-9A-Fa-f]{2}){1,20}[A-Za-z]{0,12}")
_SCRIPT: Final = re.compile(rb"/(?:JavaScript|JS)\b(?!\w)")
_LAUNCH: Final = re.compile(rb"/Launch\b")
_FILE: Final = re.compile(rb"/EmbeddedFiles?\b")
_SUBMIT: Final = re.compile(rb"/(?:SubmitForm|ImportData)\b")
_AUTOMATIC: Final = re.compile(rb"/(?:OpenAction|AA)\b")
_URI: Final = re.compile(rb"/URI\s*\(((?:\\.|[^()\\]){4,500})\)")
_PAGE: Final = re.compile(rb"/Type\s*/Page\b(?!s)")
_ENCRYPT: Final = re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R|/Encrypt\s*<<")
_USER_KEY: Final = re.compile(rb"/Filter\s*/Standard\b")

SCRIPT: Final = Signal(
    name="attachments.pdf-script",
    group=Group.ATTACHMENTS,
    seen=N_("The PDF {file} contains a program (JavaScript)."),
    why=N_("It runs when you open the document and may lead you on or exploit your reader."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.8, Kind.PHISHING: 0.6},
)
LAUNCH: Final = Signal(
    name="attachments.pdf-launch",
    group=Group.ATTACHMENTS,
    seen=N_("The PDF {file} starts another program."),
    why=N_("No document needs that."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.2},
)
FILES: Final = Signal(
    name="attachments.pdf-files",
    group=Group.ATTACHMENTS,
    seen=N_("Another file is packed into the PDF {file}."),
    why=N_("Harmful files are hidden in documents that look harmless. Electronic invoices carry a file too."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 0.8},
)
FORM: Final = Signal(
    name="attachments.pdf-form",
    group=Group.ATTACHMENTS,
    seen=N_("The PDF {file} sends what you type somewhere."),
    why=N_("You cannot see who receives it."),
    then=advice.NO_CODE,
    weights={Kind.PHISHING: 1.4},
)
LEADS: Final = Signal(
    name="attachments.pdf-link",
    group=Group.ATTACHMENTS,
    seen=N_("The PDF {file} is little more than a link to {site}."),
    why=N_("The link is in the document so that filters do not see it in the message."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.6, Kind.SPAM: 0.8},
)
LOCKED: Final = Signal(
    name="attachments.pdf-locked",
    group=Group.ATTACHMENTS,
    seen=N_("The PDF {file} is encrypted, so that it cannot be checked."),
    why=N_("Encryption keeps filters out. Banks do it too, with a password only you know."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 0.6, Kind.MALWARE: 0.4},
)


def actions(file: File) -> Iterable[Finding]:
    """All of it, in one text of the raw octets and the object streams."""
    octets = b"\n".join((_unescaped(file.octets), *_streams(file)))
    locked = _ENCRYPT.search(octets) is not None
    for signal, pattern, weak in (
        (SCRIPT, _SCRIPT, 0.7),
        (LAUNCH, _LAUNCH, 1.0),
        (FILES, _FILE, 1.0),
        (FORM, _SUBMIT, 1.0),
    ):
        if match := pattern.search(octets):
            yield finding(file, signal, 1.0 if _AUTOMATIC.search(octets) else weak, match[0].decode("ascii", "replace"))
    if locked and _USER_KEY.search(octets):
        yield finding(file, LOCKED)
    yield from _leads(file, octets)


def _leads(file: File, octets: bytes) -> Iterator[Finding]:
    """One or two sites, and no more than FEW_PAGES pages: the document is there for the link."""
    addresses = [match[1].decode("latin-1") for match, _ in zip(_URI.finditer(octets), range(LINKS), strict=False)]
    sites = {address.split("/")[2].lower() for address in addresses if address.startswith(("http://", "https://"))}
    pages = sum(1 for _, _ in zip(_PAGE.finditer(octets), range(FEW_PAGES + 1), strict=False))
    own = {person.organisation for person in file.view.authors if person.organisation}
    foreign = sorted(site for site in sites if not any(site == name or site.endswith("." + name) for name in own))
    if 1 <= len(sites) <= 2 and foreign and pages <= FEW_PAGES:
        yield finding(file, LEADS, 1.0 if pages == 1 else 0.6, foreign[0], site=foreign[0][:100])


def _unescaped(octets: bytes) -> bytes:
    """Names with #xx read as they are meant: /J#61vaScript.  ISO 32000-2 §7.3.5."""
    names = {match[0] for match, _ in zip(_ESCAPED_NAME.finditer(octets), range(1_000), strict=False)}
    plain = [_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), name) for name in sorted(names)]
    return b" ".join((octets, *plain)) if plain else octets


def _streams(file: File) -> Iterator[bytes]:
    """Object streams (ISO 32000-2 §7.5.7), unpacked to their bound."""
    for match, _ in zip(_OBJECT_STREAM.finditer(file.octets), range(STREAMS), strict=False):
        limit = min(STREAM_OCTETS, file.budget.inflated)
        if limit <= 0:
            return
        try:
            octets = zlib.decompressobj().decompress(file.octets[match.end() : match.end() + limit], limit)
        except zlib.error:
            continue
        file.budget.inflated -= len(octets)
        yield octets


SIGNALS: Final[tuple[Signal, ...]] = (SCRIPT, LAUNCH, FILES, FORM, LEADS, LOCKED)
