"""Office documents: macros and whether they start by themselves, templates from afar, fields that run commands, locks.

OOXML (ECMA-376) is a ZIP of parts whose relationships (Part 2 §8) may lead outside; old documents are compound files
([MS-CFB]) with storages for macros ([MS-OVBA] 2.2.1); RTF carries objects. How it is evaded: a locked document with the
password in the text, which is a signal of its own; a link in the document to a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from courriel.base.i18n import N_
from courriel.formats.archive.ole import Compound, compound
from courriel.formats.archive.vba import sources
from courriel.formats.archive.zip import directory, member
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.signal import Signal
from courriel.threats.signals import advice
from courriel.threats.signals.attachments.file import File, finding

PART_OCTETS: Final = 512 << 10
"""Octets read of one part of a document."""
RTF_OCTETS: Final = 2 << 20
"""Octets of an RTF file that are searched: objects are written as digits and long, but begin early."""
STREAM_OCTETS: Final = 256 << 10

_PARTS: Final = re.compile(
    r".*\.rels|word/(?:document|settings|header\d*|footer\d*)\.xml|xl/externalLinks/[^/]+\.xml|xl/workbook\.xml",
    re.IGNORECASE,
)
_VBA: Final = re.compile(r"(?:.*/)?vbaProject\.bin|xl/macrosheets/.*", re.IGNORECASE)
_OBJECT: Final = re.compile(r".*/embeddings/[^/]+\.bin|.*/activeX/[^/]+\.(?:bin|xml)", re.IGNORECASE)
_RELATIONSHIP: Final = re.compile(r"<(?:\w+:)?Relationship\b[^<>]*>", re.IGNORECASE)
_TARGET: Final = re.compile(r"""Target\s*=\s*["']([^"'<>]*)""", re.IGNORECASE)
_REMOTE: Final = re.compile(r"/(?:attachedTemplate|oleObject|frame|subDocument|externalLinkPath)[\"']", re.IGNORECASE)
_DDE: Final = re.compile(r"\bDDE(?:AUTO)?\s+[\"'\w\\]|<(?:\w+:)?ddeLink\b", re.IGNORECASE)
_AUTO: Final = re.compile(
    rb"\b(?:auto_?(?:open|close|exec|exit|new)|document_(?:open|close|new)|workbook_(?:open|activate|beforeclose)|_onload)\b",
    re.I,
)
_ACTS: Final = re.compile(
    rb"\b(?:shell|wscript\.shell|createobject|shellexecute|urldownloadtofile|winhttp|xmlhttp|powershell|adodb\.stream|environ"
    rb"|callbyname|winmgmts|cmd(?:\.exe)?\s*/c)\b",
    re.I,
)
_RTF_OBJECT: Final = re.compile(rb"\\obj(?:data|update|autlink|emb|html|link)\b", re.I)
_RTF_TEMPLATE: Final = re.compile(rb"\\\*\\template\s*\{?\s*(https?://[^\s{}\\]{4,200})", re.I)
_RTF_DDE: Final = re.compile(rb"\bDDE(?:AUTO)?\s", re.I)

MACROS: Final = Signal(
    name="attachments.macros",
    group=Group.ATTACHMENTS,
    seen=N_("The document {file} contains macros, that is programs."),
    why=N_("If you allow them (“enable content”) they do whatever their author wants."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.8},
)
AUTO: Final = Signal(
    name="attachments.macros-start",
    group=Group.ATTACHMENTS,
    seen=N_("Macros of the document {file} start by themselves or call other programs ({calls})."),
    why=N_("That is how documents infect computers."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 2.6},
)
REMOTE: Final = Signal(
    name="attachments.remote-template",
    group=Group.ATTACHMENTS,
    seen=N_("The document {file} fetches a part of itself from {address} when it is opened."),
    why=N_("The harmful part is not in the file, so nobody can check it."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.0},
)
DDE: Final = Signal(
    name="attachments.dde",
    group=Group.ATTACHMENTS,
    seen=N_("A field of the document {file} runs a command."),
    why=N_("The command starts as soon as you click the question away."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.0},
)
OBJECT: Final = Signal(
    name="attachments.object",
    group=Group.ATTACHMENTS,
    seen=N_("An object is packed into the document {file}."),
    why=N_("Programs hide in such objects, and old mistakes of office programs are exploited with them."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 1.4},
)
LOCKED: Final = Signal(
    name="attachments.document-locked",
    group=Group.ATTACHMENTS,
    seen=N_("The document {file} is locked with a password, so that nobody can check it."),
    why=N_(
        "A lock keeps virus scanners out. Banks and payroll offices lock documents too, with a password only you know."
    ),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 0.8, Kind.PHISHING: 0.4},
)


def package(file: File) -> Iterable[Finding]:
    """An OOXML document.  A ZIP file without its parts gives nothing."""
    for info in directory(file.octets)[:2_000]:
        name = info.filename
        if _OBJECT.fullmatch(name):
            yield finding(file, OBJECT, 0.6, name)
        elif _VBA.fullmatch(name):
            yield finding(file, MACROS, 1.0, name)
            yield from _programs(file, _spend(file, member(file.octets, info, _left(file))))
        elif _PARTS.fullmatch(name):
            yield from _part(file, name, _spend(file, member(file.octets, info, _left(file))))


def binary(file: File) -> Iterable[Finding]:
    """A compound file: old documents, and new ones that are locked."""
    opened = compound(file.octets)
    if opened is None:
        return
    names = opened.names()
    if "EncryptedPackage" in names or _word_is_locked(opened):
        yield finding(file, LOCKED)
    if names & {"VBA", "_VBA_PROJECT", "_VBA_PROJECT_CUR", "Macros"}:
        yield finding(file, MACROS, 1.0, "VBA")
        yield from _programs(file, file.octets)
    if "\x01Ole10Native" in names or ("ObjectPool" in names and any(name.endswith("Ole10Native") for name in names)):
        yield finding(file, OBJECT, 0.8, "Ole10Native")


def rich_text(file: File) -> Iterable[Finding]:
    """RTF: objects in it, a template from afar, a field that runs a command."""
    octets = file.octets[:RTF_OCTETS]
    if match := _RTF_TEMPLATE.search(octets):
        address = match[1].decode("ascii", "replace")
        yield finding(file, REMOTE, 1.0, address, address=address)
    if match := _RTF_OBJECT.search(octets):
        yield finding(file, OBJECT, 1.0, match[0].decode("ascii", "replace"))
    if match := _RTF_DDE.search(octets):
        yield finding(file, DDE, 1.0, match[0].decode("ascii", "replace"))


def _part(file: File, name: str, octets: bytes) -> Iterator[Finding]:
    text = octets.decode("utf-8", "replace")
    if name.endswith(".rels"):
        for relationship in _RELATIONSHIP.finditer(text):
            target = _TARGET.search(relationship[0])
            if target and "external" in relationship[0].lower() and _REMOTE.search(relationship[0]):
                address = target[1][:120]
                if "://" in address or address.startswith("\\\\"):
                    yield finding(file, REMOTE, 1.0, address, address=address)
    elif match := _DDE.search(text):
        yield finding(file, DDE, 1.0, match[0])


def _programs(file: File, octets: bytes) -> Iterator[Finding]:
    """Names of what starts and of what acts, in the sources of the macros and in the tables beside them."""
    looked = octets[: 4 * STREAM_OCTETS] + b"\n".join(sources(octets, STREAM_OCTETS))
    starts = list(dict.fromkeys(match[0].decode("latin-1") for match in _AUTO.finditer(looked)))
    acts = list(dict.fromkeys(match[0].decode("latin-1") for match in _ACTS.finditer(looked)))
    if starts or acts:
        strength = 1.0 if starts and acts else 0.6 if starts else 0.4
        calls = ", ".join((starts + acts)[:5])
        yield finding(file, AUTO, strength, calls, calls=calls)


def _word_is_locked(opened: Compound) -> bool:
    """fEncrypted of the file information block.  [MS-DOC] 2.5.2."""
    document = next((entry for entry in opened.entries if entry.name == "WordDocument" and entry.is_stream), None)
    head = opened.read(document, 16) if document else b""
    return len(head) >= 12 and bool(head[11] & 0x01)


def _left(file: File) -> int:
    return min(PART_OCTETS, max(0, file.budget.inflated))


def _spend(file: File, octets: bytes) -> bytes:
    file.budget.inflated -= len(octets)
    return octets


SIGNALS: Final[tuple[Signal, ...]] = (MACROS, AUTO, REMOTE, DDE, OBJECT, LOCKED)
